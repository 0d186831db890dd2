"""Reading the ledger beside whoever writes it.

`Ledger.begin` takes SQLite's one write lock.  Who only looks (lists, pages, what is applied) does
not need it, and must not wait for a tick, least of all inside the tick's own transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session

from nurture.ledger.engine import Ledger

Reader = Engine


def reader(ledger: Ledger) -> Reader:
    """A second way to the ledger's connections whose transactions begin without the write lock."""
    engine = Engine(ledger.engine.pool, ledger.engine.dialect, ledger.engine.url)
    if ledger.dialect == "sqlite":

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN DEFERRED")

    return engine


@contextmanager
def looking(ledger: Ledger) -> Iterator[Session]:
    """A session that sees one state of the ledger; nothing done in it is kept."""
    with Session(reader(ledger), expire_on_commit=False) as session:
        yield session
