"""A ledger in memory, for rehearsals: made once, put back to what it was as often as needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, open_ledger

RECKONED = {"opening", "zone_offset"}
"""Tables that say what calendars say, whoever asks: what was added stays, and is not reckoned
twice."""


@dataclass(frozen=True)
class Image:
    """Everything a ledger in memory held when it was taken, but for what is `RECKONED`."""

    _connection: sqlite3.Connection

    def put_back(self) -> None:
        """Make the ledger hold exactly that again; no session may be open.

        Row by row: whoever replaces a database, or asks for a pragma, makes SQLite plan every
        statement anew, which costs more than most rehearsals do.
        """
        run = self._connection.execute
        run("BEGIN")
        for table in reversed(_TABLES):  # rows that refer to others go first, and come last
            run(f"DELETE FROM main.{table}")  # noqa: S608 - our own tables
        for table in _TABLES:
            run(f"INSERT INTO main.{table} SELECT * FROM image.{table}")  # noqa: S608
        run("COMMIT")

    def close(self) -> None:
        """Forget it."""
        self._connection.execute("DETACH image")


_TABLES = [
    f'"{table.name}"' for table in t.Lead.metadata.sorted_tables if table.name not in RECKONED
]


@contextmanager
def open_memory() -> Iterator[Ledger]:
    """A ledger with this program's tables that is gone at the end of the block.

    It belongs to the thread that opened it: every thread would see a memory of its own.
    """
    ledger = open_ledger("sqlite:///:memory:")
    try:
        schema.upgrade(ledger)
        yield ledger
    finally:
        ledger.close()


def take_image(ledger: Ledger) -> Image:
    """What a ledger in memory holds now; no session may be open.  One at a time."""
    connection = _connection(ledger)
    connection.execute("ATTACH ':memory:' AS image")
    for table in _TABLES:
        connection.execute(f"CREATE TABLE image.{table} AS SELECT * FROM main.{table}")  # noqa: S608
    return Image(connection)


def _connection(ledger: Ledger) -> sqlite3.Connection:
    with ledger.engine.connect() as connection:
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
