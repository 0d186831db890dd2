"""A day with a scheduler, on a loop and a clock whose hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from app.scheduler import Scheduler
from flows.tick import Outcome

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Hurried(selectors.DefaultSelector):
    """Instead of waiting for a timer it sets the clock on; what threads answer it waits for."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0.02 if timeout is None else min(timeout, 0.02))
        if not ready and timeout:
            self.passed += timeout
        return ready


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop on the time of its selector."""

    def __init__(self) -> None:
        self.selector = Hurried()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.passed


@dataclass
class Day:
    """A scheduler over a ledger that says what it is told, and what it did, by the minute."""

    loop: HurriedLoop
    stop: Event = field(default_factory=Event)
    due: datetime | None = None
    """What the ledger would answer now."""
    ticks: list[datetime] = field(default_factory=list)
    looks: int = 0
    ahead: timedelta = timedelta()
    """How much the machine's clock is ahead of the ledger's."""
    does: Callable[[Day], Awaitable[Outcome]] | None = None
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self, self._tick)  # type: ignore[arg-type]

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.loop.time())

    def look(self, *_: object, **__: object) -> datetime | None:
        self.looks += 1
        return self.due

    async def _tick(self, _: object, now: datetime) -> Outcome:
        self.ticks.append(now)
        if self.does is not None:
            return await self.does(self)
        return Outcome(now, next_due=self.due)

    def minutes(self) -> list[float]:
        """When it ticked, in minutes since the start."""
        return [round((at - NOW) / MINUTE, 2) for at in self.ticks]
