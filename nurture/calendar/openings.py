"""A calendar read in a zone, as disjoint intervals of UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nurture.calendar.hours import ALWAYS, Calendar
from nurture.calendar.zones import in_utc, local_instant

_MARGIN = timedelta(days=8)  # a week that closes at all closes within seven days


@dataclass(frozen=True, order=True)
class Opening:
    """Open for every instant in [`opens_at`, `closes_at`), UTC."""

    opens_at: datetime
    closes_at: datetime


def openings(calendar: Calendar, place: ZoneInfo, first: datetime, last: datetime) -> list[Opening]:
    """Every opening that overlaps [`first`, `last`): sorted, disjoint, those that touch made one.

    Openings are whole, also beyond the range, so whatever range is asked for, an opening is the
    same and can be known by where it opens.  To make that so for a week without a closing, its
    openings end and begin anew at each local Monday 00:00.  Hours that fall into a gap of the
    clocks altogether do not open.
    """
    first, last = in_utc(first), in_utc(last)
    begin = first.astimezone(place).date() - _MARGIN
    span = (last.astimezone(place).date() + _MARGIN - begin).days
    days = [begin + timedelta(days=ahead) for ahead in range(span + 1)]
    endless = calendar.week == ALWAYS.week
    mondays = {local_instant(day, 0, place) for day in days if endless and day.weekday() == 0}
    shifts = (
        Opening(local_instant(day, start, place), local_instant(day, end, place))
        for day in days
        for start, end in calendar.on(day)
    )
    return [
        opening
        for opening in _joined(shifts, mondays)
        if max(first, opening.opens_at) < min(last, opening.closes_at)
    ]


def _joined(shifts: Iterable[Opening], apart: set[datetime]) -> Iterator[Opening]:
    """Sorted shifts, the empty ones dropped, those that touch made one but at instants `apart`."""
    current: Opening | None = None
    for shift in shifts:
        if shift.opens_at >= shift.closes_at:
            continue
        if current and shift.opens_at <= current.closes_at and shift.opens_at not in apart:
            current = Opening(current.opens_at, max(current.closes_at, shift.closes_at))
            continue
        if current:
            yield current
        current = shift
    if current:
        yield current
