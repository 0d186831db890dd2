"""The port to whatever tells people things: one notice, and the answer when it comes.

A notifier never raises for what happens to a notice; it answers for each with a verdict, within
`WITHIN`, and no answer says where a channel leads.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from nurture.webhooks.port import Answer, Verdict

WITHIN = timedelta(seconds=100)
"""The longest a notifier may take to answer; a claim holds longer."""


@dataclass(frozen=True)
class Telling:
    """One notice to tell: the same `identity` and words at every try.

    `recipient` and `html` are for mail alone; `at` dates it.
    """

    channel: str
    identity: str
    title: str
    text: str
    at: datetime
    recipient: str = ""
    html: str = ""


class Notifier(Protocol):
    """Tells through channels, several at a time; one that hangs holds up no other."""

    def tell(self, telling: Telling) -> Future[Answer]:
        """Begin to tell; the answer comes within `WITHIN`."""
        ...


class AcceptingNotifier:
    """Of rehearsals: every notice is taken, and none leaves."""

    def tell(self, telling: Telling) -> Future[Answer]:
        """Taken already."""
        return answered("done", f"{telling.channel} took it in a rehearsal")


def answered(verdict: Verdict, reason: str) -> Future[Answer]:
    """An answer that is there already."""
    future: Future[Answer] = Future()
    future.set_result(Answer(verdict, 0, reason))
    return future
