"""Due instants as SQL, over `opening` rows.

Business time counts only while (hours, zone) is open; work used up exactly at closing is due at
closing.  Beyond the last opening known a window is due at the last closing, and where no opening is
known at all it runs around the clock: a clock is never without an end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, select, type_coerce

from handoff.tables import OPENING
from nurture.ledger.types import Duration, Instant


def due(
    start: ColumnElement[Any],
    amount: ColumnElement[Any],
    business: ColumnElement[bool],
    hours: ColumnElement[Any],
    zone: ColumnElement[Any],
) -> ColumnElement[Any]:
    """The instant `amount` (microseconds above zero) after `start`.

    Counted in open time of (hours, zone) where `business` holds.  Put it over distinct
    (start, amount, hours, zone), never over handoffs: it looks into `opening` several times.
    """
    elapsed = start + amount
    open_time = func.coalesce(business_due(start, amount, hours, zone), elapsed)
    return type_coerce(case((business, open_time), else_=elapsed), Instant)


def business_due(
    start: ColumnElement[Any],
    amount: ColumnElement[Any],
    hours: ColumnElement[Any],
    zone: ColumnElement[Any],
) -> ColumnElement[Any]:
    """The instant at which `amount` of open time after `start` is used up; NULL without openings.

    The position of `start` in open time plus `amount` falls into exactly one opening, the first
    whose end reaches it.
    """
    row = OPENING.alias("reached")
    target = position(start, hours, zone) + amount
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
    last = OPENING.alias("last")
    horizon = (
        select(func.max(last.c.closes_at))
        .where(last.c.hours == hours, last.c.zone == zone)
        .correlate_except(last)
        .scalar_subquery()
    )
    return type_coerce(func.coalesce(reached, horizon), Instant)


def position(
    at: ColumnElement[Any], hours: ColumnElement[Any], zone: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Open time in microseconds from the first row of (hours, zone) until `at`.

    Between openings it is that of the next; leans on `opening_close`.
    """
    row = OPENING.alias("standing")
    into = case((row.c.opens_at <= at, type_coerce(at - row.c.opens_at, Duration.impl)), else_=0)
    return (
        select(row.c.before + into)
        .where(row.c.hours == hours, row.c.zone == zone, row.c.closes_at > at)
        .order_by(row.c.closes_at)
        .limit(1)
        .correlate_except(row)
        .scalar_subquery()
    )
