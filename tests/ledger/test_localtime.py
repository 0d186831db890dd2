"""Local dates in SQL agree with the zone database, also on days of 23 and 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import BigInteger, insert, literal, select
from sqlmodel import col

from nurture.calendar.zones import local_instant
from nurture.ledger import localtime
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import make_lead

EPOCH = date(1970, 1, 1)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Beirut", "Pacific/Kiritimati")
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    from_at: datetime
    until_at: datetime
    seconds: int


@cache
def spans(zone: str) -> tuple[Span, ...]:
    """The offsets of 2026."""
    return tuple(walked(zone))


def walked(zone: str) -> Iterator[Span]:
    """The same, found by walking the quarters of an hour."""
    since, at = START, START
    seconds = offset(zone, at)
    while at < END:
        at += timedelta(minutes=15)
        if offset(zone, at) != seconds or at == END:
            yield Span(since, at, seconds)
            since, seconds = at, offset(zone, at)


def offset(zone: str, at: datetime) -> int:
    shift = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert shift is not None
    return int(shift.total_seconds())


def instants() -> list[datetime]:
    """Hours around the changes of clocks, and a few plain days."""
    days = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1))
    starts = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    near = [start + timedelta(minutes=30 * step) for start in starts for step in range(-30, 80)]
    return [*near, datetime(2026, 7, 14, 21, 59, 59, 999_999, tzinfo=UTC)]


@pytest.mark.parametrize("zone", ZONES)
def test_days_minutes_and_midnights_are_the_zones_own(ledger: Ledger, zone: str) -> None:
    local = ZoneInfo(zone)
    with ledger.begin() as session:
        localtime.keep_zone_offsets(session, {zone: spans(zone)})
        told = [
            {"external_id": str(number), "timezone": zone, "created_at": at, "updated_at": at}
            for number, at in enumerate(instants())
        ]
        session.execute(insert(t.Lead), told)
        at_column, zone_column = col(t.Lead.created_at), col(t.Lead.timezone)
        rows = session.execute(
            select(
                at_column,
                localtime.local_day(at_column, zone_column),
                localtime.wall_instant(
                    localtime.local_day(at_column, zone_column) * localtime.DAY, zone_column
                ),
            )
        ).all()
    assert len(rows) == len(instants())
    for at, day, begins in rows:
        there = at.astimezone(local)
        assert day == (there.date() - EPOCH).days
        assert begins.astimezone(local).date() == there.date()
        before = (begins - timedelta(microseconds=1)).astimezone(local)
        assert before.date() < there.date()


def test_a_zone_nobody_kept_counts_as_utc(ledger: Ledger) -> None:
    at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    with ledger.begin() as session:
        make_lead(session, None, external_id="1", timezone=None, created_at=at)
        column, zone = col(t.Lead.created_at), col(t.Lead.timezone)
        day, begins = session.execute(
            select(
                localtime.local_day(column, zone),
                localtime.wall_instant(localtime.local_day(column, zone) * localtime.DAY, zone),
            )
        ).one()
    assert day == (at.date() - EPOCH).days
    assert begins == datetime(2026, 3, 2, tzinfo=UTC)


def test_an_instant_given_as_a_value_works_like_a_column(ledger: Ledger) -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    with ledger.begin() as session:
        localtime.keep_zone_offsets(session, {"Europe/Berlin": spans("Europe/Berlin")})
        day = session.execute(select(localtime.local_day(at, "Europe/Berlin"))).scalar_one()
    assert day == (date(2026, 7, 2) - EPOCH).days


def test_offsets_with_a_gap_are_refused_and_repeats_replace(ledger: Ledger) -> None:
    later = START + timedelta(days=1)
    with ledger.begin() as session:
        with pytest.raises(ValueError, match="leave a gap"):
            localtime.keep_zone_offsets(session, {"X": [Span(START, later, 0), Span(END, END, 0)]})
        for seconds in (0, 3600):
            localtime.keep_zone_offsets(session, {"X": [Span(START, END, seconds)]})
        assert session.execute(select(t.ZoneOffset.seconds)).scalars().all() == [3600]


@pytest.mark.parametrize("zone", ZONES)
def test_the_instant_of_a_wall_time_is_the_calendars_own(ledger: Ledger, zone: str) -> None:
    """Also of times that clocks jump over or show twice."""
    days = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1))
    minutes = range(0, 1440, 15)
    walls = [(day, minute) for day in days for minute in minutes]
    with ledger.begin() as session:
        localtime.keep_zone_offsets(session, {zone: spans(zone)})
        wanted = [
            literal((day - EPOCH).days * localtime.DAY + minute * localtime.MINUTE, BigInteger)
            for day, minute in walls
        ]
        asked = [localtime.wall_instant(each, literal(zone)) for each in wanted]
        found = [
            when
            for start in range(0, len(asked), 48)
            for when in session.execute(select(*asked[start : start + 48])).one()
        ]
    assert found == [local_instant(day, minute, ZoneInfo(zone)) for day, minute in walls]
