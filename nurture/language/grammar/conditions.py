"""Conditions as the workspace says them: a frozen tree, the same for entry, gates, branches,
scoring, routing and reports.  `nurture.language.sql` turns it into SQL.

    {country: [DE, AT], employees: {at_least: 500}, not: {tags: competitor}}

An unknown value makes a test false; `not` is two-valued.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Value = str | int | float | bool
Operator = Literal[
    "is", "at_least", "at_most", "above", "below", "between",
    "contains", "starts_with", "matches", "before", "after", "within", "known",
]  # fmt: skip
FieldType = Literal["text", "number", "yes_no", "date"]


@dataclass(frozen=True)
class Test:
    """One comparison.  `is` holds any of `values`; `between` has two, both included; `known`
    has one boolean; `matches` is a glob pattern (`*`, `?`), never a regular expression.

    Of dates: `before` and `after` have a day (`2026-12-24`) or whole days from today, `within` the
    days from today on, or up to today when below zero."""

    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True)
class FieldTest:
    """A lead's own column, or an attribute (`attribute`), of a known type."""

    name: str
    attribute: bool
    type: FieldType
    test: Test


@dataclass(frozen=True)
class ScoreTest:
    """`score` (behaviour + fit), `behaviour` or `fit`, at the instant of asking."""

    which: Literal["score", "behaviour", "fit"]
    test: Test


@dataclass(frozen=True)
class GradeTest:
    """The lead's fit has any of these grades of scoring.yaml; those that are gone has nobody."""

    grades: tuple[str, ...]


@dataclass(frozen=True)
class TagTest:
    """The lead carries any of these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True)
class TopicTest:
    """The lead may be written to about any of these topics (consent or the topic's default)."""

    topics: tuple[str, ...]


@dataclass(frozen=True)
class SequenceTest:
    """The lead is or was in any of these sequences."""

    sequences: tuple[str, ...]


@dataclass(frozen=True)
class HandoffTest:
    """The lead's latest handoff is in any of these states; `open` is any of those with sales."""

    states: tuple[str, ...]


@dataclass(frozen=True)
class EventTest:
    """The lead did `kind`, with these properties, within the last `within`, that many times.

    The properties `same` are those of the event that let it into the sequence that asks.
    """

    kind: str
    where: tuple[tuple[str, Test], ...] = ()
    within: timedelta | None = None
    at_least: int | None = None
    at_most: int | None = None
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class AllOf:
    """Every part holds (an empty one holds); `name` is that of the segment that says so."""

    parts: tuple[Condition, ...]
    name: str = ""


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = (
    AllOf | AnyOf | Not | FieldTest | ScoreTest | GradeTest | TagTest | TopicTest | SequenceTest
    | HandoffTest | EventTest
)


def events(condition: Condition) -> Iterator[EventTest]:
    """The events it asks for."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from events(part)
        case Not(part):
            yield from events(part)
        case EventTest():
            yield condition
