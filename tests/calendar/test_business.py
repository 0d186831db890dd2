"""What must hold for all calendars: openings, adding and measuring open time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.calendar.business import Schedule, add, elapsed
from nurture.calendar.errors import InstantRefused, NeverOpens
from nurture.calendar.hours import ALWAYS, Calendar, weekly
from nurture.calendar.openings import Opening, openings
from nurture.calendar.zones import zone, zone_names

SECOND = timedelta(seconds=1)
OFFICE = weekly(range(5), [(540, 1020)])
NEVER = weekly([], [])
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

spans = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(
    lambda span: span[0] != span[1]
)
weeks = st.tuples(*[st.lists(spans, max_size=3).map(tuple)] * 7)
dates = st.dates(date(2026, 1, 1), date(2026, 12, 31))
calendars = st.builds(Calendar, weeks, st.frozensets(dates, max_size=5)) | st.just(ALWAYS)
working = calendars.filter(lambda calendar: any(calendar.week))
places = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
        *("America/Havana", "Africa/Casablanca", "Pacific/Chatham", "America/St_Johns"),
    ]
).map(zone)
instants = st.timedeltas(timedelta(), timedelta(days=365)).map(
    lambda later: datetime(2026, 1, 1, tzinfo=UTC) + later
)
amounts = st.timedeltas(timedelta(microseconds=1), timedelta(hours=60))


@settings(deadline=None)
@given(working, places, instants, amounts)
def test_the_open_time_until_work_is_due_is_the_work(
    calendar: Calendar, place: ZoneInfo, start: datetime, amount: timedelta
) -> None:
    schedule = Schedule(calendar, place)
    due = add(schedule, start, amount)
    assert elapsed(schedule, start, due) == amount
    assert elapsed(schedule, start, due - timedelta(microseconds=1)) < amount


@settings(deadline=None)
@given(working, places, instants, instants, amounts, amounts)
def test_a_later_start_or_more_work_is_never_due_earlier(
    calendar: Calendar,
    place: ZoneInfo,
    one: datetime,
    two: datetime,
    less: timedelta,
    more: timedelta,
) -> None:
    schedule = Schedule(calendar, place)
    early, late = sorted((one, two))
    small, large = sorted((less, more))
    assert add(schedule, early, small) <= add(schedule, late, small)
    assert add(schedule, early, small) <= add(schedule, early, large)


@settings(deadline=None)
@given(calendars, places, instants, st.timedeltas(timedelta(), timedelta(days=40)))
def test_openings_are_sorted_disjoint_joined_where_they_touch_and_overlap_the_range(
    calendar: Calendar, place: ZoneInfo, first: datetime, length: timedelta
) -> None:
    found = openings(calendar, place, first, first + length)
    assert all(each.opens_at < each.closes_at for each in found)
    for one, other in pairwise(found):
        apart = calendar.week == ALWAYS.week and other.opens_at.astimezone(place).weekday() == 0
        assert one.closes_at <= other.opens_at if apart else one.closes_at < other.opens_at
    assert all(each.closes_at > first and each.opens_at < first + length for each in found)


@settings(deadline=None)
@given(working, places, instants, st.integers(0, 20), st.integers(1, 20))
def test_neighbouring_ranges_give_the_same_whole_openings(
    calendar: Calendar, place: ZoneInfo, first: datetime, days: int, more: int
) -> None:
    middle, last = first + timedelta(days=days), first + timedelta(days=days + more)
    parts = {*openings(calendar, place, first, middle), *openings(calendar, place, middle, last)}
    assert sorted(parts) == openings(calendar, place, first, last)


@settings(deadline=None)
@given(working, places, instants, st.timedeltas(timedelta(microseconds=1), timedelta(hours=9)))
def test_given_openings_answer_like_the_schedule_they_come_from(
    calendar: Calendar, place: ZoneInfo, start: datetime, amount: timedelta
) -> None:
    schedule = Schedule(calendar, place)
    found = openings(calendar, place, start, start + timedelta(days=120))
    assert add(found, start, amount) == add(schedule, start, amount)


def test_an_opening_is_given_whole_though_the_range_cuts_it() -> None:
    noon = MONDAY + timedelta(hours=12)
    assert openings(OFFICE, zone("UTC"), noon, noon + SECOND) == [
        Opening(MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=17))
    ]
    closing = MONDAY + timedelta(hours=17)
    assert openings(OFFICE, zone("UTC"), closing, closing + SECOND) == []


def test_a_week_without_a_closing_is_divided_at_local_mondays() -> None:
    midnight = datetime(2026, 3, 1, 23, tzinfo=UTC)
    noon = midnight + timedelta(hours=13)
    week = timedelta(weeks=1)
    assert openings(ALWAYS, zone("Europe/Berlin"), noon, noon + week) == [
        Opening(midnight, midnight + week),
        Opening(midnight + week, midnight + 2 * week),
    ]
    holiday = Calendar(ALWAYS.week, frozenset({date(2026, 3, 4)}))
    assert openings(holiday, zone("Europe/Berlin"), noon, noon + timedelta(days=6)) == [
        Opening(midnight, midnight + timedelta(days=2)),
        Opening(midnight + timedelta(days=3), midnight + week),
    ]


def test_a_calendar_that_never_opens_says_so_instead_of_searching_for_ever() -> None:
    with pytest.raises(NeverOpens, match="hours in UTC stay closed for years after 2026-03-02"):
        add(Schedule(NEVER, zone("UTC")), MONDAY, SECOND)
    assert elapsed(Schedule(NEVER, zone("UTC")), MONDAY, MONDAY + timedelta(days=9)) == timedelta()


def test_work_beyond_the_known_openings_or_centuries_is_refused() -> None:
    known = openings(OFFICE, zone("UTC"), MONDAY, MONDAY + timedelta(days=5))
    with pytest.raises(NeverOpens, match="1:00:00 is left"):
        add(known, MONDAY, timedelta(hours=41))
    with pytest.raises(NeverOpens):
        add(Schedule(OFFICE, zone("UTC")), datetime(2198, 1, 1, tzinfo=UTC), timedelta(days=900))


def test_naive_instants_and_negative_work_are_refused() -> None:
    schedule = Schedule(OFFICE, zone("UTC"))
    naive = MONDAY.replace(tzinfo=None)
    for ask in (
        lambda: add(schedule, naive, SECOND),
        lambda: elapsed(schedule, MONDAY, naive),
        lambda: openings(OFFICE, zone("UTC"), naive, MONDAY),
    ):
        with pytest.raises(InstantRefused, match="2026-03-02T00:00:00 has no time zone"):
            ask()
    with pytest.raises(ValueError, match="not taken away"):
        add(schedule, MONDAY, -SECOND)


def test_eight_weeks_open_on_forty_days_in_every_zone() -> None:
    chosen = [zone(name) for name in sorted(zone_names())[::11][:50]]
    found = [openings(OFFICE, place, MONDAY, MONDAY + timedelta(weeks=8)) for place in chosen]
    assert all(40 <= len(each) <= 41 for each in found)
