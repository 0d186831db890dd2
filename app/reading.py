"""Reading the ledger beside whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from nurture.ledger.engine import Ledger


@contextmanager
def looking(ledger: Ledger) -> Iterator[Session]:
    """A session that sees one state of the ledger; nothing done in it is kept."""
    with ledger.looking() as session:
        yield session
