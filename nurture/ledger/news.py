"""Word of what was written beside the ticks: on PostgreSQL of new engagements and of notices that
were slow to arrive, by NOTIFY, the moment they commit; on SQLite of anything, within a second, by
the file's version.

It is a courtesy: rows decide, and whoever hears nothing finds them by looking.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import text
from sqlmodel import Session

from nurture.ledger.engine import Ledger

log = logging.getLogger(__name__)
CHANNEL = "nurture_engagements"
AGAIN = 10.0
"""Seconds before a lost connection is made again."""
EVERY = 1.0
"""Seconds between two looks at a file's version."""


def tell(session: Session) -> None:
    """Say, when this transaction commits, that a look at the ledger is worth while."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {CHANNEL}"))


async def listen(ledger: Ledger, heard: Callable[[], Awaitable[None]]) -> None:
    """Call `heard` at each word, and after each time nobody listened; until cancelled.

    Returns at once for a ledger in memory, which no other process can write to.
    """
    url = ledger.engine.url
    if ledger.dialect == "postgresql":
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        word = partial(_hear, address, heard)
    elif url.database in (None, "", ":memory:"):
        return
    else:
        word = partial(_watch, str(url.database), heard)
    while True:
        try:
            await word()
        except (psycopg.Error, sqlite3.Error) as error:  # its words may hold the address
            log.warning("no word of new engagements: %s; tried again", type(error).__name__)
        await asyncio.sleep(AGAIN)


async def _hear(address: str, heard: Callable[[], Awaitable[None]]) -> None:
    async with await _connected(address) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        await heard()
        async for _ in connection.notifies():
            await heard()


async def _connected(address: str) -> psycopg.AsyncConnection[Any]:
    """A connection to listen on; one that is being made when nobody wants it any more is closed."""
    making = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(
            address, autocommit=True, connect_timeout=10, application_name="nurture, listening"
        )
    )
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        await asyncio.wait({making}, timeout=2)
        if making.done() and not making.cancelled() and making.exception() is None:
            await making.result().close()
        raise


async def _watch(path: str, heard: Callable[[], Awaitable[None]]) -> None:
    """Every transaction of another connection gives the file another version (SQLite's
    `data_version`), this process's own among them: then a look too many is taken."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as file:
        known = None
        while True:
            answer = await asyncio.to_thread(file.execute, "PRAGMA data_version")
            if (version := answer.fetchone()) != known:
                known = version
                await heard()
            await asyncio.sleep(EVERY)
