"""Days and hours as people write them, and calendars put together."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from nurture.calendar.errors import HoursInvalid
from nurture.calendar.hours import ALWAYS, Calendar, intersect, parse_days, parse_hours, weekly


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("mon,wed,fri", (0, 2, 4)),
        ("sat", (5,)),
        ("fri-mon", (0, 4, 5, 6)),
        ("mon - wed, sun", (0, 1, 2, 6)),
        (["sat", "mon-tue"], (0, 1, 5)),
        ("tue-tue", (1,)),
    ],
)
def test_days_are_read(text: object, days: tuple[int, ...]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-17:00", ((540, 1020),)),
        ("13:00-17:00, 09:00-12:00", ((540, 720), (780, 1020))),
        ("22:00-06:00", ((1320, 360),)),
        ("18:00-24:00", ((1080, 1440),)),
        ("18:00-00:00", ((1080, 0),)),
        ("09:00-12:00,12:00-17:00", ((540, 720), (720, 1020))),
    ],
)
def test_hours_are_read(text: str, hours: tuple[tuple[int, int], ...]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monday", r"no day 'monday'\. Days are mon, tue"),
        ("thur", r"no day 'thur'\. Nearest: thu\."),
        ("mon-", r"no day ''"),
        ("mon,,fri", "have an empty entry"),
        ([], "have an empty entry"),
        (5, "are not text"),
        (["mon", 2], "are not text"),
    ],
)
def test_unreadable_days_say_what_is_allowed(text: object, said: str) -> None:
    with pytest.raises(HoursInvalid, match=rf"{said}.*such as"):
        parse_days(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9-17", "'9-17' cannot be read.*such as"),
        ("9:00-17:00", "cannot be read.*two digits"),
        ("09:00-17:60", "cannot be read"),
        ("24:00-06:00", "cannot be read"),
        ("09:00-24:30", "cannot be read"),
        ("٠٩:00-17:00", "cannot be read"),
        ("09:00-09:00", 'are empty.*"00:00-24:00"'),
        ("09:00-13:00, 12:00-17:00", "overlap at 12:00"),
        ("22:00-06:00, 05:00-09:00", "overlap at 05:00"),
        (540, "are not text"),
    ],
)
def test_unreadable_hours_say_what_is_allowed(text: object, said: str) -> None:
    with pytest.raises(HoursInvalid, match=said):
        parse_hours(text)


def test_hours_over_midnight_belong_to_the_dates_they_fall_on() -> None:
    calendar = weekly([6], [(1320, 360)])
    assert calendar.on(date(2026, 3, 1)) == ((1320, 1440),)
    assert calendar.on(date(2026, 3, 2)) == ((0, 360),)


def test_overlapping_and_touching_hours_are_one() -> None:
    assert Calendar((((720, 900), (540, 720), (600, 660)), *[()] * 6)).week[0] == ((540, 900),)


def test_a_week_of_six_days_and_a_day_off_with_a_time_are_refused() -> None:
    with pytest.raises(HoursInvalid, match="7 days"):
        Calendar(((),) * 6)
    with pytest.raises(HoursInvalid, match="dates without a time"):
        Calendar(((),) * 7, frozenset({datetime(2026, 3, 2, tzinfo=UTC)}))
    with pytest.raises(HoursInvalid, match="a day has minutes 0 to 1440"):
        weekly([0], [(540, 1441)])


def test_an_intersection_is_open_where_all_are_and_off_where_any_is() -> None:
    office = weekly(range(5), [(540, 720), (780, 1020)], [date(2026, 3, 3)])
    window = weekly([0, 1, 5], [(600, 840)], [date(2026, 3, 9)])
    both = intersect([office, window])
    assert both == intersect([window, office, ALWAYS])
    assert both.on(date(2026, 3, 2)) == ((600, 720), (780, 840))
    assert [both.on(date(2026, 3, day)) for day in (3, 4, 7, 9)] == [()] * 4


def test_nothing_to_intersect_is_always_open() -> None:
    assert intersect([]) == ALWAYS
