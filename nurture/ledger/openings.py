"""Questions about opening hours as SQL expressions over `opening`.

Every (hours, zone) in use has its intervals there (`nurture.sequences.openings.keep_openings`);
nothing computes a due time per lead in Python.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select, type_coerce

from nurture.ledger import tables as t
from nurture.ledger.types import Duration, Instant
from nurture.ledger.upsert import table_of

OPENING = table_of(t.Opening).c
LOCAL_DAYS = "local days"
"""The `hours` under which every zone's own days stand: an interval a date, midnight to midnight."""


def next_open(at: ColumnElement[Any], hours: Any, zone: ColumnElement[Any]) -> ColumnElement[Any]:
    """The first open instant from `at` on; `at` itself when there is no window."""
    if hours is None:
        return at
    found = (
        select(case((OPENING.opens_at <= at, at), else_=OPENING.opens_at))
        .where(OPENING.hours == hours, OPENING.zone == zone, OPENING.closes_at > at)
        .order_by(OPENING.closes_at)
        .limit(1)
        .scalar_subquery()
    )
    return type_coerce(func.coalesce(found, at), Instant)


def is_open(
    at: ColumnElement[Any], hours: str | ColumnElement[Any], zone: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether the window is open at `at`."""
    return (
        select(literal(1))
        .where(
            OPENING.hours == hours,
            OPENING.zone == zone,
            OPENING.opens_at <= at,
            OPENING.closes_at > at,
        )
        .exists()
    )


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


def local_day_ends(at: ColumnElement[Any], zone: Any) -> ColumnElement[Any]:
    """The end of the zone's day at `at`, which is the start of the next."""
    return _local_day(OPENING.closes_at, at, zone)


def local_day_starts(at: ColumnElement[Any], zone: Any) -> ColumnElement[Any]:
    """The start of the zone's day at `at`."""
    return _local_day(OPENING.opens_at, at, zone)


def _local_day(edge: Any, at: ColumnElement[Any], zone: Any) -> ColumnElement[Any]:
    return (
        select(edge)
        .where(OPENING.hours == LOCAL_DAYS, OPENING.zone == zone, OPENING.closes_at > at)
        .order_by(OPENING.closes_at)
        .limit(1)
        .scalar_subquery()
    )
