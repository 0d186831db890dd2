"""Due instants in SQL are those of nurture.calendar.business, on random cases and at the edges."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, String, literal, select, true

from handoff.rowset import rowset
from handoff.sla.deadlines import due
from nurture.calendar import business, zones
from nurture.calendar.openings import openings
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import MICROSECOND, Instant
from tests.handoff import sales_desk as desk

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
SHIFTS = {
    "office": desk.calendar("09:00-17:00"),
    "split": desk.calendar("08:15-12:00, 13:00-17:45", "mon-sat"),
    "night": desk.calendar("22:00-06:00"),
    "always": desk.calendar("00:00-24:00", "mon-sun"),
    "gap": desk.calendar("01:30-02:30", "mon-sun"),
}
MIDDLE = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
"""When the clocks change in Berlin; New York and Lord Howe change within the span as well."""
_COLUMNS = {
    "n": BigInteger(), "start": Instant(), "amount": BigInteger(), "hours": String(),
    "zone": String(),
}  # fmt: skip


def test_due_in_sql_is_due_in_the_calendar(ledger: Ledger) -> None:
    draw = random.Random(20260302)
    known = {}
    with ledger.begin() as session:
        for name, calendar in SHIFTS.items():
            for zone in ZONES:
                desk.keep(session, name, zone, calendar, now=MIDDLE)
                first, last = MIDDLE - timedelta(days=14), MIDDLE + timedelta(days=70)
                known[name, zone] = openings(calendar, zones.zone(zone), first, last)
        cases = []
        for number in range(600):
            hours, zone = draw.choice(list(SHIFTS)), draw.choice(ZONES)
            rows = known[hours, zone]
            row = rows[draw.randrange(len(rows) // 2)]
            instants = (row.opens_at, row.closes_at, row.closes_at - MICROSECOND)
            start = draw.choice(
                (*instants, MIDDLE + timedelta(seconds=draw.randrange(10 * 86400)))
            )
            length = row.closes_at - row.opens_at
            amount = draw.choice(
                (timedelta(seconds=draw.randrange(1, 100_000)), length, 3 * length, MICROSECOND)
            )
            cases.append((number, start, amount // MICROSECOND, hours, zone))
        term = rowset("cases", _COLUMNS, cases)
        c = term.c
        found = session.execute(
            select(c.n, due(c.start, c.amount, true(), c.hours, c.zone)).select_from(term)
        )
        answers = {row[0]: row[1] for row in found}
    for number, start, amount, hours, zone in cases:
        wanted = business.add(known[hours, zone], start, amount * MICROSECOND)
        assert answers[number] == wanted, (start, amount, hours, zone)


def test_a_clock_always_ends(ledger: Ledger) -> None:
    """Beyond the last opening: its closing; with no opening at all: around the clock."""
    year = 365 * 24 * 3600 * 1_000_000
    start = literal(MIDDLE, Instant())
    with ledger.begin() as session:
        desk.keep(session, "office", "UTC", SHIFTS["office"], now=MIDDLE)
        last = max(row.closes_at for row in desk.rows(session, table_of(t.Opening), "closes_at"))
        beyond = due(start, literal(year, BigInteger()), true(), literal("office"), literal("UTC"))
        assert session.execute(select(beyond)).scalar() == last
        nothing = due(start, literal(year, BigInteger()), true(), literal("x"), literal("UTC"))
        assert session.execute(select(nothing)).scalar() == MIDDLE + timedelta(days=365)
