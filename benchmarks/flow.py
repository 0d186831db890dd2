"""The fixed cost of one flow run that moves one lead, with the embedded Prefect server on SQLite.

A lead waits; its wait ends; a tick finds it, runs `nurture` as a Prefect flow with its task and
artifact, and moves the lead to the next wait.  Measured around the whole tick.  That each tick was
exactly one flow run is asked of the server afterwards.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from app.embedded import server
from app.embedded.prefect_settings import prefect_client
from benchmarks import ledgers
from benchmarks.figures import Figure
from benchmarks.ledgers import NOW
from benchmarks.runtimes import runtime
from flows import tick as ticking
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import End, EnterStage, Wait
from nurture.language.grammar.durations import Span
from nurture.ledger.engine import Ledger

RUNS, WARM = 20, 3


def waiting() -> Definitions:
    """A sequence of one wait after another."""
    last = RUNS + WARM + 2
    waits = [
        Wait(i, f"wait:{i}", f"bench/a/{i}", "a", i + 1, Span(timedelta(minutes=10)))
        for i in range(1, last)
    ]
    steps = (
        EnterStage(0, "stage:a", "bench/a", "a", 1),
        *waits,
        End(last, "end", "bench", "a", None, "end of the sequence"),
    )
    program = replace(ledgers.program(window=False), steps=steps)
    return replace(ledgers.definitions(), active={"bench": program}, programs={1: program})


async def ticks(rules: Definitions, ledger: Ledger) -> list[float]:
    """Seconds of each tick, sorted."""
    from flows.running import run_tick

    clock = [NOW]
    working = runtime(ledger, rules, lambda: clock[0])
    ticking.run_tick(working, now=NOW - timedelta(minutes=1))  # upkeep, before the lead is due
    found, before = [], await _runs()
    for number in range(RUNS + WARM):
        clock[0] = _due(ledger)
        began = time.perf_counter()
        outcome = await run_tick(working, now=clock[0])
        found.append(time.perf_counter() - began)
        assert not outcome.failures, outcome.failures
        assert not outcome.unseen, f"Prefect was lost at run {number}"
    runs = await _runs() - before
    assert runs == RUNS + WARM, f"{runs} flow runs for {RUNS + WARM} ticks"
    return sorted(found[WARM:])


def _due(ledger: Ledger) -> datetime:
    with ledger.looking() as session:
        at = session.execute(text("SELECT due_at FROM enrolment")).scalar_one()
    return NOW + timedelta(microseconds=at - int(NOW.timestamp()) * 1_000_000)


async def _runs() -> int:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return len(await client.read_flow_runs())


def measure() -> Iterator[Figure]:
    """The median of 20, in seconds."""
    rules = waiting()
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        ledger = ledgers.fresh(f"sqlite:///{Path(place) / 'ledger.db'}")
        ledgers.fill(ledger, 1)
        home = Path(place) / "prefect"
        with (
            server.embedded(home, environ=os.environ) as embedded,
            prefect_client(os.environ, embedded.environment()),
        ):
            found = asyncio.run(ticks(rules, ledger))
        ledger.close()
    yield Figure(
        "SQLite: one flow run that moves one lead",
        statistics.median(found),
        "s",
        at_most=0.3,
        detail=f"({RUNS} runs, {found[0]:.3f} to {found[-1]:.3f} s)",
    )
