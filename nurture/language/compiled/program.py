"""A sequence compiled to a flat program: steps in order, each with its next and its targets.

`position` is the index in `Program.steps`; targets are positions, `None` as `next` ends the
enrolment.  `key` is the step's identity across versions (its `id`, else kind, argument and
ordinal: `send:why-us#1`); `path` is where it stands in the YAML (`trial-welcome/interest/2`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from nurture.language.files.winner import Winner
from nurture.language.grammar.conditions import Condition, EventTest, Value
from nurture.language.grammar.durations import Span
from nurture.language.grammar.terms import NO_EDITS, Edits, Entry, ExitRule, Late, Window


@dataclass(frozen=True)
class Step:
    """What every step has."""

    position: int
    key: str
    path: str
    stage: str
    next: int | None


@dataclass(frozen=True)
class EnterStage(Step):
    """The head of a stage: notes that the lead reached it."""


@dataclass(frozen=True)
class Gate(Step):
    """Hold the lead until `when` holds; after `within` go to `otherwise`."""

    when: Condition
    within: Span
    otherwise: int | None


@dataclass(frozen=True)
class Send(Step):
    """Plan one mail and keep the lead here until it is final; `resend`: at every visit anew."""

    email: str
    topic: str
    anytime: bool = False
    resend: bool = False
    subjects: tuple[tuple[str, str], ...] = ()
    """Subjects of its own, by variant ('' for the only one): sources as in templates."""
    sender: tuple[str, str] | None = None
    """Name and address in From, `OWNER` twice for the lead's rep; None: the workspace's sender."""
    reply_to: str = ""
    """An address, or `OWNER`; '' says nothing."""

    @property
    def of_its_own(self) -> bool:
        """It says more than which mail."""
        return bool(self.subjects or self.sender or self.reply_to)


@dataclass(frozen=True)
class Wait(Step):
    """Keep the lead for a while."""

    span: Span


@dataclass(frozen=True)
class WaitUntil(Step):
    """Keep the lead until a time of day, a weekday, or the date in its `field` plus `away`; at
    `minute` past midnight, else from the day's first.  `of_event`: the field is a property of the
    event that let the lead in, a date or an instant."""

    minute: int | None
    weekday: int | None
    field: str
    away: timedelta
    of_event: bool = False

    @property
    def source(self) -> str:
        """Where the date stands, in words."""
        return f"{self.field} of the event" if self.of_event else self.field


WAITS = (Wait, WaitUntil)
"""Steps whose leads stand behind them already while they wait."""


@dataclass(frozen=True)
class WaitFor(Step):
    """Keep the lead until it does one of the events (`ways`: each with where the first leads to),
    at most `within` (then `otherwise`)."""

    ways: tuple[tuple[EventTest, int | None], ...]
    within: Span
    otherwise: int | None


@dataclass(frozen=True)
class Branch(Step):
    """Go to the first arm whose condition holds, else to `otherwise`."""

    arms: tuple[tuple[Condition, int | None], ...]
    otherwise: int | None


@dataclass(frozen=True)
class Split(Step):
    """Draw an arm (name, percentage of all leads, target) for each lead; `hold_out` percent of
    them go on to `next`.  With a `winner` leads that come later follow it once it is known."""

    name: str
    arms: tuple[tuple[str, float, int | None], ...]
    hold_out: float
    winner: Winner | None = None


@dataclass(frozen=True)
class Update(Step):
    """Write fields (by name: column or attribute), tags, lifecycle, topics.  `taken` are fields
    and the property of the entering event each gets."""

    fields: tuple[tuple[str, bool, Value], ...] = ()
    taken: tuple[tuple[str, bool, str], ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    lifecycle: str | None = None
    topics: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Score(Step):
    """Add points to behaviour."""

    points: float
    reason: str
    half_life: timedelta | None


@dataclass(frozen=True)
class Start(Step):
    """Move the lead to another sequence; this enrolment ends."""

    sequence: str


@dataclass(frozen=True)
class Stop(Step):
    """End the lead's enrolments in another sequence; this one goes on."""

    sequence: str


@dataclass(frozen=True)
class Goto(Step):
    """Go to `target`, the step called `name`; after `at_most` times go on to `next`."""

    name: str
    target: int | None
    at_most: int


@dataclass(frozen=True)
class HandOff(Step):
    """Ask sales to take the lead (no second time while it is with sales)."""

    team: str
    reason: str


@dataclass(frozen=True)
class Webhook(Step):
    """Tell another system of the lead, and keep it here until the answer is final."""

    name: str
    url: str
    host: str
    retry: int
    anytime: bool = False


@dataclass(frozen=True)
class Notify(Step):
    """Write to the team's manager or reps about the lead, or to the lead's own rep, and keep it
    here until the notice is final."""

    team: str
    notice: str
    to: Literal["manager", "reps", "owner"]
    anytime: bool = False


HOLDS = (Send, Webhook, Notify)
"""Steps whose leads stand behind them already while something of theirs is not final."""


@dataclass(frozen=True)
class End(Step):
    """This enrolment is over."""

    reason: str


@dataclass(frozen=True)
class Program:
    """One applied version of one sequence, ready to be walked."""

    sequence: str
    definition_id: int
    description: str
    steps: tuple[Step, ...]
    stages: tuple[str, ...]
    entry: Entry
    exits: tuple[ExitRule, ...]
    goal: ExitRule | None
    window: Window
    late: Late
    with_sales: bool
    """Whether its mails go to leads that are with sales."""
    spread: timedelta = timedelta(0)
    priority: int = 0
    """Its mails go over so long; of a lead's due mails that of the highest priority goes first."""
    edits: Edits = NO_EDITS
    goal_within: timedelta | None = None
    """How long after its end a goal reached still counts."""

    def __hash__(self) -> int:
        """By its number: hashing every step each time it is looked up would cost too much."""
        return hash((self.sequence, self.definition_id))
