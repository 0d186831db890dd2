"""Business time: real seconds during which a calendar is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nurture.calendar.errors import NeverOpens
from nurture.calendar.hours import Calendar
from nurture.calendar.openings import Opening, openings
from nurture.calendar.zones import LATEST, in_utc

_STRETCH = timedelta(weeks=4)
_HORIZON = timedelta(days=5 * 366)


@dataclass(frozen=True)
class Schedule:
    """A calendar at a place."""

    calendar: Calendar
    zone: ZoneInfo


def add(hours: Schedule | Sequence[Opening], start: datetime, amount: timedelta) -> datetime:
    """The instant at which `amount` of open time has passed since `start`.

    Closed time does not count: a start outside the hours counts from the next opening.  Work
    used up exactly at closing is due at closing.  An amount of 0 gives the start itself when
    it is open, else the next opening (closing time itself is closed).  A negative amount
    raises ValueError.  `hours` is a schedule, or sorted disjoint openings; if these end before
    the work does, or a schedule stays closed for five years, NeverOpens is raised.
    """
    if amount < timedelta():
        raise ValueError(f"open time can be added, not taken away: {amount}")
    start = in_utc(start)
    left = amount
    for opening in _open_after(hours, start):
        begin = max(start, opening.opens_at)
        room = opening.closes_at - begin
        if left <= room:
            return begin + left
        left -= room
    raise NeverOpens(
        f"{amount} of open time from {start.isoformat()} ends after the last known opening: "
        f"{left} is left. Give longer opening hours or less time."
    )


def elapsed(hours: Schedule | Sequence[Opening], start: datetime, end: datetime) -> timedelta:
    """The open time between two instants, negative when `end` is before `start`.

    Openings given as a sequence have to be disjoint and cover the whole time between.
    """
    start, end = in_utc(start), in_utc(end)
    if end < start:
        return -elapsed(hours, end, start)
    between = _openings_of(hours, start, end)
    shares = (min(end, each.closes_at) - max(start, each.opens_at) for each in between)
    return sum((share for share in shares if share > timedelta()), timedelta())


def _openings_of(
    hours: Schedule | Sequence[Opening], first: datetime, last: datetime
) -> Sequence[Opening]:
    if isinstance(hours, Schedule):
        return openings(hours.calendar, hours.zone, first, last)
    return hours


def _open_after(hours: Schedule | Sequence[Opening], start: datetime) -> Iterator[Opening]:
    """The openings that close after `start`, in order."""
    if isinstance(hours, Schedule):
        return _stretches(hours, start)
    return (opening for opening in hours if opening.closes_at > start)


def _stretches(schedule: Schedule, start: datetime) -> Iterator[Opening]:
    """What is open from `start` on, found a few weeks at a time, until nothing opens any more."""
    begin = closed = start
    while begin < LATEST and begin - closed < _HORIZON:
        end = min(begin + _STRETCH, LATEST)
        for opening in openings(schedule.calendar, schedule.zone, begin, end):
            if opening.closes_at > closed:
                yield opening
                closed = opening.closes_at
        begin = end
    raise NeverOpens(
        f"The opening hours in {schedule.zone.key} stay closed for years after "
        f"{closed.isoformat()}, so this work never ends. Check their hours and days off."
    )
