"""Questions about opening hours as SQL expressions over `opening`.

Every (hours, zone) in use has its intervals there (`nurture.sequences.openings.keep_openings`);
nothing computes a due time per lead in Python.
"""

from __future__ import annotations

from itertools import chain, permutations
from typing import Any

from sqlalchemy import ColumnElement, case, false, func, select, type_coerce

from nurture.ledger import tables as t
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Duration, Instant

LOCAL_DAYS = "local days"
"""The `hours` under which every zone's own days stand: an interval a date, midnight to midnight."""


Hours = tuple[Any, Any]
"""The `hours` of opening rows (a key, or a column that holds one) and the zone they are read in."""


def next_open(at: ColumnElement[Any], *windows: Hours) -> ColumnElement[Any]:
    """The first instant from `at` on at which all windows are open; `at` itself when there are
    none, or no such instant is known."""
    if not windows:
        return at
    return type_coerce(func.coalesce(first_open(at, *windows), at), Instant)


def first_open(at: ColumnElement[Any], *windows: Hours) -> ColumnElement[Any]:
    """As `next_open`, of one window or more; NULL when no such instant is known.

    The openings of a window are disjoint, so of those that overlap the first to close overlap
    first: each index is walked from `at` on until they do.
    """
    rows = [table_of(t.Opening).alias(f"window_{n}") for n, _ in enumerate(windows, start=1)]
    known = [
        (row.c.hours == hours, row.c.zone == zone, row.c.closes_at > at)
        for row, (hours, zone) in zip(rows, windows, strict=True)
    ]
    overlap = [one.c.opens_at < other.c.closes_at for one, other in permutations(rows, 2)]
    found = (
        select(Greatest(at, *(row.c.opens_at for row in rows)))
        .where(*chain(*known), *overlap)
        .order_by(*(row.c.closes_at for row in rows))
        .limit(1)
        .correlate_except(*rows)
        .scalar_subquery()
    )
    return type_coerce(found, Instant)


def is_open(
    at: ColumnElement[Any], hours: str | ColumnElement[Any], zone: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether the window is open at `at`: the first opening to close after it has begun."""
    row = table_of(t.Opening).alias("here")
    opens = (
        select(row.c.opens_at)
        .where(row.c.hours == hours, row.c.zone == zone, row.c.closes_at > at)
        .order_by(row.c.closes_at)
        .limit(1)
        .correlate_except(row)
        .scalar_subquery()
    )
    return func.coalesce(opens <= at, false())


def business_due(
    start: ColumnElement[Any],
    amount: ColumnElement[Any],
    hours: Any,
    zone: Any,
) -> ColumnElement[Any]:
    """The instant at which `amount` of open time after `start` is used up; NULL without openings.

    Work used up exactly at closing is due at closing; beyond the last row known it is due at the
    last closing.  The position of `start` in open time plus `amount` falls into exactly one
    opening, the first whose end reaches it.
    """
    row = table_of(t.Opening).alias("reached")
    target = business_position(start, hours, zone) + amount
    here = (row.c.hours == hours, row.c.zone == zone)
    length = type_coerce(row.c.closes_at - row.c.opens_at, Duration.impl)
    reached = (
        select(row.c.opens_at + (target - row.c.before))
        .where(*here, row.c.before < target, row.c.before + length >= target)
        .order_by(row.c.opens_at)
        .limit(1)
        .correlate_except(row)
        .scalar_subquery()
    )
    last = table_of(t.Opening).alias("last")
    horizon = (
        select(func.max(last.c.closes_at))
        .where(last.c.hours == hours, last.c.zone == zone)
        .correlate_except(last)
        .scalar_subquery()
    )
    return type_coerce(func.coalesce(reached, horizon), Instant)


def business_position(at: ColumnElement[Any], hours: Any, zone: Any) -> ColumnElement[Any]:
    """Open time in microseconds from the first row of (hours, zone) until `at`.

    Between openings it is that of the next; leans on `opening_close`.
    """
    row = table_of(t.Opening).alias("standing")
    into = case((row.c.opens_at <= at, type_coerce(at - row.c.opens_at, Duration.impl)), else_=0)
    return (
        select(row.c.before + into)
        .where(row.c.hours == hours, row.c.zone == zone, row.c.closes_at > at)
        .order_by(row.c.closes_at)
        .limit(1)
        .correlate_except(row)
        .scalar_subquery()
    )


def local_day_ends(at: ColumnElement[Any], zone: Any, *, days: int = 1) -> ColumnElement[Any]:
    """The end of the zone's day at `at`, which is the start of the next; of more `days` the end of
    the last, the one at `at` being the first."""
    day = table_of(t.Opening).alias("local_day")
    found = (
        select(day.c.closes_at)
        .where(day.c.hours == LOCAL_DAYS, day.c.zone == zone, day.c.closes_at > at)
        .order_by(day.c.closes_at)
        .limit(1)
        .offset(days - 1)
        .correlate_except(day)
    )
    return found.scalar_subquery()
