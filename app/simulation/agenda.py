"""What people are going to do, kept by the step of the clock it falls into."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple


class Act(NamedTuple):
    """Something a lead or a rep does at an instant; `subject` is the mail or handoff it is about.

    Acts are told apart and put in order by all but `detail`.
    """

    at: datetime
    lead: int
    what: str
    subject: int
    detail: Any = None


@dataclass
class Agenda:
    """Acts from `begin` on, found by steps of `step`; the last step is the end of the story."""

    begin: datetime
    step: timedelta
    steps: int
    _kept: dict[int, list[Act]] = field(default_factory=lambda: defaultdict(list))

    def instant(self, number: int) -> datetime:
        """The instant a step ends."""
        return self.begin + number * self.step

    def put(self, act: Act) -> None:
        """Note an act; one that happens after the end never happens."""
        number = -((self.begin - act.at) // self.step)
        if number <= self.steps:
            self._kept[max(number, 0)].append(act)

    def take(self, number: int) -> list[Act]:
        """The acts of a step, in the order they happen."""
        return sorted(self._kept.pop(number, ()), key=lambda act: act[:4])
