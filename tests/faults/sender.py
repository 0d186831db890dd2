"""A sender in a process of its own, killed or stopped where the test says.

    python tests/faults/sender.py --url URL --port PORT [--lease S] [--without PROTECTION]
    python tests/faults/sender.py --url URL --port PORT --monkey SECONDS --seed N

`CRASH_AT=<point>[:<n>]` kills it with SIGKILL at the n-th pass of a commit point, `STOP_AT=…`
stops it there with SIGSTOP.  `--without` takes one protection out of the protocol.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import update

from nurture.delivery import claim, rounds
from nurture.delivery import deliver as delivering
from nurture.delivery.deliver import deliver
from nurture.delivery.greeting import SmtpSettings
from nurture.delivery.smtp import SmtpTransport
from nurture.delivery.sweep import sweep
from nurture.ledger.engine import Ledger, open_ledger
from tests.delivery.mailing import MESSAGE, a_round


def crasher(ledger: Ledger) -> Callable[[str], None]:
    """Ends or stops this process where the environment says.

    It stops between transactions of its other threads: a process that sleeps inside one keeps
    everybody else from SQLite, which is another story than the one told here.
    """
    passed: Counter[str] = Counter()
    wanted = {
        os.environ.get("CRASH_AT", ""): signal.SIGKILL,
        os.environ.get("STOP_AT", ""): signal.SIGSTOP,
    }

    def at(point: str) -> None:
        passed[point] += 1
        for name in (point, f"{point}:{passed[point]}"):
            if name in wanted and (":" in name or passed[point] == 1):
                if wanted[name] == signal.SIGSTOP:
                    with ledger.begin():
                        pass
                os.kill(os.getpid(), wanted[name])

    return at


def without(protection: str) -> None:
    """Take one protection out; what the tests then find shows what it is for."""

    def mark(state: str) -> Callable[..., set[int]]:
        def hand_over(self: Any, session: Any, tickets: Any, *, owner: str, now: datetime) -> Any:
            ids = [ticket.id for ticket in tickets]
            session.execute(update(MESSAGE).where(MESSAGE.c.id.in_(ids)).values(state=state))
            return set(ids)

        return hand_over

    if protection == "the fence":  # whoever holds the bytes sends them
        claim.Fence.hand_over = mark("handed")
    elif protection == "the intent":  # send, then mark
        claim.Fence.hand_over = mark("claimed")
    elif protection == "the order":  # mark as sent, then send
        claim.Fence.hand_over = mark("sent")
    elif protection == "small windows":
        delivering.WINDOW = 1_000


def run(url: str, port: int, connections: int) -> None:
    """Sweep, then send all that is due."""
    ledger = open_ledger(url)
    transport = SmtpTransport(SmtpSettings("127.0.0.1", port, tls="off", timeout=10))
    round_ = a_round(ledger, clock=lambda: datetime.now(UTC), crash=crasher(ledger))
    with ledger.begin() as session:
        sweep(session, now=datetime.now(UTC))
    while deliver(round_, transport, connections=connections).more:
        pass
    ledger.close()


def monkey(url: str, port: int, seconds: float, seed: int) -> None:
    """Start senders and kill each after a random while; prints how many were killed."""
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    killed = 0
    while time.monotonic() < until:
        child = os.fork()
        if child == 0:
            run(url, port, chance.choice((1, 2)))
            os._exit(0)
        time.sleep(chance.uniform(0.05, 0.4))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    print(killed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--lease", type=float, default=120)
    parser.add_argument("--without", default="")
    parser.add_argument("--monkey", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    claim.LEASE = timedelta(seconds=given.lease)
    rounds.BEAT = given.lease / 5
    without(given.without)
    if given.monkey:
        monkey(given.url, given.port, given.monkey, given.seed)
    else:
        run(given.url, given.port, given.connections)


if __name__ == "__main__":
    main()
