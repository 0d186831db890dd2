"""A flow run, watched while it works: Prefect is waited for a few seconds and no longer, and who
cancels the run in the UI is heard within about a second.

The passes run in threads, through the watch, so it knows work from waiting for Prefect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar

from prefect.client.orchestration import get_client

from flows.tick import Job, Outcome
from flows.work import Piece
from nurture.ledger.tally import Tally

T = TypeVar("T")
log = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds a tick waits for Prefect before its passes go on without it."""
SLICE = 0.25
LOOK_EVERY = 1.0


class PrefectLost(Exception):
    """Prefect does not answer: the run's work is done without it."""


class CancelledInUi(Exception):
    """Somebody cancelled the run in the UI: it stops between two batches."""


class Stop(Event):
    """Set when a run of this tick was cancelled, or when the whole process is to end."""

    def __init__(self, process: Event) -> None:
        super().__init__()
        self._process = process

    @property
    def cancelled(self) -> bool:
        """Whether it was this tick that was cancelled."""
        return super().is_set()

    def is_set(self) -> bool:
        """Whether nothing new is to be begun."""
        return super().is_set() or self._process.is_set()


@dataclass
class Watch:
    """One run of a job.  `piece` is the one in hand, None between two of them."""

    job: Job
    outcome: Outcome
    stop: Stop
    run_id: Any = None
    piece: Piece | None = None
    lost: bool = False
    tally: Tally = field(default_factory=Tally)
    _working: bool = False

    def count(self, done: Tally) -> None:
        """Note what a batch did."""
        self.tally += Tally(done.counts)
        self.outcome.tally += Tally(done.counts)

    async def work(self, verb: Callable[..., T], *given: Any) -> T:
        """`verb` in a thread; nothing is begun once Prefect was lost or the run cancelled."""
        if self.lost:
            raise PrefectLost
        if self.stop.cancelled:
            raise CancelledInUi
        self._working = True
        try:
            return await asyncio.to_thread(verb, *given)
        finally:
            self._working = False

    async def over(self, run: Awaitable[T], patience: float) -> T:
        """The result of a run; PrefectLost as soon as it waited for Prefect for `patience`."""
        task = self._begun(run)
        looking = self._begun(self._cancellation())
        waited = 0.0
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=SLICE)
                # By slices: a loop that was held up (an import, a busy machine) counts as one.
                waited = 0.0 if self._working else waited + SLICE
                if waited > patience and not task.done():
                    self.lost = True
                    raise PrefectLost
            return task.result()
        finally:
            looking.cancel()
            task.cancel()

    def _begun(self, work: Awaitable[T]) -> asyncio.Task[T]:
        """A task of its own; what becomes of it when nobody waits any more is not told."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _cancellation(self) -> None:
        """Ask Prefect every second whether the run is being cancelled, and say so once."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.run_id is None:
                continue
            try:
                async with get_client() as client:
                    state = (await client.read_flow_run(self.run_id)).state
            except Exception as error:  # no answer is no cancellation
                log.debug("Prefect was not asked for the run's state: %s", error)
                continue
            if state is not None and state.is_cancelling():
                self.stop.set()
                return


WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
