"""A ledger in memory, for rehearsals: made once, put back to what it was as often as needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nurture.ledger import schema
from nurture.ledger.engine import Ledger, open_ledger


@dataclass(frozen=True)
class Image:
    """Everything a ledger in memory held when it was taken."""

    _copy: sqlite3.Connection

    def put_back(self, ledger: Ledger) -> None:
        """Make the ledger hold exactly that again; no session may be open."""
        self._copy.backup(_connection(ledger))

    def close(self) -> None:
        """Forget it."""
        self._copy.close()


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
    """What a ledger in memory holds now; no session may be open."""
    copy = sqlite3.connect(":memory:")
    _connection(ledger).backup(copy)
    return Image(copy)


def _connection(ledger: Ledger) -> sqlite3.Connection:
    with ledger.engine.connect() as connection:
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
