"""Business time by example: each kind of question once or more, answers worked out by hand.

Instants are written as local wall time with its UTC offset; amounts as hours:minutes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from nurture.calendar.business import Schedule, add, elapsed
from nurture.calendar.hours import ALWAYS, Calendar, parse_days, parse_hours, weekly
from nurture.calendar.zones import zone


def hours_of(days: str, hours: str, off: tuple[str, ...] = ()) -> Calendar:
    return weekly(parse_days(days), parse_hours(hours), map(date.fromisoformat, off))


OFFICE = hours_of("mon-fri", "09:00-17:00")
SPLIT = hours_of("mon-fri", "09:00-12:00, 13:00-17:00")
NIGHT = hours_of("mon-fri", "22:00-06:00")
LATE = hours_of("mon-sat", "18:00-24:00")
EASTER = hours_of("mon-fri", "09:00-17:00", ("2026-04-03", "2026-04-06"))
NIGHT_OFF = hours_of("mon-fri", "22:00-06:00", ("2026-03-04",))
EARLY_SUNDAY = hours_of("sun", "00:00-06:00")
GAP_SUNDAY = hours_of("sun", "02:15-02:45, 10:00-11:00")

BERLIN, KATHMANDU, UTC_ZONE = "Europe/Berlin", "Asia/Kathmandu", "UTC"
NEW_YORK, LORD_HOWE, SAO_PAULO = "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"

ADD = [
    # kind, calendar, zone, start, open time, due
    ("inside", OFFICE, BERLIN, "2026-03-02T10:00+01:00", "4:00", "2026-03-02T14:00+01:00"),
    ("before hours", OFFICE, BERLIN, "2026-03-02T06:30+01:00", "1:00", "2026-03-02T10:00+01:00"),
    ("after hours", OFFICE, BERLIN, "2026-03-02T18:00+01:00", "1:00", "2026-03-03T10:00+01:00"),
    ("closing edge", OFFICE, BERLIN, "2026-03-02T13:00+01:00", "4:00", "2026-03-02T17:00+01:00"),
    ("past closing", OFFICE, BERLIN, "2026-03-02T13:00+01:00", "4:01", "2026-03-03T09:01+01:00"),
    ("from closing", OFFICE, BERLIN, "2026-03-02T17:00+01:00", "0:01", "2026-03-03T09:01+01:00"),
    ("full days", OFFICE, BERLIN, "2026-03-02T09:00+01:00", "40:00", "2026-03-06T17:00+01:00"),
    ("weekend", OFFICE, BERLIN, "2026-03-06T16:00+01:00", "2:00", "2026-03-09T10:00+01:00"),
    ("split shift", SPLIT, BERLIN, "2026-03-02T11:00+01:00", "2:00", "2026-03-02T14:00+01:00"),
    ("break edge", SPLIT, BERLIN, "2026-03-02T11:00+01:00", "1:00", "2026-03-02T12:00+01:00"),
    ("in the break", SPLIT, BERLIN, "2026-03-02T12:30+01:00", "1:00", "2026-03-02T14:00+01:00"),
    ("until 24:00", LATE, UTC_ZONE, "2026-03-02T20:00+00:00", "4:00", "2026-03-03T00:00+00:00"),
    ("over 24:00", LATE, UTC_ZONE, "2026-03-02T20:00+00:00", "5:00", "2026-03-03T19:00+00:00"),
    ("holidays", EASTER, BERLIN, "2026-04-02T16:00+02:00", "2:00", "2026-04-07T10:00+02:00"),
    ("starts on one", EASTER, BERLIN, "2026-04-03T10:00+02:00", "1:00", "2026-04-07T10:00+02:00"),
    ("zero inside", OFFICE, BERLIN, "2026-03-02T10:00+01:00", "0:00", "2026-03-02T10:00+01:00"),
    ("zero outside", OFFICE, BERLIN, "2026-03-07T10:00+01:00", "0:00", "2026-03-09T09:00+01:00"),
    ("zero at closing", OFFICE, BERLIN, "2026-03-02T17:00+01:00", "0:00", "2026-03-03T09:00+01:00"),
    ("midnight", NIGHT, BERLIN, "2026-03-02T23:00+01:00", "4:00", "2026-03-03T03:00+01:00"),
    ("friday night", NIGHT, BERLIN, "2026-03-06T23:00+01:00", "8:00", "2026-03-09T23:00+01:00"),
    # Wednesday is off from 00:00 to 24:00: Tuesday's shift ends at midnight, and the hours that
    # Wednesday's shift works on Thursday stay open.
    ("night, day off", NIGHT_OFF, UTC_ZONE, "2026-03-03T23:00Z", "2:00", "2026-03-05T01:00Z"),
    (
        "day of the gap",
        OFFICE,
        NEW_YORK,
        "2026-03-06T16:00-05:00",
        "2:00",
        "2026-03-09T10:00-04:00",
    ),
    (
        "gap inside",
        EARLY_SUNDAY,
        BERLIN,
        "2026-03-29T00:00+01:00",
        "3:00",
        "2026-03-29T04:00+02:00",
    ),
    (
        "hours in a gap",
        GAP_SUNDAY,
        BERLIN,
        "2026-03-29T00:00+01:00",
        "0:30",
        "2026-03-29T10:30+02:00",
    ),
    (
        "fold inside",
        EARLY_SUNDAY,
        BERLIN,
        "2026-10-25T00:00+02:00",
        "4:00",
        "2026-10-25T03:00+01:00",
    ),
    (
        "half hour gap",
        ALWAYS,
        LORD_HOWE,
        "2026-10-04T01:30+10:30",
        "1:00",
        "2026-10-04T03:00+11:00",
    ),
    (
        "half hour fold",
        EARLY_SUNDAY,
        LORD_HOWE,
        "2026-04-05T00:00+11:00",
        "6:30",
        "2026-04-05T06:00+10:30",
    ),
    ("no midnight", EARLY_SUNDAY, SAO_PAULO, "2018-11-04T02:00Z", "1:00", "2018-11-04T02:00-02:00"),
    (
        "quarter hours",
        OFFICE,
        KATHMANDU,
        "2026-03-02T09:00+05:45",
        "1:00",
        "2026-03-02T10:00+05:45",
    ),
    ("never closed", ALWAYS, NEW_YORK, "2026-03-07T12:00-05:00", "48:00", "2026-03-09T13:00-04:00"),
    ("never closed, long", ALWAYS, BERLIN, "2026-01-01T00:00Z", "8760:00", "2027-01-01T00:00Z"),
]

ELAPSED = [
    # kind, calendar, zone, start, end, open time
    ("inside", OFFICE, BERLIN, "2026-03-02T10:00+01:00", "2026-03-02T12:30+01:00", "2:30"),
    ("over night", OFFICE, BERLIN, "2026-03-02T16:00+01:00", "2026-03-03T10:00+01:00", "2:00"),
    ("weekend only", OFFICE, BERLIN, "2026-03-06T17:00+01:00", "2026-03-09T09:00+01:00", "0:00"),
    ("whole week", OFFICE, BERLIN, "2026-03-02T00:00+01:00", "2026-03-09T00:00+01:00", "40:00"),
    ("break", SPLIT, BERLIN, "2026-03-02T11:30+01:00", "2026-03-02T13:30+01:00", "1:00"),
    ("holidays", EASTER, BERLIN, "2026-04-02T12:00+02:00", "2026-04-07T12:00+02:00", "8:00"),
    ("to 24:00", LATE, UTC_ZONE, "2026-03-02T00:00Z", "2026-03-04T00:00Z", "12:00"),
    ("gap", ALWAYS, BERLIN, "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", "23:00"),
    ("fold", ALWAYS, BERLIN, "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "25:00"),
    (
        "half hour gap",
        ALWAYS,
        LORD_HOWE,
        "2026-10-04T00:00+10:30",
        "2026-10-05T00:00+11:00",
        "23:30",
    ),
    ("midnight", NIGHT, BERLIN, "2026-03-02T12:00+01:00", "2026-03-04T12:00+01:00", "16:00"),
    ("quarter hours", OFFICE, KATHMANDU, "2026-03-02T03:15Z", "2026-03-02T11:15Z", "8:00"),
    ("same instant", OFFICE, BERLIN, "2026-03-02T10:00+01:00", "2026-03-02T10:00+01:00", "0:00"),
]


def duration(text: str) -> timedelta:
    hours, minutes = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes)


@pytest.mark.parametrize(
    ("calendar", "place", "start", "amount", "due"),
    [pytest.param(*case[1:], id=case[0]) for case in ADD],
)
def test_work_is_due_when(
    calendar: Calendar, place: str, start: str, amount: str, due: str
) -> None:
    answer = add(Schedule(calendar, zone(place)), datetime.fromisoformat(start), duration(amount))
    assert answer == datetime.fromisoformat(due)
    assert answer.tzinfo is UTC


@pytest.mark.parametrize(
    ("calendar", "place", "start", "end", "open_time"),
    [pytest.param(*case[1:], id=case[0]) for case in ELAPSED],
)
def test_open_time_between_two_instants_is(
    calendar: Calendar, place: str, start: str, end: str, open_time: str
) -> None:
    schedule = Schedule(calendar, zone(place))
    begin, finish = datetime.fromisoformat(start), datetime.fromisoformat(end)
    assert elapsed(schedule, begin, finish) == duration(open_time)
    assert elapsed(schedule, finish, begin) == -duration(open_time)
