"""Any system as a CRM: it takes signed calls with cards, and sends what came of them to `/crm`."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from handoff.crm.port import Card, Pulled, Pushed
from nurture.webhooks.port import Answer, Call, Caller

OF_THE_CARD = (400, 409, 413, 422)
"""Codes that refuse what was said; any other refusal is about the address, or who calls."""
RECORDS = ("contact", "deal")
"""Names in an answer under which the system says what it calls its records."""
Told = TypeVar("Told")
Made = TypeVar("Made")


@dataclass(frozen=True)
class WebhookCrm:
    """Calls `url` for every card, signed as calls of sequences are; `allow` are networks it may lie
    in beside the public internet."""

    caller: Caller
    url: str
    allow: tuple[str, ...] = ()

    @property
    def trouble(self) -> str:
        """Without a secret to sign with nothing is told."""
        return self.caller.trouble

    def push(self, card: Card) -> Future[Pushed]:
        """Call with the card; the call's number is the card's identity."""
        return _then(self._call(card.identity, body_of(card)), _pushed)

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        """It is not asked."""
        done: Future[Pulled] = Future()
        done.set_result(Pulled(Answer("failed", 0, "a webhook is not asked"), cursor=cursor))
        return done

    def check(self) -> Future[Answer]:
        """Call with nothing but `{"type": "crm.test"}`."""
        return self._call(f"crm_{uuid4().hex}", {"type": "crm.test"})

    def _call(self, number: str, body: dict[str, Any]) -> Future[Answer]:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        host = urlsplit(self.url).netloc.lower()
        return _then(self.caller.call(Call(number, "crm", self.url, host, text, self.allow)), judge)


def body_of(card: Card) -> dict[str, Any]:
    """What is sent: the same at every try.  `owner` and `stage` are null where the other system's
    own hold."""
    deal = None
    if card.deal is not None:
        deal = {name: _plain(value) for name, value in asdict(card.deal).items()}
        deal |= {"owner": card.deal.owner or None, "stage": card.deal.stage or None}
    return {
        "type": "crm.lead",
        "id": card.identity,
        "lead": card.key,
        "email": card.email or None,
        "fields": {name: _plain(value) for name, value in card.fields.items()},
        "handoff": deal,
        "refs": dict(card.refs),
    }


def judge(answer: Answer) -> Answer:
    """What a refusal is about: an address that is gone refuses every lead, and is tried again."""
    if answer.verdict == "failed" and answer.status not in OF_THE_CARD:
        return replace(answer, verdict="again")
    return answer


def _pushed(answer: Answer) -> Pushed:
    said = {kind: answer.said.get(f"answer.{kind}") for kind in RECORDS}
    done = answer.verdict == "done"
    return Pushed(answer, {kind: str(ref) for kind, ref in said.items() if done and ref})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _then(future: Future[Told], make: Callable[[Told], Made]) -> Future[Made]:
    """A future of what is made of another's result."""
    made: Future[Made] = Future()

    def pass_on(done: Future[Told]) -> None:
        made.set_result(make(done.result()))

    future.add_done_callback(pass_on)
    return made
