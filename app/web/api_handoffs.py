"""`/api/handoffs`: other systems see what is with sales, and answer as sales does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web import api_models as api
from app.web.access import bearer_text, require
from app.web.faults import SAID, status_of
from app.web.forms import json_body
from app.web.site import Site, site_of
from handoff.answering import answers, follow_ups, outcomes
from handoff.answering.deciding import Answer
from handoff.desk import board, brief
from handoff.desk.seats import speaker
from handoff.tables import HANDOFF
from nurture.language.grammar.vocabulary import HANDOFF_STATES
from nurture.ledger import tables as t
from nurture.ledger.access import idempotency
from nurture.ledger.access.tokens import Bearer
from nurture.ledger.errors import Conflict, InputRefused, LedgerError, NotFound
from nurture.ledger.intake.leads import find_lead

LOOKING = ("read", "sales")
"""Scopes that may look at handoffs."""
ANSWERING = "sales"
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


class _NotFitting(InputRefused):
    """A document with parts that do not fit."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__("Something in the request does not fit; nothing was changed.")
        self.refused = [
            api.Refused(field=".".join(map(str, each["loc"])), problem=each["msg"])
            for each in error.errors(include_url=False, include_input=False)
        ]


async def list_handoffs(request: Request) -> Response:
    """Handoffs in the order of their numbers, a page at a time."""
    return await _looking(request, lambda session, site: _page(session, site, request.query_params))


async def show_handoff(request: Request, number: str) -> Response:
    """One handoff: deadlines, ladder, what a rep should know, and what follows."""
    return await _looking(request, lambda session, site: _in_full(session, site, number))


async def _looking(request: Request, look: Callable[[Session, Site], BaseModel]) -> Response:
    site, given = site_of(request), bearer_text(request)

    def read(session: Session) -> BaseModel:
        require(session, request, given, *LOOKING)
        return look(session, site)

    try:
        return _json(await site.read(read))
    except (NotFound, InputRefused) as error:
        return _wrong(error)


def _page(session: Session, site: Site, params: QueryParams) -> api.Listed:
    said: dict[str, Any] = dict(params)
    if "state" in said:
        said["state"] = params.getlist("state")
    wanted = _read(Query, said)
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
    handoff = _number(number)
    now = site.now
    row = _one(session, site, handoff)
    facts = brief.lead_of(session, site.runtime.definitions(), handoff, now=now)
    follow_up = follow_ups.planned(session, handoff)
    return api.HandoffInFull(
        **row.model_dump(),
        rungs=[api.Rung.model_validate(each) for each in board.rungs_of(session, handoff)],
        brief=api.Brief.model_validate(facts),
        follow_up=api.FollowUp.model_validate(follow_up) if follow_up else None,
    )


def _one(session: Session, site: Site, handoff: int) -> api.Handoff:
    rows = board.handoffs(session, now=site.now, handoff=handoff)
    if not rows:
        raise NotFound(f"There is no handoff {handoff}.")
    return api.Handoff.model_validate(rows[0])


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise NotFound(f"There is no handoff {text[:20]!r}.")
    return int(text)


Verb = tuple[type[api.Asked], Callable[..., Answer], Callable[[Any], dict[str, Any]]]


def _of(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda said: {name: getattr(said, name) for name in names}


VERBS: dict[str, Verb] = {
    "accept": (api.Accept, answers.accept, _of()),
    "reject": (api.Reject, answers.reject, _of("reason")),
    "touch": (api.Touch, answers.touch, _of("how")),
    "give": (api.Give, answers.give, _of("to")),
    "recycle": (api.Recycle, answers.recycle, _of("reason")),
    "pause": (api.Pause, answers.pause, _of("until", "reason")),
    "snooze": (
        api.Snooze, answers.snooze, lambda said: {"length": timedelta(minutes=said.minutes)},
    ),
    "resume": (api.Resume, answers.resume, _of()),
    "outcome": (api.Outcome, outcomes.outcome, _of("result", "amount", "reason")),
}  # fmt: skip
"""By verb: the document it takes, the answer it gives, and what that is told."""


def answering(verb: str) -> Callable[[Request, str], Awaitable[Response]]:
    """The endpoint of one verb."""

    async def answer(request: Request, number: str) -> Response:
        site, given = site_of(request), bearer_text(request)
        if site.read_only:
            raise HTTPException(403)
        body = await json_body(request)
        key = request.headers.get("idempotency-key")
        try:
            status, text = await site.apart(lambda: _post(request, given, verb, number, body, key))
        except Conflict as error:
            now = await site.read(lambda session: _one(session, site, _number(number)))
            return _wrong(error, handoff=now)
        except (NotFound, InputRefused) as error:
            return _wrong(error)
        site.poke()
        return Response(text, status, media_type="application/json")

    return answer


def _post(
    request: Request, given: str, verb: str, number: str, body: bytes, key: str | None
) -> tuple[int, str]:
    """Answer in one transaction, or repeat what was answered under the same key."""
    site = site_of(request)
    definitions = site.runtime.definitions()
    with site.runtime.ledger.begin() as session:
        bearer = require(session, request, given, ANSWERING)
        repeat = None
        if key is not None:
            mark = hashlib.sha256(b"\0".join((verb.encode(), number.encode(), body))).hexdigest()
            repeat = idempotency.begin(session, bearer.prefix, key, mark, now=site.now)
            if repeat.answered:
                return repeat.status, repeat.body
        status, text = _give(session, site, definitions, bearer, verb, number, body)
        if repeat is not None:
            idempotency.keep(session, repeat, status=status, body=text)
    return status, text


def _give(
    session: Session, site: Site, definitions: Any, bearer: Bearer, verb: str, number: str,
    body: bytes,
) -> tuple[int, str]:  # fmt: skip
    """Give the answer, note in the lead's timeline through which token, and say what is now."""
    model, give, told = VERBS[verb]
    handoff, said = _number(number), _read(model, body)
    by = speaker(definitions, said.by)
    done = give(
        session, definitions, handoff, by=by, generation=said.generation, now=site.now,
        **told(said),
    )  # fmt: skip
    now = _one(session, site, handoff)
    said_by = f"by token {bearer.name} ({bearer.prefix}_…)"
    asked = f"{verb} of handoff {handoff}"
    session.add(
        t.Change(lead_id=now.lead_id, at=site.now, field="API", new=asked, reason=said_by)
    )
    if done.done:
        return 200, api.Done(text=done.text, handoff=now).model_dump_json()
    return 409, api.Problem(error=done.text, handoff=now).model_dump_json(exclude_none=True)


def _read(model: type[Any], said: bytes | dict[str, Any]) -> Any:
    try:
        if isinstance(said, bytes):
            return model.model_validate_json(said or b"{}")
        return model.model_validate(said)
    except ValidationError as error:
        raise _NotFitting(error) from None


def _json(document: BaseModel, status: int = 200, *, without_none: bool = False) -> Response:
    text = document.model_dump_json(exclude_none=without_none)
    return Response(text, status, media_type="application/json")


def _wrong(error: LedgerError | Exception, *, handoff: api.Handoff | None = None) -> Response:
    refused = getattr(error, "refused", None)
    document = api.Problem(error=str(error), handoff=handoff, refused=refused)
    return _json(document, status_of(error), without_none=True)


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
