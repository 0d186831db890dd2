"""The demo's story played without Prefect, and its rows to reckon with."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app import demo
from app.demo import show
from app.demo.story import BEGIN, Story
from app.recording import recorded
from app.settings import Settings
from app.virtual_clock import VirtualClock
from app.wiring import open_workspace
from flows import tick as ticking

Row = sqlite3.Row


@dataclass(frozen=True)
class Played:
    """A story played to its end: its folder, its rows and what is shown of them."""

    folder: Path
    tables: dict[str, list[tuple[Any, ...]]]
    told: list[show.Told]
    failures: list[str]

    def rows(self, query: str, *values: Any) -> list[Row]:
        with closing(sqlite3.connect(self.folder / ".nurture" / "nurture.db")) as ledger:
            ledger.row_factory = sqlite3.Row
            return ledger.execute(query, values).fetchall()

    def mails(self) -> int:
        maildir = self.folder / ".nurture" / "maildir"
        return sum(1 for file in maildir.rglob("*") if file.is_file())


def play(folder: Path, days: int, edit: Callable[[Path], None] = lambda folder: None) -> Played:
    """The demo without Prefect, in a workspace that was edited before it began."""
    demo.make_anew(folder)
    edit(folder)
    assert demo.set_up(folder, Settings()) == 500

    async def tick(runtime: Any, now: datetime) -> ticking.Outcome:
        return ticking.run_tick(runtime, now=now)

    clock = VirtualClock(BEGIN)
    with open_workspace(folder, Settings(), clock=clock) as runtime:
        story = Story(runtime, clock, recorded(folder / "engagements.jsonl"), tick, days)
        asyncio.run(story.play(lambda _: None))
        with runtime.ledger.begin() as session:
            shown = show.tables(session, runtime.definitions(), now=clock.now)
            told = show.told(session)
    tables = {table.title: table.rows for table in shown}
    return Played(folder, tables, told, story.failures)


def instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
