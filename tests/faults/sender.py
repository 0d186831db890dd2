"""A sender in a process of its own, killed or stopped where the test says."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import Session

from nurture.delivery import claim, rounds
from nurture.delivery import deliver as delivering
from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.deliver import deliver
from nurture.delivery.sweep import sweep
from nurture.ledger.engine import Ledger, open_ledger
from tests.delivery.mailing import MESSAGE, a_round


def run(
    url: str,
    port: int,
    *,
    connections: int = 1,
    lease: float = 120.0,
    without: str = "",
    crash_at: str = "",
    stop_at: str = "",
) -> None:
    """Sweep, then send all that is due.

    `crash_at` kills it with SIGKILL at the n-th pass of a commit point (`<point>[:<n>]`),
    `stop_at` stops it there with SIGSTOP.  `without` takes one protection out of the protocol.
    """
    claim.LEASE = timedelta(seconds=lease)
    rounds.BEAT = lease / 5
    _take_out(without)
    ledger = _OneByOne(open_ledger(url).engine)
    transport = SmtpTransport(SmtpSettings("127.0.0.1", port, tls="off", timeout=10))
    crash = _crasher(ledger, {crash_at: signal.SIGKILL, stop_at: signal.SIGSTOP})
    round_ = a_round(ledger, clock=lambda: datetime.now(UTC), crash=crash)
    with ledger.begin() as session:
        sweep(session, now=datetime.now(UTC))
    while deliver(round_, transport, connections=connections).more:
        pass
    ledger.close()


class _OneByOne(Ledger):
    """A ledger whose transactions of this process wait for each other.

    So it can be stopped between those of its other threads: a process that sleeps inside one
    keeps everybody else from SQLite, which is another story than the one told here.
    """

    turn = threading.RLock()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self.turn, super().begin() as session:
            yield session


def _crasher(ledger: _OneByOne, wanted: Mapping[str, signal.Signals]) -> Callable[[str], None]:
    """Ends or stops this process where it is wanted."""
    passed: Counter[str] = Counter()

    def at(point: str) -> None:
        passed[point] += 1
        for name in (point, f"{point}:{passed[point]}"):
            if name in wanted and (":" in name or passed[point] == 1):
                with ledger.turn:
                    os.kill(os.getpid(), wanted[name])

    return at


def _take_out(protection: str) -> None:
    """Take one protection out; what the tests then find shows what it is for."""

    def mark(state: str) -> Callable[..., set[int]]:
        def hand_over(session: Any, _: Any, tickets: Any, *, owner: str, now: datetime) -> Any:
            ids = [ticket.id for ticket in tickets]
            session.execute(update(MESSAGE).where(MESSAGE.c.id.in_(ids)).values(state=state))
            return set(ids)

        return hand_over

    if protection == "the fence":  # whoever holds the bytes sends them
        delivering.hand_over = mark("handed")
    elif protection == "the intent":  # send, then mark
        delivering.hand_over = mark("claimed")
    elif protection == "the order":  # mark as sent, then send
        delivering.hand_over = mark("sent")
    elif protection == "small windows":
        delivering.WINDOW = 1_000
