"""Due instants as SQL, over `opening` rows.

Business time counts only while (hours, zone) is open; work used up exactly at closing is due at
closing.  Beyond the last opening known a window is due at the last closing, and where no opening is
known at all it runs around the clock: a clock is never without an end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, type_coerce

from nurture.ledger.openings import business_due, business_position
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


def open_time(start: Any, end: Any, hours: Any, zone: Any) -> ColumnElement[Any]:
    """How much of the time between two instants (hours, zone) is open; all of it where no opening
    is known to go by."""
    opened = business_position(end, hours, zone) - business_position(start, hours, zone)
    return type_coerce(func.coalesce(opened, end - start), Duration)
