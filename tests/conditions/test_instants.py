"""Dates and instants as other systems write them: SQL reads them as Python does, on both."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import String, cast, literal, select
from sqlmodel import Session

from nurture.language.sql.instants import written
from nurture.ledger.engine import Ledger

DAY = timedelta(days=1)


def read(session: Session, text: str) -> tuple[int | None, int | None, int | None]:
    """Day, minutes since midnight, minutes ahead of UTC."""
    found = written(cast(literal(text), String()))
    day, clock, east = session.execute(select(found.day, found.clock, found.east)).one()
    return day, None if clock is None else clock // 60_000_000, east and east // 60_000_000


def date_time(year: int, month: int, day: int) -> datetime:
    return datetime.combine(date(year, month, day), time())


def _days(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - date(1970, 1, 1)).days


TEXTS: list[tuple[str, Any]] = [
    ("2026-03-12", (None, None)),
    ("2026-03-12T15:30", (930, None)),
    ("2026-03-12 15:30:59", (930, None)),
    ("2026-03-12t15:30:00.123456789z", (930, 0)),
    ("2026-03-12T15:30:00,5Z", (930, 0)),
    ("2026-03-12T15:30 UTC", (930, 0)),
    ("2026-03-12T15:30:00+05:45", (930, 345)),
    ("2026-03-12T15:30-0330", (930, -210)),
    ("2026-03-12T15:30:00 +01", (930, 60)),
    ("2026-03-12T24:00", (None, None)),
    ("2026-03-12T15:60Z", (None, None)),
    ("2026-03-12T15:30:61Z", (None, None)),
    ("2026-03-12T15:30+25:00", (None, None)),
    ("2026-03-12T15:30 Europe/Berlin", (None, None)),
    ("2026-03-12T1530", (None, None)),
    ("2026-03-12T15:30.5", (None, None)),
    ("2026-03-12T15:30:00.Z", (930, 0)),
    ("2026-03-12Z", (None, None)),
    ("2026-03-12 at noon", (None, None)),
    ("2026-03-12T15:3０", (None, None)),
    ("2026-03-12T15:30:00+", (None, None)),
]


@pytest.mark.parametrize(("text", "said"), TEXTS)
def test_a_text_is_read_as_far_as_it_can_be(ledger: Ledger, text: str, said: Any) -> None:
    with ledger.begin() as session:
        assert read(session, text) == (_days(2026, 3, 12), *said)


NONE = ["", "soon", "2026-3-12", "12.03.2026", "1773327000", "2026-13-01", "20260312T1530Z",
        "２０２６-03-12", "x" * 9_000, "'; --"]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_what_begins_like_no_date_is_none(ledger: Ledger, text: str) -> None:
    with ledger.begin() as session:
        assert read(session, text)[0] is None


FORMS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]
ZONES = st.integers(-14 * 4, 14 * 4).map(lambda quarters: quarters * 15)


def test_instants_are_those_python_reads(ledger: Ledger) -> None:
    with ledger.begin() as session:

        @settings(max_examples=120, deadline=None, derandomize=True,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
        @given(
            st.datetimes(date_time(1970, 1, 3), date_time(9998, 12, 30)),
            st.sampled_from(FORMS), ZONES, st.sampled_from(["", ":"]),
        )  # fmt: skip
        def check(when: datetime, form: str, east: int, colon: str) -> None:
            hours, minutes = divmod(abs(east), 60)
            zone = f"{'-' if east < 0 else '+'}{hours:02}{colon}{minutes:02}"
            text = f"{when:%Y}".rjust(4, "0") + when.strftime(form)[len(f"{when:%Y}"):] + zone
            day, clock, ahead = read(session, text)
            assert day is not None
            assert clock is not None
            assert ahead is not None
            found = datetime(1970, 1, 1, tzinfo=UTC) + day * DAY + timedelta(minutes=clock - ahead)
            wanted = when.replace(second=0, microsecond=0, tzinfo=UTC) - timedelta(minutes=east)
            assert found == wanted

        check()


def test_whatever_is_written_is_no_error(ledger: Ledger) -> None:
    with ledger.begin() as session:

        @settings(max_examples=150, deadline=None, derandomize=True,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
        @given(
            st.text("0123456789-+:.TtZ ,UC%_'é", max_size=30)
            | st.text("0123456789:.+-ZT ", max_size=18).map("2026-03-12T1".__add__)
            | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        )
        def check(text: str) -> None:
            day, clock, east = read(session, text)
            assert clock is None or 0 <= clock < 1440
            assert east is None or (clock is not None and abs(east) < 16 * 60)
            assert day is None or day < _days(9999, 12, 31) + 31

        check()
