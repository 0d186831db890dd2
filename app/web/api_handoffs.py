"""`/api/handoffs`: other systems see what is with sales, and answer as sales does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session
from starlette.datastructures import QueryParams
from starlette.responses import Response

from app.web import api_models as api
from app.web.access import bearer_text, require
from app.web.api_answers import ANSWERING, VERBS, answering
from app.web.api_documents import number_of, one, read, written, wrong
from app.web.faults import SAID
from app.web.site import Site, site_of
from handoff.answering import follow_ups
from handoff.desk import board, brief
from handoff.tables import HANDOFF
from nurture.language.grammar.vocabulary import HANDOFF_STATES
from nurture.ledger.errors import InputRefused, NotFound
from nurture.ledger.intake.leads import find_lead

LOOKING = ("read", "sales")
"""Scopes that may look at handoffs."""
MOST = 200
"""Handoffs of one page."""
H = HANDOFF.c
KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {
        "type": "string", "description": "Sent again within a day, it is answered as it was first.",
    },
}  # fmt: skip
MEANING = {
    401: "The token is missing, wrong, or over.",
    403: "The token has another scope.",
    404: "There is no such handoff, or lead.",
    409: "Somebody was faster, or its state does not allow it; `handoff` is as it is now.",
    415: "The body is not application/json.",
}
"""What codes mean here, where that is more than what they mean everywhere."""
router = APIRouter()


class Query(BaseModel):
    """Which handoffs; what is not said does not matter."""

    model_config = ConfigDict(extra="forbid")

    state: list[str] = []
    team: str = ""
    rep: str = ""
    lead: str = Field("", description="An address, or id:<external id>.")
    late: bool = False
    limit: int = Field(50, ge=1, le=MOST)
    after: int = Field(0, ge=0, le=2**63 - 1, description="Only numbers above this one.")


async def list_handoffs(request: Request) -> Response:
    """Handoffs in the order of their numbers, a page at a time."""
    return await _looking(request, lambda session, site: _page(session, site, request.query_params))


async def show_handoff(request: Request, number: str) -> Response:
    """One handoff: deadlines, ladder, what a rep should know, and what follows."""
    return await _looking(request, lambda session, site: _in_full(session, site, number))


async def _looking(request: Request, look: Callable[[Session, Site], BaseModel]) -> Response:
    site, given = site_of(request), bearer_text(request)

    def looked(session: Session) -> BaseModel:
        require(session, request, given, *LOOKING)
        return look(session, site)

    try:
        return written(await site.read(looked))
    except (NotFound, InputRefused) as error:
        return wrong(error)


def _page(session: Session, site: Site, params: QueryParams) -> api.Listed:
    said: dict[str, Any] = dict(params)
    if "state" in said:
        said["state"] = params.getlist("state")
    wanted = read(Query, said)
    unknown = set(wanted.state) - {*HANDOFF_STATES}
    if unknown:
        raise InputRefused(f"state is one of {', '.join(HANDOFF_STATES)}.")
    asked = {H.team: wanted.team, H.rep: wanted.rep}
    only = [column == value for column, value in asked.items() if value]
    only += [H.state.in_(wanted.state)] if wanted.state else []
    only += [H.lead_id == find_lead(session, wanted.lead).id] if wanted.lead else []
    only += [site.now > board.DUE] if wanted.late else []
    rows = board.listed(
        session, H.id > wanted.after, *only, order=(H.id,), now=site.now, limit=wanted.limit
    )
    behind = rows[-1].id if len(rows) == wanted.limit else None
    return api.Listed(handoffs=[api.Handoff.model_validate(row) for row in rows], next=behind)


def _in_full(session: Session, site: Site, number: str) -> api.HandoffInFull:
    handoff = number_of(number)
    now = site.now
    row = one(session, site, handoff)
    facts = brief.lead_of(session, site.runtime.definitions(), handoff, now=now)
    follow_up = follow_ups.planned(session, handoff)
    return api.HandoffInFull(
        **row.model_dump(),
        rungs=[api.Rung.model_validate(each) for each in board.rungs_of(session, handoff)],
        brief=api.Brief.model_validate(facts),
        follow_up=api.FollowUp.model_validate(follow_up) if follow_up else None,
    )


def said_of(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What the description says of answers that change nothing."""
    return {
        code: {"model": api.Problem, "description": MEANING.get(code, SAID[code][1])}
        for code in codes
    }


def _describe() -> None:
    """The routes, each with what its description says beside its own words."""
    query = Query.model_json_schema()["properties"]
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in query.items()
    ]
    for path, look, answers_with, asked in (
        ("/api/handoffs", list_handoffs, api.Listed, parameters),
        ("/api/handoffs/{number}", show_handoff, api.HandoffInFull, []),
    ):
        more: dict[str, Any] = {"x-scopes": [*LOOKING]} | ({"parameters": asked} if asked else {})
        router.add_api_route(
            path, look, methods=["GET"], response_model=answers_with, openapi_extra=more,
            response_description=answers_with.__doc__ or "",
            responses=said_of(401, 403, 404, 422, 429),
        )  # fmt: skip
        router.add_api_route(path, look, methods=["HEAD"], include_in_schema=False)
    for verb, (model, *_) in VERBS.items():
        content = {"application/json": {"schema": model.model_json_schema()}}
        router.add_api_route(
            f"/api/handoffs/{{number}}/{verb}", answering(verb), methods=["POST"], name=verb,
            description=model.__doc__, response_model=api.Done,
            response_description=api.Done.__doc__ or "",
            responses=said_of(401, 403, 404, 409, 415, 422, 429),
            openapi_extra={
                "x-scopes": [ANSWERING], "parameters": [KEY],
                "requestBody": {"required": True, "content": content},
            },
        )  # fmt: skip


_describe()
