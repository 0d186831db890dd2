"""Weekly opening hours and days off, without a zone, and the way people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from itertools import pairwise

from nurture.calendar.errors import HoursInvalid
from nurture.calendar.nearest import suggestion

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 1440
"""Minutes of a calendar day, and the minute at which it ends (24:00)."""

Minutes = tuple[int, int]
"""From one minute of the day to another; from later to earlier runs over midnight."""

_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
_SPAN = re.compile(rf"{_TIME}\s*-\s*(?:{_TIME}|24:00)", re.ASCII)
_HOURS_ALLOWED = (
    'Write 24-hour times with two digits and a hyphen, such as "09:00-17:00", '
    '"09:00-12:00, 13:00-17:00", "22:00-06:00" or "00:00-24:00".'
)
_DAYS_ALLOWED = (
    f"Days are {', '.join(DAYS)}: one, a range or several, "
    'such as "sat", "mon-fri" or "mon,wed,fri".'
)


@dataclass(frozen=True)
class Calendar:
    """Weekly hours less days off; local wall time of whatever zone it is read in.

    `week` is given as seven lists of `Minutes`, Monday first, and kept in one form: sorted,
    disjoint, merged, hours over midnight divided between the two dates.  A local date in
    `days_off` is closed from 00:00 to 24:00, and only that date: what a night shift works on
    the date before or after stays open.
    """

    week: tuple[tuple[Minutes, ...], ...]
    days_off: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if len(self.week) != len(DAYS):
            raise HoursInvalid(f"A week has 7 days, Monday first; {len(self.week)} were given.")
        if any(isinstance(day, datetime) for day in self.days_off):
            raise HoursInvalid("Days off are dates without a time of day.")
        object.__setattr__(self, "week", _by_date(self.week))
        object.__setattr__(self, "days_off", frozenset(self.days_off))

    def on(self, day: date) -> tuple[Minutes, ...]:
        """The open minutes of a local date, sorted and disjoint, each start before its end."""
        return () if day in self.days_off else self.week[day.weekday()]


def weekly(
    days: Iterable[int], hours: Iterable[Minutes], days_off: Iterable[date] = ()
) -> Calendar:
    """The calendar with the same hours on each of `days` (0 is Monday)."""
    chosen, spans = set(days), tuple(hours)
    week = tuple(spans if day in chosen else () for day in range(len(DAYS)))
    return Calendar(week, frozenset(days_off))


def intersect(calendars: Iterable[Calendar]) -> Calendar:
    """Open where all of them are open, closed on any one's days off; ALWAYS when there are none."""
    return reduce(_both, calendars, ALWAYS)


def outside(calendar: Calendar) -> Calendar:
    """Open whenever the week of the calendar is closed, and closed whenever it is open."""
    return Calendar(tuple(_gaps(spans) for spans in calendar.week))


def parse_days(text: object) -> tuple[int, ...]:
    """`"mon-fri"`, `"mon,wed,fri"`, `"fri-mon"`, or a list of these, as sorted weekdays.

    Monday is 0.  A range may run over the end of the week; a day named twice counts once.
    Anything else raises HoursInvalid.
    """
    days: set[int] = set()
    for part in _parts(text, "days", _DAYS_ALLOWED):
        first, hyphen, last = (word.strip() for word in part.partition("-"))
        start = _weekday(first)
        length = (_weekday(last) - start) % len(DAYS) if hyphen else 0
        days.update((start + ahead) % len(DAYS) for ahead in range(length + 1))
    return tuple(sorted(days))


def parse_hours(text: object) -> tuple[Minutes, ...]:
    """`"09:00-12:00, 13:00-17:00"`, or a list of such, as sorted spans of minutes.

    A span whose end is before its start runs over midnight; 24:00 ends a day.  Spans that
    overlap, are empty, or cannot be read raise HoursInvalid.
    """
    spans = sorted(_span(part) for part in _parts(text, "hours", _HOURS_ALLOWED))
    pieces = sorted(piece for span in spans for piece in _pieces(span))
    for (_, end), (start, _) in pairwise(pieces):
        if start < end:
            raise HoursInvalid(f"The hours {text!r} overlap at {_clock(start)}: join them.")
    return tuple(spans)


def _parts(text: object, what: str, allowed: str) -> list[str]:
    """The entries between commas of a text or a list of texts; anything else is refused."""
    items = text if isinstance(text, list | tuple) else [text]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        raise HoursInvalid(f"The {what} {text!r} are not text. {allowed}")
    parts = [part.strip() for item in texts for part in item.split(",")]
    if not parts or not all(parts):
        raise HoursInvalid(f"The {what} {text!r} have an empty entry. {allowed}")
    return parts


def _weekday(word: str) -> int:
    if word not in DAYS:
        raise HoursInvalid(f"There is no day {word!r}.{suggestion(word, DAYS)} {_DAYS_ALLOWED}")
    return DAYS.index(word)


def _span(part: str) -> Minutes:
    match = _SPAN.fullmatch(part)
    if match is None:
        raise HoursInvalid(f"The hours {part!r} cannot be read. {_HOURS_ALLOWED}")
    opens_hour, opens_minute, hour, minute = match.groups()
    start = int(opens_hour) * 60 + int(opens_minute)
    end = DAY if hour is None else int(hour) * 60 + int(minute)
    _check(start, end)
    return start, end


def _check(start: int, end: int) -> None:
    if not (0 <= start < DAY and 0 <= end <= DAY):
        raise HoursInvalid(f"Hours from minute {start} to {end}: a day has minutes 0 to {DAY}.")
    if start == end:
        raise HoursInvalid(
            f"Hours from {_clock(start)} to {_clock(end)} are empty. "
            'Open all day is "00:00-24:00"; for a closed day leave the day out.'
        )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _pieces(span: Minutes) -> list[Minutes]:
    """A span as minutes of one calendar day, the part past midnight counted from 0."""
    start, end = span
    if start < end:
        return [span]
    return [(start, DAY), (0, end)] if end else [(start, DAY)]


def _by_date(week: Sequence[Sequence[Minutes]]) -> tuple[tuple[Minutes, ...], ...]:
    """The week with what runs over midnight moved to the date it happens on, merged."""
    dates: list[list[Minutes]] = [[] for _ in DAYS]
    for day, spans in enumerate(week):
        for start, end in spans:
            _check(start, end)
            for ahead, piece in enumerate(_pieces((start, end))):
                dates[(day + ahead) % len(DAYS)].append(piece)
    return tuple(_merged(pieces) for pieces in dates)


def _merged(pieces: list[Minutes]) -> tuple[Minutes, ...]:
    merged: list[Minutes] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _gaps(spans: tuple[Minutes, ...]) -> tuple[Minutes, ...]:
    """What a day's merged spans leave free."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), DAY]
    return tuple((end, start) for end, start in zip(ends, starts, strict=True) if end < start)


def _both(one: Calendar, other: Calendar) -> Calendar:
    week = tuple(
        tuple((max(a, c), min(b, d)) for a, b in mine for c, d in theirs if max(a, c) < min(b, d))
        for mine, theirs in zip(one.week, other.week, strict=True)
    )
    return Calendar(week, one.days_off | other.days_off)


ALWAYS = weekly(range(7), [(0, DAY)])
"""Open round the clock; intersecting with it changes nothing."""
