"""Throw-away ledgers full of leads, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, create_engine, text
from sqlmodel import Session, SQLModel

from nurture.calendar.hours import parse_days, parse_hours, weekly
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import End, EnterStage, Program, Send
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Sender, Topic, Workspace
from nurture.language.grammar.conditions import EventTest
from nurture.language.grammar.terms import Entry, Late, Window
from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, normal_url, open_ledger

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VARIABLE = "NURTURE_TEST_POSTGRES"
POSTGRES = os.environ.get(VARIABLE, "")
"""A PostgreSQL server on which databases may be made and dropped."""
HOURS = "mon-fri 09:00-17:00"
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London")


@contextmanager
def ledgers() -> Iterator[list[tuple[str, str]]]:
    """(name, url) of a fresh SQLite file and, when PostgreSQL is named, a database."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as folder:
        found = [("SQLite", f"sqlite:///{Path(folder) / 'ledger.db'}")]
        name = f"nurture_bench_{os.getpid()}"
        if POSTGRES:
            _administer(POSTGRES, f'CREATE DATABASE "{name}"')
            url = normal_url(POSTGRES).set(database=name)
            found.append(("PostgreSQL", url.render_as_string(hide_password=False)))
        try:
            yield found
        finally:
            if POSTGRES:
                for each in (name, f"{name}_dbos"):  # DBOS makes one of its own beside it
                    _administer(POSTGRES, f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)')


def _administer(server: str, *statements: str) -> None:
    engine = create_engine(normal_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def fresh(url: str) -> Ledger:
    """A ledger with nothing in it at the address, whatever was there before."""
    target = normal_url(url)
    if target.get_backend_name() == "sqlite":
        for ending in ("", "-wal", "-shm"):
            Path(f"{target.database}{ending}").unlink(missing_ok=True)
    else:
        _administer(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    ledger = open_ledger(url)
    schema.upgrade(ledger)
    return ledger


def program(*, window: bool) -> Program:
    """A sequence of one mail."""
    steps = (
        EnterStage(0, "stage:a", "bench/a", "a", 1),
        Send(1, "send:hello#1", "bench/a/1", "a", 2, "hello", "tips"),
        End(2, "end", "bench", "a", None, "end of the sequence"),
    )
    entry = Entry(EventTest("form_submitted"), True, "", None, timedelta(days=7), "bench/enter")
    return Program(
        "bench", 1, "", steps, ("a",), entry, (), None,
        Window(HOURS if window else None, "lead"), Late(timedelta(hours=24), "skip"), False,
    )  # fmt: skip


def definitions(*, window: bool = False) -> Definitions:
    """A workspace around it."""
    sequence = program(window=window)
    return Definitions(
        workspace=Workspace(
            brand="Bench",
            sender=Sender(name="Bench", address="bench@example.test", postal="1 Road"),
            base_url="http://127.0.0.1:8080",
            topics={"tips": Topic(name="Tips")},
        ),
        scoring=Scoring(),
        handoff=None,
        handoff_id=0,
        active={"bench": sequence},
        programs={1: sequence},
        hours={HOURS: weekly(parse_days("mon-fri"), parse_hours("09:00-17:00"))},
    )


def fill(ledger: Ledger, leads: int) -> None:
    """So many leads, each enrolled and due at the send step."""
    with ledger.begin() as session:
        session.add(t.Definition(id=1, kind="sequence", name="bench", applied_at=NOW))
        session.flush()
        put_leads(session, leads, now=NOW)
        _insert(
            session, leads, NOW,
            "INTO enrolment (id, lead_id, sequence, definition_id, position, stage, due_at, "
            "entered_at, step_at)",
            "i, i, 'bench', 1, 1, 'a', :now, :now, :now",
        )  # fmt: skip
    if ledger.dialect == "postgresql":
        settle(ledger)


def settle(ledger: Ledger) -> None:
    """Bring PostgreSQL to rest after a fill: vacuumed, analysed, its pages on disk."""
    with ledger.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM ANALYZE lead, enrolment, message"))
        connection.execute(text("CHECKPOINT"))


def clear(ledger: Ledger) -> None:
    """Take out what `fill` and a pass put in; what the connection has compiled stays."""
    tables = ("message", "decision", "enrolment", "definition", "opening", "lead")
    with ledger.begin() as session:
        if ledger.dialect == "postgresql":
            session.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))
        else:
            for table in tables:
                session.execute(text(f"DELETE FROM {table}"))


def put_leads(session: Session, leads: int, *, now: datetime) -> None:
    """Leads `lead1@example.test` and so on, numbered from 1, in four zones."""
    zones = " ".join(f"WHEN {i} THEN '{zone}'" for i, zone in enumerate(ZONES))
    _insert(
        session, leads, now,
        "INTO lead (id, email, email_key, first_name, company, timezone, created_at, updated_at)",
        "i, 'lead' || i || '@example.test', 'lead' || i || '@example.test', 'Ann', "
        f"'Company ' || i, CASE i % {len(ZONES)} {zones} END, :now, :now",
    )  # fmt: skip


def _insert(session: Session, rows: int, now: datetime, into: str, values: str) -> None:
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        if session.get_bind().dialect.name == "sqlite"
        else "WITH n(i) AS (SELECT generate_series(1, :rows))"
    )
    at = int(now.timestamp()) * 1_000_000
    session.execute(
        text(f"INSERT {into} {numbers} SELECT {values} FROM n"), {"rows": rows, "now": at}
    )


def sums(session: Session, *tables: str, but: Collection[str] = ()) -> dict[str, object]:
    """What two ledgers are compared by: rows, and of every column how many values and their sum.

    Of anything but a whole number the length as text counts.  Numbers of rows, and the columns in
    `but`, are left out.
    """
    found: dict[str, object] = {}
    for name in tables:
        columns = [
            column
            for column in SQLModel.metadata.tables[name].columns
            if column.name not in {"id", *but}
        ]
        asked = ", ".join(f"count({c.name}), sum({_weight(c)})" for c in columns)
        row = session.execute(text(f"SELECT count(*), {asked} FROM {name}")).one()
        found[name] = row[0]
        for place, column in enumerate(columns):
            found[f"{name}.{column.name}"] = (row[1 + 2 * place], int(row[2 + 2 * place] or 0))
    return found


def of_all(leads: int) -> dict[str, object]:
    """The sums when each lead has its one message."""
    return {"messages": leads, "leads": leads * (leads + 1) // 2}


def _weight(column: Column[Any]) -> str:
    plain = getattr(column.type, "impl", column.type)
    if isinstance(plain, Integer):  # sums of microseconds would not fit into 64 bits
        return f"{column.name} % 1000003"
    return f"length(CAST({column.name} AS TEXT))"


def peak_memory() -> float:
    """The most this process has held so far, in MB (getrusage would count the parent's too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
