"""Why a lead's score is what it is: the ledger's lines, and the same in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from nurture.ledger.statements.asking import NOW
from nurture.ledger.worth import counted, worth
from nurture.scoring.behaviour import LIMIT_NOTE
from nurture.scoring.visit import ENGAGEMENT, ENTRY

LEAST_SHOWN = 0.5
"""Points below this round to nothing and make no sentence."""


@dataclass(frozen=True)
class Line:
    """One entry that counts: `points` when it was given (`before_limit` without the rule's
    limit), `worth` now; of what engagement (`kind`, `properties`), if it was one."""

    part: str
    rule: str
    points: float
    before_limit: float
    worth: float
    at: datetime
    reason: str
    path: str
    engagement_id: int | None = None
    kind: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation:
    """A lead's score at `now`: its sums, its lines (latest first) and what they say in plain
    words, most valuable first."""

    lead_id: int
    now: datetime
    behaviour: float
    fit: float
    lines: tuple[Line, ...]
    sentences: tuple[str, ...]

    @property
    def score(self) -> float:
        """Behaviour and fit together."""
        return self.behaviour + self.fit


def explain(session: Session, lead_id: int, *, now: datetime) -> Explanation:
    """Everything that makes up the lead's score at `now`; withdrawn entries are left out.

    A lead without entries, or one that is not there, has a score of 0 and no lines.
    """
    lines = tuple(_lines(session, _entries([lead_id]), now).get(lead_id, ()))
    return Explanation(
        lead_id,
        now,
        behaviour=sum(line.worth for line in lines if line.part != "fit"),
        fit=sum(line.worth for line in lines if line.part == "fit"),
        lines=lines,
        sentences=sentences(lines, now=now),
    )


def told(
    session: Session, leads: Select[Any], *, now: datetime, most: int
) -> dict[int, tuple[str, ...]]:
    """The sentences of many leads' scores in one statement: of each the `most` heaviest."""
    found = _lines(session, _of_many(leads), now)
    return {lead: sentences(lines, now=now, most=most) for lead, lines in found.items()}


@lru_cache(maxsize=4)
def _of_many(leads: Select[Any]) -> Select[Any]:
    """Built once for each query of leads: a room asks with the same one again and again."""
    return _entries(leads)


def sentences(lines: Sequence[Line], *, now: datetime, most: int | None = None) -> tuple[str, ...]:
    """One sentence a rule, such as `viewed the pricing page 3 times in the last 5 days (+24)`.

    The points are what the rule's entries are worth now; rules worth nothing any more are left
    out, those that take points away come last.  `most` keeps those that weigh most, either way.
    """
    ordered = sorted(lines, key=_told_as_one)
    rules = [list(found) for _, found in groupby(ordered, key=_told_as_one)]
    weighed = [(sum(line.worth for line in rule), rule) for rule in rules]
    heaviest = sorted(
        ((points, rule) for points, rule in weighed if abs(points) >= LEAST_SHOWN),
        key=lambda each: -abs(each[0]),
    )[:most]
    said = [(points, _sentence(rule, now)) for points, rule in heaviest]
    return tuple(
        f"{sentence} ({points:+.0f})"
        for points, sentence in sorted(said, key=lambda each: (-each[0], each[1]))
    )


def _lines(session: Session, entries: Select[Any], now: datetime) -> dict[int, list[Line]]:
    """What counts for each lead, latest first."""
    found: dict[int, list[Line]] = {}
    for row in session.execute(entries, {"now": now}).mappings():
        values = dict(row)
        found.setdefault(values.pop("lead_id"), []).append(_line(values))
    return found


def _entries(leads: Select[Any] | Sequence[int]) -> Select[Any]:
    return (
        select(
            ENTRY.c.lead_id,
            ENTRY.c.kind.label("part"), ENTRY.c.rule, ENTRY.c.points, ENTRY.c.before_limit,
            worth(NOW).label("worth"), ENTRY.c.at, ENTRY.c.reason, ENTRY.c.path,
            ENTRY.c.engagement_id, ENGAGEMENT.c.kind, ENGAGEMENT.c.properties,
        )
        .select_from(ENTRY)
        .outerjoin(ENGAGEMENT, ENGAGEMENT.c.id == ENTRY.c.engagement_id)
        .where(ENTRY.c.lead_id.in_(leads), counted(NOW))
        .order_by(ENTRY.c.at.desc(), ENTRY.c.id.desc())
    )  # fmt: skip


def _line(values: dict[str, Any]) -> Line:
    return Line(**values | {"kind": values["kind"] or "", "properties": values["properties"] or {}})


def _told_as_one(line: Line) -> tuple[str, str, str]:
    """Entries of one rule are told together; of a sequence's step, those with one reason."""
    own = line.reason if line.part == "step" else ""
    return line.part, line.rule or line.path, own


def _sentence(group: list[Line], now: datetime) -> str:
    """What happened, how often, and since when; the fullest entry has the rule's plain words."""
    fullest = max(group, key=lambda line: (abs(line.points), line.at))
    words = fullest.reason or fullest.path
    if abs(fullest.points) < abs(fullest.before_limit):
        words = words.rpartition(LIMIT_NOTE)[0]
    if fullest.part == "fit":
        return words
    first = min(line.at for line in group)
    if len(group) == 1:
        return f"{words} {_ago(now - first)}"
    return f"{words} {len(group)} times in the last {_length(now - first).removeprefix('1 ')}"


def _ago(age: timedelta) -> str:
    return "just now" if age < timedelta(minutes=1) else f"{_length(age, up=False)} ago"


def _length(age: timedelta, *, up: bool = True) -> str:
    """A stretch of time in one unit: rounded up for `in the last`, down for `ago`."""
    for word, unit in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if age >= unit:
            return _many(age, unit, word, up=up)
    return _many(max(age, timedelta(minutes=1)), timedelta(minutes=1), "minute", up=up)


def _many(age: timedelta, unit: timedelta, word: str, *, up: bool) -> str:
    count = -(-age // unit) if up else age // unit
    return f"{count} {word}{'s' if count != 1 else ''}"
