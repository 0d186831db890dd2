"""What other systems answer, as sales does: an endpoint a verb, each request once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web import api_models as api
from app.web.access import bearer_text, require
from app.web.api_documents import number_of, one, read, wrong
from app.web.forms import json_body
from app.web.site import Site, site_of
from handoff.answering import answers, outcomes
from handoff.answering.deciding import Answer
from handoff.desk.seats import speaker
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.access import idempotency
from nurture.ledger.access.tokens import Bearer
from nurture.ledger.errors import Conflict, InputRefused, NotFound

ANSWERING = "sales"
"""The scope that may answer."""
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
            now = await site.read(lambda session: one(session, site, number_of(number)))
            return wrong(error, handoff=now)
        except (NotFound, InputRefused) as error:
            return wrong(error)
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
    session: Session, site: Site, definitions: Definitions, bearer: Bearer, verb: str, number: str,
    body: bytes,
) -> tuple[int, str]:  # fmt: skip
    """Give the answer, note in the lead's timeline through which token, and say what is now."""
    model, give, told = VERBS[verb]
    handoff, said = number_of(number), read(model, body)
    by = speaker(definitions, said.by)
    done = give(
        session, definitions, handoff, by=by, generation=said.generation, now=site.now,
        **told(said),
    )  # fmt: skip
    now = one(session, site, handoff)
    said_by = f"by token {bearer.name} ({bearer.prefix}_…)"
    asked = f"{verb} of handoff {handoff}"
    session.add(
        t.Change(lead_id=now.lead_id, at=site.now, field="API", new=asked, reason=said_by)
    )
    if done.done:
        return 200, api.Done(text=done.text, handoff=now).model_dump_json()
    return 409, api.Problem(error=done.text, handoff=now).model_dump_json(exclude_none=True)
