"""When to wake: at the next due instant the ledger names, and at once when something happens.

APScheduler keeps the wakes; each wake runs one tick.  A wake during a tick is remembered and
answered by asking the ledger again, so none is lost; every minute the ledger is looked at (a few
index look-ups, no run) for what another process brought.

Instants are by the runtime's clock, APScheduler's by the machine's, which may be another and may
be set meanwhile: a wake is kept as so long from now, and the minutes are the loop's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from app.clocks import wall_clock
from flows.due import next_wake
from flows.runtime import Runtime
from flows.tick import Outcome

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(seconds=60)
AFTER_FAILURE = timedelta(seconds=60)
WAKE = "wake"
Ticker = Callable[[Runtime, datetime], Awaitable[Outcome]]


class Scheduler:
    """Runs `tick(runtime, now)` whenever the ledger says something is due; one at a time."""

    def __init__(self, runtime: Runtime, tick: Ticker) -> None:
        self.runtime = runtime
        self.last: Outcome | None = None
        self._tick = tick
        self._timer = AsyncIOScheduler(
            timezone="UTC",
            # Two: a tick that ends sets the next wake while it still counts as running.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 2},
        )
        self._running = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._dirty = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looks: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin: look at once, then whenever something is due."""
        self._loop = asyncio.get_running_loop()
        self._timer.start()
        self._looks = self._loop.create_task(self._look_every_minute(), name="looks")
        self.poke()

    def poke(self) -> None:
        """Something new happened: tick as soon as possible.  May be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake_at, self.runtime.clock())

    async def look(self) -> None:
        """Ask the ledger when the next work is due, and wake then."""
        async with self._looking:
            if self.runtime.stop.is_set():
                return
            asked = asyncio.ensure_future(asyncio.to_thread(self._next_due))
            try:
                due = await asyncio.shield(asked)
            except asyncio.CancelledError:
                await asyncio.wait({asked})  # no thread can be cancelled; it holds a connection
                raise
            except Exception:
                log.exception("the ledger does not answer; asked again in a minute")
                return
        if due is not None:
            self._wake_at(due)

    async def stop(self) -> None:
        """No further ticks; waits for the one in progress, which finishes the mail in hand, and
        for a look at the ledger: whoever stops closes it next."""
        self.runtime.stop.set()
        self._timer.remove_all_jobs()
        try:
            if self._looks is not None:
                self._looks.cancel()
                await asyncio.gather(self._looks, return_exceptions=True)
            async with self._running, self._looking:
                pass
        finally:
            self._timer.shutdown(wait=False)  # cancels what runs, so not before it has ended

    async def _look_every_minute(self) -> None:
        while not self.runtime.stop.is_set():
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            await self.look()

    def _next_due(self) -> datetime | None:
        return next_wake(self.runtime, now=self.runtime.clock())

    def _wake_at(self, due: datetime) -> None:
        """Set the wake, or bring it forward; a wake while a tick runs marks it dirty."""
        if self.runtime.stop.is_set():
            return
        if self._running.locked():
            self._dirty = True
            return
        planned = self._timer.get_job(WAKE)
        at = wall_clock() + max(due - self.runtime.clock(), timedelta())
        if planned is None or planned.next_run_time > at:
            self._timer.add_job(self._run, "date", run_date=at, id=WAKE, replace_existing=True)

    async def _run(self) -> None:
        """One tick after another until nothing is due now; then sleep until the next instant."""
        if self._running.locked():  # two wakes in one moment: the one that ticks answers both
            self._dirty = True
            return
        async with self._running:
            self._dirty = True
            while self._dirty and not self.runtime.stop.is_set():
                self._dirty = False
                self.last = await self._ticked(self.runtime.clock())
                if self.last.failures or self.last.busy:
                    break
        outcome = self.last
        if outcome is None:  # stopped before the first
            return
        if outcome.failures or outcome.busy or _stuck(outcome):
            self._wake_at(self.runtime.clock() + AFTER_FAILURE)
        elif outcome.next_due is not None:
            self._wake_at(outcome.next_due)

    async def _ticked(self, now: datetime) -> Outcome:
        try:
            return await self._tick(self.runtime, now)
        except Exception:
            log.exception("a tick failed; tried again in a minute")
            return Outcome(now, failures=["see the log"])


def _stuck(outcome: Outcome) -> bool:
    """Something is due still, and nothing moved: at once again would be for ever."""
    due = outcome.next_due
    return due is not None and due <= outcome.now and not outcome.tally
