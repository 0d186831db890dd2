"""The port to whoever makes calls: one call, and the answer when it comes.

A caller never raises for what happens to a call; it answers for each with a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Webhook
from nurture.ledger.errors import NurtureError

Verdict = Literal["done", "again", "failed"]
"""What became of one try: taken; worth another one; refused for good."""
AGAIN = (408, 425, 429)
"""Codes of 4xx that ask to come again; so does every 5xx."""


@dataclass(frozen=True)
class Call:
    """One call to make: the same `number` and `body` at every try.

    `allow` are the networks it may go to beside the public internet.
    """

    number: str
    name: str
    url: str
    host: str
    body: str
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What became of a try: `status` is 0 where nobody answered, `reason` fit to show.

    `later` is how long the other side asks to be left alone, `said` the values of its answer.
    """

    verdict: Verdict
    status: int
    reason: str
    later: timedelta | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


class CannotCall(NurtureError):
    """Nothing can be called now; the text says why."""


class Caller(Protocol):
    """Makes calls, many at a time."""

    @property
    def trouble(self) -> str:
        """Why nothing can be called, '' when it can."""
        ...

    def call(self, call: Call) -> Future[Answer]:
        """Begin a call; the answer comes within a minute."""
        ...


def wanting(caller: Caller, definitions: Definitions) -> str:
    """Why the calls some sequence makes cannot be made, '' when they can or there are none."""
    programs = definitions.programs.values()
    wanted = any(isinstance(step, Webhook) for program in programs for step in program.steps)
    return caller.trouble if wanted else ""


def judged(status: int, *, later: timedelta | None, said: Mapping[str, Any]) -> Answer:
    """What an answer with this HTTP status means."""
    if 200 <= status < 300:
        return Answer("done", status, f"answered {status}", said=said)
    if status >= 500 or status in AGAIN:
        return Answer("again", status, f"answered {status}", later, said)
    if 300 <= status < 400:
        reason = f"answered {status}: it is somewhere else, and redirects are not followed"
        return Answer("failed", status, reason, said=said)
    return Answer("failed", status, f"refused: answered {status}", said=said)
