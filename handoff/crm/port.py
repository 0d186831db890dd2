"""The port to a CRM: what it is to hold of one lead, and what it says happened there.

A CRM never raises for what happens to a push or a pull; it answers with a verdict, within `WITHIN`,
and no answer holds a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from nurture.webhooks.port import Answer

WITHIN = timedelta(seconds=60)
"""The longest a CRM may take to answer; a claim holds longer."""

Value = str | int | float | bool | datetime | None


@dataclass(frozen=True)
class Deal:
    """A handoff as the CRM is to hold it, found again there by `key`.

    `owner` is the CRM's own name of the rep, '' where the lead waits in a queue or the rep has no
    name there: the CRM's owner is left as it is.  `stage` is the CRM's word for the handoff's
    state, '' where none is mapped: the stage there is left as it is.  `link` leads to the brief.
    """

    key: str
    title: str
    state: str
    stage: str
    owner: str
    reason: str
    opened_at: datetime
    link: str
    due_at: datetime | None = None
    closed_at: datetime | None = None
    amount: float | None = None


@dataclass(frozen=True)
class Card:
    """All that a CRM is to hold of one lead: pushed whole, the same card at every try.

    `key` is the lead's external id, the same for ever; `identity` names this push, so that one
    repeated can be known; `fields` are values under the CRM's own names, as `crm.fields` maps them;
    `refs` what the CRM called its records at the last push that it took.
    """

    key: str
    identity: str
    email: str
    fields: Mapping[str, Value]
    owner: str = ""
    deal: Deal | None = None
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pushed:
    """What became of a push; `refs` are its ids, by kind: `{"contact": "51", "deal": "7"}`."""

    answer: Answer
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What the CRM says of one handoff now: who owns it, and its word for what came of it.

    `identity` is the same for the same change however often it is said; `deal` is the handoff's
    key.  `owner` is the CRM's own name of somebody, '' where it says nothing of it; `stage` its
    word for the state, '' likewise.
    """

    identity: str
    deal: str
    at: datetime
    owner: str = ""
    stage: str = ""
    amount: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Pulled:
    """What a look at the CRM brought: changes in the order they were made, and where the next look
    begins.  `more` when the next may come at once.  After an answer that is not done: no changes,
    and the cursor as it was."""

    answer: Answer
    changes: tuple[Change, ...] = ()
    cursor: str = ""
    more: bool = False


class Crm(Protocol):
    """One CRM.  Several pushes may be under way at a time; one that hangs holds up no tick."""

    @property
    def trouble(self) -> str:
        """Why it cannot be reached at all (a token is not set), '' when it can."""
        ...

    def push(self, card: Card) -> Future[Pushed]:
        """Begin to bring its records of a lead, and of the handoff, up to the card: made where they
        are missing, never twice, however often it is asked."""
        ...

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        """Begin to ask what changed since `cursor` ('' for the first look)."""
        ...

    def check(self) -> Future[Answer]:
        """Begin to try the way there and the permissions, changing nothing."""
        ...
