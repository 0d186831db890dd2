"""A ledger for tests, on SQLite and PostgreSQL, and small makers of rows.

`ledger` is migrated once a session and emptied after every test: tests commit for real, so
threads, processes and `SKIP LOCKED` see what they would see in life.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, event, func, select, text
from sqlalchemy.pool import QueuePool
from sqlmodel import Session, SQLModel, col

from nurture.calendar.zones import zone_names
from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, open_ledger

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning; in Berlin it is ten o'clock."""


@pytest.fixture(scope="session")
def migrated_ledger(ledger_url: str) -> Iterator[Ledger]:
    """The session's ledger with its tables made by the migrations."""
    opened = open_ledger(ledger_url)
    schema.upgrade(opened)
    hurry(opened)
    yield opened
    opened.close()


CONNECTED: list[Ledger] = []
FEW = 2


def alone_connected(ledger: Ledger) -> None:
    """Close what idles of other ledgers, and more than `FEW` of this: every folder of tests has a
    ledger, and a server has room for a hundred connections of all processes."""
    if ledger.dialect != "postgresql":
        return
    for other in CONNECTED:
        if other is not ledger or idle(other) > FEW:
            other.engine.pool.dispose()
    CONNECTED[:] = [ledger]


def idle(ledger: Ledger) -> int:
    """How many connections wait to be used again."""
    pool = ledger.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedin()


def hurry(ledger: Ledger) -> None:
    """Let a ledger of tests on SQLite wait for no disk: they kill processes, never the machine.

    One on PostgreSQL is told so when its database is made.
    """

    def without_waiting(connection: Any, _record: Any = None) -> None:
        connection.execute("PRAGMA synchronous=0")

    if ledger.dialect == "sqlite":
        event.listen(ledger.engine, "connect", without_waiting)
        open_now = ledger.engine.raw_connection()
        without_waiting(open_now.driver_connection)
        open_now.close()


@pytest.fixture
def ledger(migrated_ledger: Ledger) -> Iterator[Ledger]:
    """An empty ledger; whatever the test commits is taken out again."""
    alone_connected(migrated_ledger)
    yield migrated_ledger
    empty(migrated_ledger)


CALENDARS = ("opening", "zone_offset")
"""What the engine computed of hours and zones: kept by keys that name their content, so that it is
as true in the next test, and a tenth of a test of whole ticks was computing it again."""

ZONES = select(col(t.ZoneOffset.zone)).distinct()
OPENINGS = select(func.count()).select_from(t.Opening)


@pytest.fixture(name="ledger")
def played_ledger(migrated_ledger: Ledger) -> Iterator[Ledger]:
    """A ledger empty but for calendars, for tests that write none of their own."""
    alone_connected(migrated_ledger)
    yield migrated_ledger
    empty(migrated_ledger, but=known_calendars(migrated_ledger))


def known_calendars(ledger: Ledger) -> tuple[str, ...]:
    """`CALENDARS`, while they are few and of zones there are (others are read as a workspace's)."""
    with ledger.looking() as session:
        zones = set(session.execute(ZONES).scalars())
        rows = session.execute(OPENINGS).scalar_one()
    return CALENDARS if rows < 3_000 and zones <= zone_names() else ()


LARGE = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'alembic_version' "
    "AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > 1000000"
)
"""Tables whose dead rows are worth a TRUNCATE, which costs as much as thousands of deletions."""
UNLINKED = (
    "SELECT set_config('session_replication_role', 'replica', true) "
    "FROM pg_roles WHERE rolname = current_user AND rolsuper"
)
"""Whoever may deletes without asking, for each lead, every table that could refer to it: a
quarter of a millisecond a row where all of them go."""
RESTART = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
    "FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL"
)
"""ALTER SEQUENCE would write a new file for each."""


def filled(connection: Connection | Session, *, but: Collection[str] = ()) -> list[Table]:
    """The tables that have rows, each before those it refers to; `but` some nobody asks about."""
    tables = [table for table in _those_that_refer_first() if table.name not in but]
    union = " UNION ALL ".join(
        f"SELECT '{table.name}' WHERE EXISTS (SELECT 1 FROM {_quoted(table)})" for table in tables
    )
    names = {name for (name,) in connection.execute(text(union))}
    return [table for table in tables if table.name in names]


def empty(ledger: Ledger, *, but: Collection[str] = ()) -> None:
    """Delete every row, `but` those of some tables, and start numbering anew."""
    with ledger.engine.begin() as connection:
        if ledger.dialect == "postgresql":
            connection.execute(text(UNLINKED))
        for table in filled(connection, but=but):
            connection.execute(table.delete())
        if ledger.dialect == "postgresql":
            if large := [name for (name,) in connection.execute(text(LARGE))]:
                names = ", ".join(f'"{name}"' for name in large)
                connection.execute(text(f"TRUNCATE {names} CASCADE"))
            connection.execute(text(RESTART))


@cache
def _those_that_refer_first() -> list[Table]:
    return list(reversed(SQLModel.metadata.sorted_tables))


def _quoted(table: Table) -> str:
    return f'"{table.name}"'


@contextmanager
def counting(ledger: Ledger) -> Iterator[list[str]]:
    """Collects the statements sent meanwhile, but for those that begin and end a transaction or
    empty the working set: whether it has to be is a matter of what went before."""
    with _noting([ledger.engine], but=("BEGIN", "DELETE FROM batch")) as sent:
        yield sent


@contextmanager
def sending(ledger: Ledger) -> Iterator[list[str]]:
    """Collects every statement sent meanwhile, also by those who only look."""
    with _noting([ledger.engine, ledger._reader]) as sent:
        yield sent


@contextmanager
def _noting(engines: list[Engine], *, but: tuple[str, ...] = ()) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(but):
            sent.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def kept(session: Session, row: Any) -> Any:
    """The row, written, with its number."""
    session.add(row)
    session.flush()
    return row


def make_lead(session: Session, email: str | None = "ann@example.test", **values: Any) -> t.Lead:
    """A lead; every field can be given."""
    fields = {
        "email": email,
        "email_key": email.casefold() if email else None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    lead: t.Lead = kept(session, t.Lead(**(fields | values)))
    return lead


def make_definition(
    session: Session, name: str = "welcome", kind: str = "sequence", **values: Any
) -> t.Definition:
    """An applied, active definition."""
    fields = {"kind": kind, "name": name, "applied_at": NOW}
    made: t.Definition = kept(session, t.Definition(**(fields | values)))
    return made


def make_enrolment(
    session: Session, lead: t.Lead, definition: t.Definition, **values: Any
) -> t.Enrolment:
    """An active enrolment at the first step, due now."""
    fields = {
        "lead_id": lead.id,
        "sequence": definition.name,
        "definition_id": definition.id,
        "due_at": NOW,
        "entered_at": NOW,
        "step_at": NOW,
    }
    made: t.Enrolment = kept(session, t.Enrolment(**(fields | values)))
    return made


def make_engagement(
    session: Session, lead: t.Lead | None, kind: str = "page_viewed", **values: Any
) -> t.Engagement:
    """Something a lead did at NOW."""
    fields = {
        "source": "test",
        "key": f"{kind}-{id(values)}-{values.get('occurred_at', NOW).timestamp()}",
        "kind": kind,
        "lead_id": lead.id if lead else None,
        "identity": lead.email or "" if lead else "",
        "occurred_at": NOW,
        "received_at": NOW,
    }
    made: t.Engagement = kept(session, t.Engagement(**(fields | values)))
    return made


def make_message(session: Session, lead: t.Lead, **values: Any) -> t.Message:
    """A nurture message due now."""
    fields = {"lead_id": lead.id, "planned_at": NOW, "due_at": NOW}
    made: t.Message = kept(session, t.Message(**(fields | values)))
    return made
