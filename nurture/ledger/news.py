"""Word of new engagements to other processes: on PostgreSQL by NOTIFY, the moment they commit.

It is a courtesy: rows decide, and whoever hears nothing finds them by looking.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg
from sqlalchemy import text
from sqlmodel import Session

from nurture.ledger.engine import Ledger

log = logging.getLogger(__name__)
CHANNEL = "nurture_engagements"
AGAIN = 10.0
"""Seconds before a lost connection is made again."""


def tell(session: Session) -> None:
    """Say, when this transaction commits, that there are new engagements."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {CHANNEL}"))


async def listen(ledger: Ledger, heard: Callable[[], Awaitable[None]]) -> None:
    """Call `heard` at each word, and after each time nobody listened; until cancelled.

    Returns at once on SQLite, where there is no such word.
    """
    if ledger.dialect != "postgresql":
        return
    address = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            await _hear(address, heard)
        except psycopg.Error as error:  # its words may hold the address
            log.warning("no word of new engagements: %s; tried again", type(error).__name__)
        await asyncio.sleep(AGAIN)


async def _hear(address: str, heard: Callable[[], Awaitable[None]]) -> None:
    connection = await psycopg.AsyncConnection.connect(
        address, autocommit=True, connect_timeout=10, application_name="nurture, listening"
    )
    async with connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        await heard()
        async for _ in connection.notifies():
            await heard()
