"""Time zones: their names, their offsets as spans, and wall time turned into instants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from nurture.calendar.errors import InstantRefused, ZoneUnknown
from nurture.calendar.nearest import suggestion

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
"""Before and after everything: the outer edges of open-ended spans."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Business time is reckoned for instants in [EARLIEST, LATEST]."""

_NOT_PLACES = {"Factory", "localtime", "posixrules"}
_STEP = timedelta(days=3)  # no zone has changed its offset twice within four days since 1900
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, order=True)
class Offset:
    """A zone is `seconds` east of UTC for every instant in [`from_at`, `until_at`)."""

    from_at: datetime
    until_at: datetime
    seconds: int


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; a naive one, or one beyond 1900 to 2200, raises InstantRefused."""
    if instant.utcoffset() is None:
        raise InstantRefused(
            f"{instant.isoformat()} has no time zone, so it is not an instant. "
            "Give it one, such as +00:00 for UTC."
        )
    if not EARLIEST <= instant <= LATEST:
        raise InstantRefused(
            f"{instant.isoformat()} is out of range: calendars cover the years 1900 to 2199."
        )
    return instant.astimezone(UTC)


@cache
def zone_names() -> frozenset[str]:
    """Every name `zone` accepts: those of the IANA database that stand for a place or offset."""
    return frozenset(available_timezones() - _NOT_PLACES)


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name, letter case included; all else, paths too, raises ZoneUnknown."""
    if name in zone_names():
        return ZoneInfo(name)
    raise ZoneUnknown(
        f"There is no time zone {name!r}.{suggestion(name, zone_names())} "
        "Use a name of the IANA time zone database, such as Europe/Berlin or UTC."
    )


def offsets(zone_name: str, first: datetime, last: datetime) -> list[Offset]:
    """The offsets of a zone from `first` to `last`, as touching spans in order.

    The changes of offset up to and including `last` are exact to the second.  The first span
    begins at BEGINNING and the last ends at END, so that every instant finds a span; outside
    the range asked for, its offset is that of the nearer edge.
    """
    place = zone(zone_name)
    start = in_utc(first)
    changes = list(_changes(place, start, in_utc(last)))
    seconds = [_offset(place, at) // _SECOND for at in (start, *changes)]
    edges = (BEGINNING, *changes, END)
    return [Offset(*span) for span in zip(edges, edges[1:], seconds, strict=False)]


def local_instant(day: date, minute: int, place: ZoneInfo) -> datetime:
    """The UTC instant at which clocks in `place` show `minute` minutes past midnight of `day`.

    `minute` is 0 to 1440, 1440 being the next day's 00:00.  A minute the clocks skip gives the
    first minute after the gap; one they show twice gives the first showing.
    """
    if not 0 <= minute <= 1440:
        raise ValueError(f"minute {minute} is not within 0 to 1440")
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    early = place.utcoffset(wall) or timedelta()
    late = place.utcoffset(wall.replace(fold=1)) or timedelta()
    if late <= early:
        return (wall - early).replace(tzinfo=UTC)
    gap_end = _change_between(
        place, (wall - late).replace(tzinfo=UTC), (wall - early).replace(tzinfo=UTC)
    )
    past_minute = (gap_end + late).second  # clocks of old have jumped by odd seconds
    return gap_end + timedelta(seconds=-past_minute % 60)


def _changes(place: ZoneInfo, start: datetime, until: datetime) -> Iterator[datetime]:
    """The instants after `start`, up to `until`, from which another offset holds."""
    at, last = start.replace(microsecond=0), until.replace(microsecond=0)
    offset = _offset(place, at)
    while at < last:
        ahead = min(at + _STEP, last)
        then = _offset(place, ahead)
        if then != offset:
            yield _change_between(place, at, ahead)
        at, offset = ahead, then


def _change_between(place: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The second in (`low`, `high`] at which the one change of offset between them happens."""
    before = _offset(place, low)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if _offset(place, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(place: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(place).utcoffset() or timedelta()
