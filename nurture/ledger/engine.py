"""The one way to open a ledger: engine, pragmas, transaction mode, sessions.

SQLite runs in WAL with `synchronous=FULL` and every transaction begins IMMEDIATE: a plain
deferred BEGIN loses updates between a read and the write that follows it.  PostgreSQL runs READ
COMMITTED with time limits on statements and locks.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlmodel import Session

from nurture.ledger.errors import LedgerError
from nurture.ledger.statements import batches, given

COMPILED = 4_096
"""Compiled statements kept: a few for each step and rule, so that a tick compiles none."""
PREPARED = 1_024
"""Of these so many stay prepared on a connection to SQLite: with the driver's 128 a tick, which
asks several hundred different ones, would plan nearly each of them anew."""
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "2",  # FULL
    "foreign_keys": "1",
    "busy_timeout": "30000",
}
_OPTIONS = {"preserve_rowcount": True}
"""Passes tell how many rows they changed."""
RESTED = 1.0
POSTGRES_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=60000 -c idle_in_transaction_session_timeout=300000"
    " -c jit=off -c random_page_cost=1.1"
)
"""Without JIT: its cost model takes a few correlated subqueries for a long computation, and
compiles for 100 ms what runs in one.  With a page found by an index little dearer than the next
one in a row, as it is without a disk's arm: else a batch of 20,000 reads every enrolment."""


@dataclass(frozen=True)
class Ledger:
    """An open ledger; `begin()` writes, `looking()` reads: there is no other way to a session."""

    engine: Engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def looking(self) -> Iterator[Session]:
        """A session that sees one state of the ledger and waits for no writer; nothing done in
        it is kept."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @cached_property
    def _reader(self) -> Engine:
        """A second way to the same connections whose transactions begin without the write lock."""
        reader = Engine(
            self.engine.pool, self.engine.dialect, self.engine.url, query_cache_size=COMPILED
        )
        reader.update_execution_options(**_OPTIONS)
        batches.notice_undone(reader)
        if self.dialect == "sqlite":

            @event.listens_for(reader, "begin")
            def _begin(connection: Any) -> None:
                connection.exec_driver_sql("BEGIN DEFERRED")

        return reader

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def normal_url(url: str) -> URL:
    """The URL with the driver we ship: bare `postgresql://` means psycopg 3.

    A path alone is a SQLite file.  Other databases raise LedgerError.
    """
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError as error:
        raise LedgerError(
            f"{url!r} is not a database address: write sqlite:///path/to/file.db or "
            "postgresql://user@host/database"
        ) from error
    name = parsed.get_backend_name()
    if name in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if name == "sqlite":
        return parsed.set(drivername="sqlite")
    raise LedgerError(f"{name} is not a database this engine runs on: use sqlite or postgresql")


def open_ledger(url: str, *, schema: str = "") -> Ledger:
    """Connect to a ledger and check that the database is set up as the engine needs it.

    On PostgreSQL its tables are those of `schema`, if one is named.
    """
    target = normal_url(url)
    if target.get_backend_name() == "sqlite":
        engine = _sqlite(target)
    else:
        engine = create_engine(
            target,
            pool_size=8,
            max_overflow=8,
            connect_args={
                "options": POSTGRES_OPTIONS + (f" -c search_path={schema}" if schema else ""),
                "connect_timeout": 10,
            },
            query_cache_size=COMPILED,
            execution_options=_OPTIONS,
            hide_parameters=True,  # errors go to logs, the values are people's data
        )
        _ask_the_rested(engine)
        given.attach(engine)
    batches.attach(engine)
    ledger = Ledger(engine)
    _assert_usable(ledger)
    return ledger


def _sqlite(target: URL) -> Engine:
    engine = create_engine(
        target,
        connect_args={"timeout": 30, "check_same_thread": False, "cached_statements": PREPARED},
        query_cache_size=COMPILED,
        execution_options=_OPTIONS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for name, value in PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")
        connection.execute("PRAGMA temp_store=MEMORY")
        try:
            connection.execute("SELECT pow(2.0, 0.5)")
        except sqlite3.OperationalError:  # built without SQLite's mathematical functions
            connection.create_function("pow", 2, _pow, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin_immediate(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _ask_the_rested(engine: Engine) -> None:
    """A connection that lay unused for more than `RESTED` seconds is asked whether it still lives,
    and made anew if not.  In use it would cost every transaction of a tick one more journey."""

    @event.listens_for(engine, "checkin")
    def _lay_down(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("rests_since")
        if since is None or time.monotonic() - since <= RESTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise DisconnectionError(str(error)) from error


def _pow(number: float | None, power: float | None) -> float | None:
    return None if number is None or power is None else math.pow(number, power)


def _assert_usable(ledger: Ledger) -> None:
    """Fail early, in words, when the database is missing, unreachable or set up otherwise."""
    try:
        with ledger.looking() as session:  # asks nothing of whoever writes meanwhile
            connection = session.connection()
            if ledger.dialect == "sqlite":
                for name, wanted in PRAGMAS.items():
                    found = str(connection.execute(text(f"PRAGMA {name}")).scalar())
                    in_memory = name == "journal_mode" and found == "memory"
                    if found != wanted and not in_memory:
                        raise LedgerError(f"SQLite's {name} is {found}, the engine needs {wanted}")
            else:
                version = int(str(connection.execute(text("SHOW server_version_num")).scalar()))
                if version < 150000:
                    raise LedgerError("PostgreSQL 15 or newer is needed")
    except DBAPIError as error:
        shown = ledger.engine.url.render_as_string(hide_password=True)
        raise LedgerError(f"Cannot open the ledger at {shown}: {error.orig}") from error
