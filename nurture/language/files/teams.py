"""handoff.yaml: teams, the people in them, and which lead goes to which team."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from nurture.language.files.channels import EMAIL
from nurture.language.grammar.condition_fields import ConditionField
from nurture.language.grammar.models import (
    Address,
    Count,
    Days,
    Hours,
    Model,
    Name,
    Names,
    Zone,
    reading,
    whole,
)

LONGEST_AWAY = timedelta(days=731)

Assign = Literal["round_robin", "weighted", "least_loaded"]
Claim = Literal["owner", "company", "parent", "last_rep"]
"""Why a lead is a rep's already."""


def parse_away(value: Any) -> tuple[date, date]:
    """Read `2026-03-02..2026-03-06` (both included), or one day, as its first and last day."""
    try:
        first, dots, last = value.partition("..")
        begin = date.fromisoformat(first.strip())
        end = date.fromisoformat(last.strip()) if dots else begin
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f'"{value}" is no time away: write "2026-03-02", or "2026-03-02..2026-03-06"'
        ) from error
    if not begin <= end <= begin + LONGEST_AWAY:
        raise ValueError(f'"{value}" must end after it begins, within two years')
    return begin, end


_DAY = r"\d{4}-\d\d-\d\d"
Away = Annotated[
    tuple[date, date],
    reading("bad-date", parse_away),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^{_DAY}(\.\.{_DAY})?$",
            "examples": ["2026-03-02..2026-03-06"],
        }
    ),
]
Weight = Annotated[int, BeforeValidator(whole), Field(ge=0, le=100)]
Skills = tuple[Name, ...]


def _time(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return value
    raise ValueError('a time of the day is expected, in quotes: "08:00"')


TimeOfDay = Annotated[str, reading("bad-time", _time), WithJsonSchema({"type": "string"})]


class Person(Model):
    """Somebody who gets notices."""

    name: str
    email: Address


class RepModel(Model):
    """A person in sales.  Hours and calendar default to the team's; `room` is how many open
    handoffs they take at a time, `per_day` how many new ones on one of their days.

    While they are `away` nothing new comes; clocks that run already go on.
    """

    rep: Name
    name: str
    email: Address
    zone: Zone | None = None
    days: Days | None = None
    hours: Hours | None = None
    calendar: str | None = None
    room: Count = 25
    per_day: Count | None = None
    weight: Weight = 1
    skills: Skills = ()
    away: tuple[Away, ...] = ()

    @property
    def days_away(self) -> frozenset[date]:
        """Every day of `away`."""
        spans = [(first, (last - first).days) for first, last in self.away]
        return frozenset(
            first + timedelta(days=day) for first, length in spans for day in range(length + 1)
        )


class Team(Model):
    """A team: who leads it, who works in it, its clocks, and whose turn it is.

    `first` says whose a lead is already, before turns are taken; `channels` how its reps are told,
    by the first that works; `digest` when its manager gets one mail about the day before.
    """

    manager: Person
    zone: Zone
    calendar: str
    sla: Name
    assign: Assign = "round_robin"
    first: tuple[Claim, ...] = ()
    reps: tuple[RepModel, ...] = Field(min_length=1)
    channels: Names = (EMAIL,)
    digest: TimeOfDay | None = None


class Route(Model):
    """`{when: …, team: …}`, `{when: …, rep: …}`, or last `{otherwise: team}`.

    With `skills` only reps who have all of them take the lead.
    """

    when: ConditionField | None = None
    team: str | None = None
    rep: str | None = None
    skills: Skills = ()
    reason: str = ""
    otherwise: str | None = None


class Owners(Model):
    """The fields of a lead that say whose it is: `field` holds a rep's name or address, `parent`
    what leads of one customer have in common."""

    field: str = "owner"
    parent: str | None = None
