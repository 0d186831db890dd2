"""handoff.yaml: teams, reps, routing, SLA clocks, ladders, recycling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nurture.language.condition_fields import ConditionField, Segments
from nurture.language.models import (
    Address,
    Count,
    Days,
    Duration,
    Hours,
    Model,
    Name,
    Names,
    Zone,
    reading,
)


class Person(Model):
    """Somebody who gets notices."""

    name: str
    email: Address


class RepModel(Model):
    """A person in sales.  Hours and calendar default to the team's; `room` is how many open
    handoffs they take at a time."""

    rep: Name
    name: str
    email: Address
    zone: Zone | None = None
    days: Days | None = None
    hours: Hours | None = None
    calendar: str | None = None
    room: Count = 25


class Team(Model):
    """A team: who leads it, who works in it, its clocks."""

    manager: Person
    zone: Zone
    calendar: str
    sla: Name
    reps: tuple[RepModel, ...] = Field(min_length=1)


class Route(Model):
    """`{when: …, team: …}`, or last `{otherwise: team}`."""

    when: ConditionField | None = None
    team: str | None = None
    reason: str = ""
    otherwise: str | None = None


class Opening(Model):
    """A line the rep may open the call with: the first whose condition holds."""

    when: ConditionField | None = None
    say: str


def parse_share(text: object) -> float:
    """Read `50%` as 0.5."""
    if isinstance(text, str) and text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = -1.0
        if 0 < share <= 10:
            return share
    raise ValueError(f'{text!r} is not a share of the window: write it as "50%"')


class RungModel(Model):
    """A rung at a share of the clock's window (`at: 50%`) or an offset after its end (`after:`).

    Exactly one action: `remind: rep`, `tell: manager`, `give: next rep`,
    `recycle: <sequence>` (back to nurture, into that sequence).
    """

    at: Annotated[float, reading("bad-share", parse_share)] | None = None
    after: Duration | None = None
    remind: Literal["rep"] | None = None
    tell: Literal["manager"] | None = None
    give: Literal["next rep"] | None = None
    recycle: str | None = None

    @property
    def action(self) -> str:
        """`remind`, `tell`, `give` or `recycle`."""
        return next(verb for verb in ("remind", "tell", "give", "recycle") if getattr(self, verb))


class Sla(Model):
    """The clocks of a handoff and the ladder each climbs when it lapses."""

    accept: Duration
    first_touch: Duration
    ladder: Name


class Recycle(Model):
    """What happens to a lead sales sends back, or lets lapse: the sequence it starts, how often at
    most (ladders count as well), the reasons suggested."""

    sequence: str | None = None
    at_most: Count = 3
    reasons: Names = ("not a fit", "no budget", "wrong contact", "bad timing")


class HandoffRules(Model):
    """handoff.yaml, whole."""

    teams: dict[Name, Team]
    routing: tuple[Route, ...]
    sla: dict[Name, Sla]
    ladders: dict[Name, tuple[RungModel, ...]]
    openings: tuple[Opening, ...] = ()
    recycle: Recycle = Recycle()
    segments: Segments = {}
