"""Local dates and times in SQL, from the offsets of zones kept as rows.

Every expression works on columns of any statement, on SQLite and PostgreSQL alike.  A zone that is
None or whose offsets are not kept counts as UTC: a cap then holds in UTC days, and nothing waits
for ever.  Keep the offsets of every zone in use (`keep_zone_offsets`) and that does not happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    type_coerce,
)
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.statements import bulk
from nurture.ledger.types import Instant, to_micros

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


class Span(Protocol):
    """`seconds` east of UTC for every instant in [`from_at`, `until_at`)."""

    @property
    def from_at(self) -> datetime: ...
    @property
    def until_at(self) -> datetime: ...
    @property
    def seconds(self) -> int: ...


def keep_zone_offsets(session: Session, zones: Mapping[str, Sequence[Span]]) -> int:
    """Replace the kept offsets of the given zones; returns the number of spans kept.

    The spans of a zone must follow each other without a gap.  Other zones stay as they are.
    """
    for zone, spans in zones.items():
        for span, following in pairwise(spans):
            if span.until_at != following.from_at:
                raise ValueError(f"the offsets of {zone} leave a gap at {span.until_at}")
    session.execute(delete(t.ZoneOffset).where(col(t.ZoneOffset.zone).in_(list(zones))))
    rows = [
        (zone, to_micros(span.from_at), to_micros(span.until_at), span.seconds)
        for zone, spans in zones.items()
        for span in spans
    ]
    bulk.insert_all(session, t.ZoneOffset, ("zone", "from_at", "until_at", "seconds"), rows)
    return len(rows)


def local_day(instant: Any, zone: Any) -> ColumnElement[int]:
    """Days from 1970-01-01 to the zone's date at the instant (instants after 1970)."""
    return _whole(local_wall(instant, zone), DAY)


def wall_instant(wall: ColumnElement[int], zone: Any) -> ColumnElement[datetime]:
    """The first instant at which the zone's clock shows `wall`, microseconds of wall time as if it
    were UTC: where clocks jump over it the first instant after, of two such the first.
    """
    offset = t.ZoneOffset.__table__.alias("wall_offset")  # type: ignore[attr-defined]
    since, until = (
        type_coerce(offset.c.from_at, BigInteger),
        type_coerce(offset.c.until_at, BigInteger),
    )
    there = wall - cast(offset.c.seconds, BigInteger) * SECOND
    begins = case((there > since, there), else_=since)
    first = (
        select(func.min(begins))
        .where(offset.c.zone == zone, since <= wall + DAY, begins < until)
        .correlate_except(offset)
        .scalar_subquery()
    )
    return type_coerce(func.coalesce(first, wall), Instant)


def local_wall(instant: Any, zone: Any) -> ColumnElement[int]:
    """The zone's wall clock in microseconds, as if it were UTC; one index seek a row."""
    offset = t.ZoneOffset.__table__.alias("local_offset")  # type: ignore[attr-defined]
    seconds = (
        select(cast(offset.c.seconds, BigInteger) * SECOND)
        .where(offset.c.zone == zone, offset.c.from_at <= instant)
        .order_by(offset.c.from_at.desc())
        .limit(1)
        .correlate_except(offset)
        .scalar_subquery()
    )
    micros: Any = to_micros(instant) if isinstance(instant, datetime) else _micros(instant)
    return type_coerce(func.coalesce(seconds, 0) + micros, BigInteger)


def _whole(dividend: ColumnElement[int], divisor: int) -> ColumnElement[int]:
    """Integer division, the same on both databases for what is not negative."""
    return type_coerce(dividend, BigInteger).self_group() // literal(divisor, BigInteger)


def _micros(instant: Any) -> ColumnElement[int]:
    """A parameter keeps its type, which turns what is given into the number that is stored."""
    of_number = cast if isinstance(instant, BindParameter) else type_coerce
    return of_number(instant, BigInteger)
