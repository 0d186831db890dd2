"""handoff.yaml: teams, the people in them, and which lead goes to which team."""

from __future__ import annotations

from pydantic import Field

from nurture.language.condition_fields import ConditionField
from nurture.language.models import Address, Count, Days, Hours, Model, Name, Zone


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
