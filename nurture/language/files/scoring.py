"""scoring.yaml: what engagements and fields are worth, and where the line to sales is."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import WithJsonSchema

from nurture.language.grammar.condition_fields import ConditionField, EventField, Segments
from nurture.language.grammar.conditions import EventTest
from nurture.language.grammar.models import Elapsed, Model, Name, Number, reading
from nurture.ledger.worth import ROUNDING


def _grade(value: object) -> str:
    """`A`, `B+`, `gold`."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+-]{0,15}", value):
        return value
    raise ValueError(f'"{value}" is no grade: letters and digits, also + and -, 16 at most')


Grade = Annotated[
    str,
    reading("bad-name", _grade),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9+-]{0,15}$"}),
]
Lifecycle = Literal[
    "subscriber", "lead", "mql", "sal", "sql", "opportunity", "customer", "recycled",
    "disqualified",
]  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """At most `points` from one rule in a day, a week (Monday to Sunday) or ever.

    Days are the workspace zone's.
    """

    points: float
    per: Literal["day", "week", "lead"]


def parse_limit(text: object) -> Limit:
    """Read `20 per day`, `50 per week`, `100 per lead`."""
    words = str(text).split()
    form = 'write it as "20 per day", "50 per week" or "100 per lead"'
    if len(words) != 3 or words[1] != "per" or words[2] not in ("day", "week", "lead"):
        raise ValueError(f"{text!r} is not a limit: {form}")
    try:
        points = float(words[0])
    except ValueError as error:
        raise ValueError(f"{text!r} is not a limit: {form}") from error
    if not 0 < points < 1e9:
        raise ValueError(f"{text!r}: a limit is above zero")
    per: Literal["day", "week", "lead"] = words[2]  # type: ignore[assignment]
    return Limit(points, per)


class BehaviourRule(Model):
    """Points for each engagement that matches; only points gained fade (`half_life`)."""

    rule: Name
    when: EventField
    points: Number
    limit: Annotated[Limit, reading("bad-limit", parse_limit)] | None = None
    half_life: Elapsed | None = None
    reason: str = ""

    @property
    def event(self) -> EventTest:
        """The engagement this rule is about."""
        return self.when

    @property
    def fades(self) -> timedelta | None:
        """The half-life of the points, None when they stay (points taken away always do)."""
        return self.half_life if self.points > 0 else None


class FitRule(Model):
    """Points while the condition about the lead's fields, tags or lifecycle holds."""

    rule: Name
    when: ConditionField
    points: Number
    reason: str = ""


class Threshold(Model):
    """Crossing `at` upwards opens an episode; below `at - rearm` it closes."""

    threshold: Name
    at: Number
    rearm: Number = 0
    lifecycle: Lifecycle = "mql"


class Scoring(Model):
    """scoring.yaml, whole."""

    behaviour: tuple[BehaviourRule, ...] = ()
    fit: tuple[FitRule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    grades: dict[Grade, Number] = {}
    segments: Segments = {}

    def grade_of(self, fit: float) -> str | None:
        """The grade of a fit: the best whose least it reaches; None below the last."""
        return next((name for name, least in self._best_first if fit >= least - ROUNDING), None)

    def ranges(self, grades: Collection[str]) -> list[tuple[float, float | None]]:
        """The fits that have one of these grades: from a least to below the next better (None for
        no end), those that touch in one."""
        found: list[tuple[float, float | None]] = []
        below: float | None = None
        for name, least in self._best_first:
            if name in grades:
                if found and found[-1][0] == below:
                    found[-1] = (least, found[-1][1])
                else:
                    found.append((least, below))
            below = least
        return found

    @property
    def _best_first(self) -> list[tuple[str, float]]:
        return sorted(self.grades.items(), key=lambda each: -each[1])
