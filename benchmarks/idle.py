"""An idle hour and an idle minute: nothing is due, so no flow runs.

The hour passes on an injected clock: the scheduler itself looks at the ledger once a minute, 1,000
leads wait for tomorrow.  The minute is real: `nurture up` with leads in the starter's sequences and
its embedded Prefect server, which is asked how many runs it knows before and after.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from sqlalchemy import text

from app.clocks import wall_clock
from app.scheduler import LOOK_EVERY, Scheduler
from benchmarks import flow, ledgers, workspaces
from benchmarks.figures import Figure, Unequal
from benchmarks.ledgers import NOW
from benchmarks.live import Client, free_port, up
from benchmarks.runtimes import runtime
from flows import tick as ticking
from flows.runtime import Runtime
from flows.tick import Outcome

WAITING = 1_000
SETTLE, MINUTE = 20.0, 60.0


class Counting:
    """A ticker that counts the flows a tick would run."""

    def __init__(self) -> None:
        self.ticks = self.flows = 0

    async def __call__(self, working: Runtime, now: datetime) -> Outcome:
        self.ticks += 1
        outcome = Outcome(now)
        for job in ticking.jobs(working, outcome):
            self.flows += 1
            for piece in job.pieces:
                ticking.run_piece(piece, outcome)
        return outcome


async def hour() -> tuple[int, int, int]:
    """Looks, ticks and flows of an hour in which nothing is due, from now on: the timer's own
    clock is real, and to it an instant of the past is due at once."""
    began = wall_clock()
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        ledger = ledgers.fresh(f"sqlite:///{Path(place) / 'ledger.db'}")
        ledgers.fill(ledger, WAITING)
        with ledger.begin() as session:
            session.execute(
                text("UPDATE enrolment SET due_at = due_at + :later"),
                {"later": (began + timedelta(days=1) - NOW) // timedelta(microseconds=1)},
            )
        clock, counting = [began], Counting()
        working = runtime(ledger, flow.waiting(), lambda: clock[0])
        scheduler = Scheduler(working, counting)
        await scheduler.start()
        await asyncio.sleep(1)  # the first tick of a process, and the day's upkeep
        first = counting.flows
        looks, before = 0, counting.ticks
        while clock[0] < began + timedelta(hours=1):
            clock[0] += LOOK_EVERY
            await scheduler.look()
            await asyncio.sleep(0.02)
            looks += 1
        await asyncio.sleep(0.5)
        await scheduler.stop()
        ledger.close()
        assert first, "the scheduler did not work at all"
        return looks, counting.ticks - before, counting.flows - first


def minute() -> tuple[list[str], list[str]]:
    """The flow runs the server knew before a real minute of rest, and those of that minute."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder, port = Path(place) / "workspace", free_port()
        token = workspaces.make(folder, leads=WAITING)
        with up(folder, prefect_port=port) as url:
            Client(url, token).post("form_submitted", list(range(1, 201)), "trial", form="trial")
            time.sleep(SETTLE)
            before = _runs(port)
            time.sleep(MINUTE)
            after = _runs(port)
            return before, after[: len(after) - len(before)]


def _runs(port: int) -> list[str]:
    """Every run the server knows by name, the newest first."""
    asked = json.dumps({"sort": "START_TIME_DESC", "limit": 200})
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    json_ = {"content-type": "application/json"}
    connection.request("POST", "/api/flow_runs/filter", asked, json_)
    said = json.loads(connection.getresponse().read())
    connection.close()
    return [str(run["name"]) for run in said]


def measure() -> Iterator[Figure]:
    """How many flow runs an idle hour and an idle minute bring."""
    looks, ticks, flows = asyncio.run(hour())
    yield Figure(
        "an hour on an injected clock", flows, "flow runs", at_most=0,
        detail=f"({looks} looks, {ticks} ticks, {WAITING:,} leads wait)",
    )  # fmt: skip
    before, more = minute()
    if not before:
        raise Unequal("the live engine did no work before its minute of rest")
    yield Figure(
        "a real minute of nurture up",
        len(more),
        "flow runs",
        at_most=0,
        detail=f"({len(before)} before it{': ' if more else ''}{', '.join(more)})",
    )
