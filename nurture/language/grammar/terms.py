"""On what terms leads are in a sequence: who enters, who leaves, when mail may go, and what becomes
of those on their way when it is edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from nurture.language.grammar.conditions import Condition


@dataclass(frozen=True)
class Window:
    """When mail may go: `hours` is the key of the opening rows, `zone` 'lead' or an IANA name."""

    hours: str | None
    zone: str


@dataclass(frozen=True)
class Late:
    """A send later than `send_within` after the first allowed instant is skipped or shifted."""

    send_within: timedelta
    otherwise: Literal["skip", "shift"]


@dataclass(frozen=True)
class DateEntry:
    """A lead enters at the date in its `field` plus `days`, at `minute`, else the day's first."""

    field: str
    days: int
    minute: int | None


@dataclass(frozen=True)
class Entry:
    """Who enters: `when` is an EventTest (by event) or a condition (`segment`, standing).

    `key` is the event property that distinguishes enrolments, '' for once per lead.
    `date`: at that instant of its own, who meets `when` then enters; the date is the key.
    `again` is None for never, zero for always, else counted from the end of the last enrolment.
    `within`: an event older than this when it reaches us enters nobody, nor does an older instant.
    `at_most` enter in a day of the workspace; nobody who is `excluded` does.  `asked`: only who is
    asked in, by command, by API or by another sequence.
    """

    when: Condition
    by_event: bool
    key: str
    again: timedelta | None
    within: timedelta
    path: str
    date: DateEntry | None = None
    at_most: int | None = None
    excluded: Condition | None = None
    asked: bool = False


@dataclass(frozen=True)
class ExitRule:
    """Leave when the condition holds (events count from the start of the enrolment)."""

    when: Condition
    reason: str
    path: str


EXIT = "exit"
"""Where `edits` lead that leave the sequence."""


@dataclass(frozen=True)
class Edits:
    """What becomes of leads on earlier versions, when this one is applied.

    `steps` are (key of a step of an earlier version, key of one of this or `exit`).
    """

    enrolled: Literal["stay", "move", "exit"] = "stay"
    steps: tuple[tuple[str, str], ...] = ()
    reason: str = ""


NO_EDITS = Edits()
"""Those who are on their way stay on their version."""
