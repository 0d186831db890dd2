"""The time a workspace goes by: that of its ledger, so that all machines on one ledger agree.

A ledger on PostgreSQL is shared by machines whose own clocks may differ, or jump.  Its server is
asked for the time; until it is asked again time passes as this machine counts seconds, whatever
its clock is set to meanwhile.  A ledger on SQLite is one machine's, whose clock serves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from nurture.ledger.engine import Ledger
from nurture.ledger.soundness import server_time

log = logging.getLogger(__name__)
ASK_EVERY = 30.0
"""Seconds after which whoever wants to know the time has the server asked again."""
PROMPT, TRIES = 1.0, 3
"""An answer that took longer (seconds) may be as much beside the time: it is asked for anew."""
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts seconds since the start, where it can those a laptop slept too; nobody sets it."""


def wall_clock() -> datetime:
    """Now by this machine's clock, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def clock_of(ledger: Ledger) -> Iterator[Callable[[], datetime]]:
    """The clock all who share this ledger go by, for as long as the block lasts."""
    if ledger.dialect == "sqlite":
        yield wall_clock
        return
    clock = ServerClock(ledger)
    try:
        yield clock
    finally:
        clock.close()


@dataclass(frozen=True)
class Reading:
    """What the server said, and what this machine's count of seconds was then."""

    said: datetime
    count: float


class ServerClock:
    """The time of a ledger's server, to within half of how long an answer takes.

    To ask for it never waits: the server is asked beside, and while it does not answer the last
    reading counts on.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asking = threading.Lock()
        self._reading = self._read()

    def __call__(self) -> datetime:
        reading = self._reading
        passed = _count() - reading.count
        if passed > ASK_EVERY and self._asking.acquire(blocking=False):
            threading.Thread(target=self._ask_again, name="clock", daemon=True).start()
        return reading.said + timedelta(seconds=passed)

    def close(self) -> None:
        """The ledger is about to be closed: wait for a question in hand, and ask no more."""
        self._asking.acquire(timeout=10)

    def _ask_again(self) -> None:
        try:
            self._reading = self._read()
        except SQLAlchemyError:
            log.warning("the database did not say what time it is: asked again")
        finally:
            self._asking.release()

    def _read(self) -> Reading:
        with self._ledger.looking() as session:
            session.connection()  # connecting takes a while of its own
            for _ in range(TRIES):
                before = _count()
                said = server_time(session)
                after = _count()
                if after - before <= PROMPT:
                    break
        return Reading(said, (before + after) / 2)


def _count() -> float:
    return time.clock_gettime(STEADY)
