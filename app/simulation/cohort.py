"""Leads made up from the distributions of a simulation.yaml."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from app.dice import Dice
from app.simulation.model import Deed, Group, Habit
from nurture.language.grammar.conditions import FieldType
from nurture.ledger.imports.values import attribute
from nurture.ledger.intake.lead_rows import FIELDS, LeadRow, read_lead


@dataclass(frozen=True)
class Newcomer:
    """A lead, when it comes, and what it does from then on."""

    at: datetime
    row: LeadRow
    first: tuple[Deed, ...] = ()
    habits: tuple[Habit, ...] = ()


@dataclass
class MadeUp:
    """Leads drawn from the groups of a simulation.yaml."""

    groups: tuple[Group, ...]
    common: tuple[Habit, ...]
    types: Mapping[str, FieldType]
    dice: Dice
    _upto: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self._upto = list(accumulate(group.weight for group in self.groups))

    def arrivals(self, count: int, begin: datetime) -> list[tuple[datetime, int]]:
        """When each of so many leads comes, in order."""
        found = []
        for number in range(count):
            over = self._group(number).arrive or timedelta()
            late = round(self.dice.draw("arrive", number) * over.total_seconds())
            found.append((begin + timedelta(seconds=late), number))
        return sorted(found)

    def newcomer(self, at: datetime, number: int) -> Newcomer:
        """The lead of a number."""
        group = self._group(number)
        drawn = {
            name: choice.pick(self.dice.draw("field", name, number))
            for name, choice in group.fields.items()
        }
        return Newcomer(
            at,
            made(f"lead-{number + 1}@example.test", drawn, self.types),
            group.first,
            (*group.events, *self.common),
        )

    def _group(self, number: int) -> Group:
        drawn = self.dice.draw("group", number) * self._upto[-1]
        return self.groups[min(bisect_right(self._upto, drawn), len(self.groups) - 1)]


def made(email: str, drawn: Mapping[str, Any], types: Mapping[str, FieldType]) -> LeadRow:
    """A lead of drawn values, read as the cells of a file are.  Raises InputRefused."""
    fields = {"email": email}
    attributes = {}
    for name, value in drawn.items():
        cell = str(value).lower() if isinstance(value, bool) else str(value)
        if name in FIELDS:
            fields[name] = cell
        elif (found := attribute(name, cell, types)) is not None:
            attributes[name] = found
    return read_lead(fields, attributes)
