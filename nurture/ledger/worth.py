"""What ledger entries are worth at an instant, and what a lead's score is, as SQL.

Behaviour is the sum of `behaviour` and `step` entries, fit of `fit` entries, the score of all.
Sums of fading points are never exact: comparisons allow for `ROUNDING`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    true,
    type_coerce,
)

from nurture.ledger import tables as t
from nurture.ledger.statements.asking import Moment, moment
from nurture.ledger.statements.extremes import Greatest, Least, earliest
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import MICROSECOND, Instant

ENTRY = table_of(t.ScoreEntry)
ROUNDING = 1e-6
"""Two scores this close are the same score."""
SOONEST = timedelta(minutes=15)
LATEST = timedelta(days=3660)
"""A look at fading points is planned no sooner and no later than this."""

Which = Literal["score", "behaviour", "fit"]
FIT: ColumnElement[str] = literal_column("'fit'")
"""Spelt out, not bound: only then does SQLite see that its partial index fits."""
_HALF_LIVES = 200  # beyond them nothing is left; PostgreSQL refuses numbers too small to hold


def of_kind(which: Which, entry: Any = ENTRY.c) -> ColumnElement[bool]:
    """The entry belongs to this part of the score."""
    if which == "score":
        return true()
    fit: ColumnElement[bool] = entry.kind == FIT
    return fit if which == "fit" else ~fit


def counted(now: Moment, entry: Any = ENTRY.c) -> ColumnElement[bool]:
    """The entry can be worth anything at `now`: a test that an index on `at` can use."""
    return and_(entry.withdrawn_at.is_(None), entry.at <= moment(now))


def worth(now: Moment, entry: Any = ENTRY.c) -> ColumnElement[float]:
    """The points an entry is worth at `now`: 0 when withdrawn or dated later, never NULL."""
    half_lives = cast(moment(now) - entry.at, Float) / cast(entry.half_life, Float)
    return case(
        (entry.withdrawn_at.is_not(None), 0.0),
        (entry.at > moment(now), 0.0),
        (entry.half_life.is_(None), entry.points),
        (half_lives >= _HALF_LIVES, 0.0),
        else_=entry.points * func.pow(literal(2.0, Float), -half_lives),
    )


def score_of(
    lead_id: ColumnElement[Any], *, now: Moment, which: Which = "score"
) -> ColumnElement[float]:
    """One lead's score at `now`, as a subquery correlated to the statement `lead_id` is of."""
    entry = ENTRY.alias()
    return (
        select(func.coalesce(func.sum(worth(now, entry.c)), 0.0))
        .where(entry.c.lead_id == lead_id, counted(now, entry.c), of_kind(which, entry.c))
        .correlate_except(entry)
        .scalar_subquery()
    )


def scores(leads: Any, lead_id: ColumnElement[Any], *, now: Moment) -> Any:
    """(lead_id, behaviour, fit) at `now`, a row for every `lead_id` of the table `leads`."""
    entry = ENTRY.alias()

    def part(which: Which) -> ColumnElement[float]:
        own = case((of_kind(which, entry.c), worth(now, entry.c)), else_=0.0)
        return func.coalesce(func.sum(own), 0.0).label(which)

    return (
        select(lead_id.label("lead_id"), part("behaviour"), part("fit"))
        .select_from(leads)
        .outerjoin(entry, and_(entry.c.lead_id == lead_id, counted(now, entry.c)))
        .group_by(lead_id)
        .subquery()
    )


def next_crossing(
    lead_id: ColumnElement[Any],
    lines: Sequence[float],
    *,
    now: Moment,
    which: Which = "score",
) -> ColumnElement[Any]:
    """The earliest instant at which time alone can have brought a lead's score past a line.

    A bound, never later than the crossing itself, except that it lies at least `SOONEST` after
    `now`; NULL when time alone cannot do it.  What fades loses at most its present speed times
    the time gone, so asking again at each bound closes in on the crossing in a few steps.
    """
    entry = ENTRY.alias()
    value = worth(now, entry.c)
    later = entry.c.at > moment(now)
    speed = func.abs(value) * math.log(2) / cast(entry.c.half_life, Float)
    fades = entry.c.half_life.is_not(None)

    def total(what: ColumnElement[Any], *where: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((and_(true(), *where), what), else_=0.0)), 0.0)

    now_held = (
        select(
            total(value).label("score"),
            total(speed, fades, value > 0).label("falling"),
            total(value, fades, value > 0).label("can_fall"),
            total(speed, fades, value < 0).label("rising"),
            func.min(case((later, entry.c.at), else_=null())).label("joins_at"),
        )
        .where(
            entry.c.lead_id == lead_id, entry.c.withdrawn_at.is_(None), of_kind(which, entry.c)
        )
        .correlate_except(entry)
        .subquery()
    )
    held = now_held.c
    waits = [wait for line in lines for wait in _waits(held, line)]
    instants = [_after(now, wait) for wait in waits]
    found = earliest([*instants, type_coerce(held.joins_at, Instant)])
    assert found is not None
    return type_coerce(select(found).scalar_subquery(), Instant)


def _waits(held: Any, line: float) -> list[ColumnElement[Any]]:
    """Microseconds until a falling, and until a rising, score can reach the line; NULL: never."""
    margin = 2 * ROUNDING
    down = case(
        (held.score < line - margin, null()),
        (held.score - held.can_fall > line + margin, null()),
        else_=Greatest(held.score - line, 0.0) / func.nullif(held.falling, 0.0, type_=Float()),
    )
    up = case(
        (held.score > line + margin, null()),
        else_=Greatest(line - held.score, 0.0) / func.nullif(held.rising, 0.0, type_=Float()),
    )
    return [down, up]


def _after(now: Moment, wait: ColumnElement[Any]) -> ColumnElement[Any]:
    soonest, latest = float(SOONEST // MICROSECOND), float(LATEST // MICROSECOND)
    bounded = case(
        (wait.is_not(None), Greatest(soonest, Least(latest, wait))), else_=null()
    )
    whole = cast(bounded, BigInteger)
    return type_coerce(moment(now) + type_coerce(whole, BigInteger), Instant)
