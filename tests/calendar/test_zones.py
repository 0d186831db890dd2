"""Names of zones, offsets as spans, wall time to instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from nurture.calendar.errors import InstantRefused, ZoneUnknown
from nurture.calendar.zones import BEGINNING, END, Offset, in_utc, local_instant, offsets, zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
    ],
)
def test_a_mistyped_zone_is_refused_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(ZoneUnknown, match=rf"no time zone '{name}'\. Nearest: .*\b{near}\b"):
        zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "/etc/localtime", "../UTC", "posix/UTC", "right/UTC", "localtime", "Factory", "UTC\0"],
)
def test_paths_and_files_that_are_not_places_are_no_zones(name: str) -> None:
    with pytest.raises(ZoneUnknown, match="IANA time zone database, such as Europe/Berlin"):
        zone(name)


def test_offsets_are_exact_spans_open_at_both_ends() -> None:
    assert offsets("Europe/Berlin", utc("2026-01-01"), utc("2026-12-31")) == [
        Offset(BEGINNING, utc("2026-03-29T01:00"), 3600),
        Offset(utc("2026-03-29T01:00"), utc("2026-10-25T01:00"), 7200),
        Offset(utc("2026-10-25T01:00"), END, 3600),
    ]


def test_a_zone_without_changes_has_one_span() -> None:
    assert offsets("Asia/Kathmandu", utc("2026-01-01"), utc("2027-01-01")) == [
        Offset(BEGINNING, END, 20700)
    ]


def test_a_change_at_the_edge_of_the_range_belongs_to_it_only_where_it_takes_effect() -> None:
    change = utc("2026-03-29T01:00")
    second = timedelta(seconds=1)
    spans = [
        offsets("Europe/Berlin", change - second, change - second / 2),
        offsets("Europe/Berlin", change - second, change),
        offsets("Europe/Berlin", change, change + second),
    ]
    assert [[span.seconds for span in each] for each in spans] == [[3600], [3600, 7200], [7200]]


@pytest.mark.parametrize(
    "name",
    ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "Pacific/Apia"],
)
def test_offsets_agree_with_the_zone_at_every_hour(name: str) -> None:
    place, first = zone(name), utc("2010-06-01")
    spans = offsets(name, first, utc("2012-06-01"))
    for hour in range(2 * 365 * 24):
        at = first + timedelta(hours=hour)
        (seconds,) = [span.seconds for span in spans if span.from_at <= at < span.until_at]
        assert timedelta(seconds=seconds) == at.astimezone(place).utcoffset()


@pytest.mark.parametrize(
    ("place", "day", "minute", "instant"),
    [
        ("Europe/Berlin", "2026-03-02", 540, "2026-03-02T08:00"),
        ("Europe/Berlin", "2026-03-02", 1440, "2026-03-02T23:00"),
        ("Europe/Berlin", "2026-03-29", 150, "2026-03-29T01:00"),  # 02:30 is skipped: 03:00
        ("Europe/Berlin", "2026-10-25", 150, "2026-10-25T00:30"),  # 02:30 comes twice: the first
        ("Australia/Lord_Howe", "2026-10-04", 135, "2026-10-03T15:30"),
        ("America/Sao_Paulo", "2018-11-04", 0, "2018-11-04T03:00"),  # no midnight: 01:00
        ("America/Sao_Paulo", "2018-11-03", 1440, "2018-11-04T03:00"),
        ("America/Havana", "2026-11-01", 30, "2026-11-01T04:30"),  # midnight comes twice
        ("Pacific/Apia", "2011-12-30", 540, "2011-12-30T10:00"),  # a date that never was
        ("Africa/Monrovia", "1972-01-07", 0, "1972-01-07T00:45"),  # the gap ends at 00:44:30
    ],
)
def test_wall_time_is_an_instant(place: str, day: str, minute: int, instant: str) -> None:
    assert local_instant(date.fromisoformat(day), minute, zone(place)) == utc(instant)


@pytest.mark.parametrize("minute", [-1, 1441])
def test_a_minute_outside_the_day_is_refused(minute: int) -> None:
    with pytest.raises(ValueError, match="not within 0 to 1440"):
        local_instant(date(2026, 3, 2), minute, zone("UTC"))


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (END.replace(year=2026, tzinfo=None), "has no time zone"),
        (datetime(1899, 12, 31, tzinfo=UTC), "years 1900 to 2199"),
        (END, "years 1900 to 2199"),
    ],
)
def test_an_instant_without_zone_or_out_of_range_is_refused(instant: datetime, text: str) -> None:
    with pytest.raises(InstantRefused, match=text):
        in_utc(instant)
