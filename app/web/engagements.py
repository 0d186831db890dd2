"""`POST /engagements`: a batch comes in whole, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.web.access import bearer_text, require
from app.web.forms import json_body
from app.web.site import site_of
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import OWN, EngagementIn, Refusal, read_engagements

MOST = 1000
"""Engagements in one batch."""
LIST = "engagements"
_BATCH = TypeAdapter(list[EngagementIn])
_ALLOWED = f"a JSON array of at most {MOST} engagements, or an object with it as {LIST!r}"

router = APIRouter()


class Refused(Exception):
    """The batch does not fit; nothing of it is kept."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__()
        self.refusals = refusals


_KEPT = {
    "type": "object",
    "properties": {name: {"type": "integer"} for name in ("accepted", "duplicates", "parked")},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "The batch is kept.", "content": {"application/json": {"schema": _KEPT}},
    },
    401: {"description": "A token is needed."},
    403: {"description": "The token has another scope."},
    415: {"description": "The body is not application/json."},
    422: {"description": "Nothing of the batch is kept; `refused` names every problem."},
    429: {"description": "Too much came from this network."},
}  # fmt: skip
_DOCUMENT = EngagementIn.model_json_schema()


@router.post(
    "/engagements", status_code=202, responses=_ANSWERS,
    openapi_extra={
        "x-scopes": ["ingest"],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "maxItems": MOST, "items": _DOCUMENT}
                }
            },
        },
    },
)  # fmt: skip
async def post_engagements(request: Request) -> JSONResponse:
    """Keep a batch of engagements; 202 with what became of them, 422 with every problem."""
    site = site_of(request)
    given = bearer_text(request)
    if site.read_only:
        raise HTTPException(403)
    body = await json_body(request)

    def store() -> dict[str, int]:
        batch = _read(body)
        may = frozenset(site.runtime.definitions().workspace.intake.may_create_leads)
        with site.runtime.ledger.begin() as session:
            require(session, request, given, "ingest")
            if isinstance(batch, Refused):
                raise batch
            return _keep(session, batch, may, site.now)

    try:
        counts = await site.apart(store)
    except Refused as refused:
        said = [refusal._asdict() for refusal in refused.refusals]
        return JSONResponse({"error": "Nothing of this batch was kept.", "refused": said}, 422)
    site.poke()
    return JSONResponse(counts, 202)


def _read(body: bytes) -> list[EngagementIn] | Refused:
    """The batch, or every problem it has; an array is read in one go."""
    if body.lstrip()[:1] == b"[":
        try:
            return _fitting(_BATCH.validate_json(body))
        except ValidationError:
            pass
    try:
        raw = from_json(body)
    except ValueError:
        return Refused([Refusal(0, "", "the body is not JSON", _ALLOWED)])
    if isinstance(raw, dict) and set(raw) == {LIST}:
        raw = raw[LIST]
    if not isinstance(raw, list):
        return Refused([Refusal(0, "", "the body is not a batch", _ALLOWED)])
    if len(raw) > MOST:
        return _too_many(raw)
    read, refusals = read_engagements(raw)
    return Refused(refusals) if refusals else _fitting([each for _, each in read])


def _fitting(batch: list[EngagementIn]) -> list[EngagementIn] | Refused:
    if len(batch) > MOST:
        return _too_many(batch)
    own = [
        Refusal(index, "source", "is the engine's own name", "a name of the sending system's own")
        for index, each in enumerate(batch)
        if each.source == OWN
    ]
    return Refused(own) if own else batch


def _too_many(batch: Sequence[Any]) -> Refused:
    return Refused([Refusal(MOST, "", f"the batch holds {len(batch)} engagements", _ALLOWED)])


def _keep(
    session: Session, batch: list[EngagementIn], may_create: frozenset[str], now: Any
) -> dict[str, int]:
    """Take the batch in, those that may create leads apart from the others; Refused undoes both."""
    counts = {"accepted": 0, "duplicates": 0, "parked": 0}
    refusals: list[Refusal] = []
    for create in (True, False):
        places = [i for i, each in enumerate(batch) if (each.source in may_create) is create]
        if not places:
            continue
        chosen = batch if len(places) == len(batch) else [batch[place] for place in places]
        result = take(session, chosen, now=now, create_leads=create)
        refusals += [each._replace(position=places[each.position]) for each in result.refused]
        for name in counts:
            counts[name] += getattr(result, name)
    if refusals:
        raise Refused(sorted(refusals))
    return counts
