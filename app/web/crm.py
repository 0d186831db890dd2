"""`POST /crm`: what another system says came of handoffs, signed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.web.access import network
from app.web.forms import json_body
from app.web.site import Site, site_of
from flows.work import syncing
from handoff.answering import outcomes
from handoff.crm.cards import DEAL_KEY
from handoff.crm.keeping import model_of
from handoff.crm.port import Change
from handoff.crm.pulling import take_in
from nurture.webhooks.received import NotSigned, verify

MOST = 100
"""Changes in one call."""
Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
FORM = (
    f'a JSON object {{"id", "handoff", "at", "owner", "stage", "amount", "reason"}}, or a list of'
    f" at most {MOST}"
)

router = APIRouter()


class Said(BaseModel):
    """One change: what the other system says of a handoff now."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: Annotated[str, Field(max_length=200, pattern=r"^[!-~]*$")] = ""
    handoff: Annotated[str, Field(pattern=r"^[!-~]{1,100}$")]
    at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    owner: Text | None = None
    stage: Text | None = None
    amount: Annotated[float | None, Field(strict=False, ge=0, le=outcomes.LARGEST)] = None
    reason: Text | None = None


_MANY: TypeAdapter[list[Said]] = TypeAdapter(list[Said])


@router.post("/crm")
async def post_changes(request: Request) -> JSONResponse:
    """Do what a signed call says; 200 with what came of each, once all of it is kept.

    A call that comes again is answered again, and does nothing again.
    """
    site = site_of(request)
    if site.wrong.over(network(request)):
        raise HTTPException(429)
    if site.read_only:
        raise HTTPException(403)
    body = await json_body(request)
    try:
        number = verify(site.runtime.crm_keys, request.headers, body, now=site.now)
    except NotSigned as refused:
        site.wrong.take(network(request))
        return JSONResponse({"error": f"{refused}."}, 401)
    try:
        said = _read(body)
    except ValueError as wrong:
        return JSONResponse({"error": f"{wrong}. Allowed: {FORM}."}, 422)
    changes = [_change(each, number, place, site.now) for place, each in enumerate(said)]
    told = await site.apart(lambda: _keep(site, changes))
    site.poke()
    return JSONResponse({"done": told})


def _read(body: bytes) -> list[Said]:
    """What the call says; ValueError says what is wrong with it, without repeating it."""
    try:
        raw = from_json(body)
    except ValueError:
        raise ValueError("The body is not JSON") from None
    raw = raw if isinstance(raw, list) else [raw]
    if not 1 <= len(raw) <= MOST:
        raise ValueError(f"The call holds {len(raw)} changes")
    try:
        return _MANY.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place, *where = first["loc"]
        name = f", {where[0]}" if where and where[0] in Said.model_fields else ""
        said = "an object is expected" if first["type"] == "model_type" else first["msg"]
        raise ValueError(f"Change {int(place) + 1}{name}: {said}") from None


def _change(said: Said, number: str, place: int, now: datetime) -> Change:
    key = said.handoff if said.handoff.startswith(DEAL_KEY) else f"{DEAL_KEY}{said.handoff}"
    return Change(
        identity=f"said:{said.id}" if said.id else f"call:{number}/{place}",
        deal=key,
        at=said.at or now,
        owner=said.owner or "",
        stage=said.stage or "",
        amount=said.amount,
        reason=said.reason or "",
    )


def _keep(site: Site, changes: list[Change]) -> list[dict[str, Any]]:
    passes = syncing(site.runtime)
    if model_of(passes.definitions) is None:
        raise HTTPException(404)
    return [{"handoff": each.deal, "said": take_in(passes, each)} for each in changes]
