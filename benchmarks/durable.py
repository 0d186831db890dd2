"""The same leads moved through a send step by the engine, and as one durable workflow each.

A DBOS workflow of one step, and a Prefect flow run, each write the message row of their lead and
move its enrolment, in a transaction of their own, into the same tables of the same ledger.  DBOS
keeps its state in the same kind of database as the ledger; its workflows are started one after
another and from eight threads, and the faster way counts.  Prefect runs are measured on a few leads
and multiplied, against the embedded server the engine itself brings.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from app import server
from app.prefect_settings import prefect_client
from benchmarks import children, ledgers
from benchmarks.advance import BARE, LATE, MICROS, empty, engine, sums
from nurture.ledger.engine import Ledger, open_ledger

LEADS = 2_000
RUNS = 30
"""Prefect runs that are measured; LEADS of them are reckoned from these."""
THREADS = 8
MINE = tuple(statement.replace("id > :low AND id <= :high", "id = :lead") for statement in BARE)


def move(ledger: Ledger, lead: int) -> None:
    """One lead's message and step."""
    with ledger.begin() as session:
        for statement in MINE:
            session.execute(text(statement), {"now": MICROS, "late": LATE, "lead": lead})


def dbos(url: str, system: str) -> dict[str, float]:
    """Seconds for all leads as DBOS workflows, by way of starting them."""
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": system, "log_level": "ERROR"})
    ledger = open_ledger(url)

    @DBOS.step()
    def send(lead: int) -> None:
        move(ledger, lead)

    @DBOS.workflow()
    def nurture(lead: int) -> None:
        send(lead)

    def one_by_one() -> None:
        for lead in range(1, LEADS + 1):
            nurture(lead)

    def side_by_side() -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(nurture, range(1, LEADS + 1)))

    DBOS.launch()
    try:
        return {way.__name__: _timed(ledger, way) for way in (one_by_one, side_by_side)}
    finally:
        DBOS.destroy()
        ledger.close()


def _timed(ledger: Ledger, way: Callable[[], None]) -> float:
    empty(ledger)
    ledgers.fill(ledger, LEADS)
    began = time.perf_counter()
    way()
    seconds = time.perf_counter() - began
    with ledger.begin() as session:
        written = session.execute(text("SELECT count(*), sum(lead_id) FROM message")).one()
    assert tuple(written) == (LEADS, LEADS * (LEADS + 1) // 2), f"{written} of {LEADS}"
    return seconds


def prefect(url: str) -> dict[str, float]:
    """Seconds for all leads as flow runs, reckoned from RUNS of them."""
    with (
        tempfile.TemporaryDirectory(prefix="nurture-bench-") as folder,
        server.embedded(Path(folder), environ=os.environ) as prefect_server,
        prefect_client(os.environ, prefect_server.environment()),
    ):
        ledger = open_ledger(url)
        try:
            return {"one_by_one": asyncio.run(_flows(ledger)) / RUNS * LEADS}
        finally:
            ledger.close()


async def _flows(ledger: Ledger) -> float:
    from prefect import flow

    @flow(name="lead")
    async def nurture(lead: int) -> None:
        move(ledger, lead)

    await nurture(LEADS)  # the first one pays for imports and connections
    began = time.perf_counter()
    for lead in range(1, RUNS + 1):
        await nurture(lead)
    seconds = time.perf_counter() - began
    with ledger.begin() as session:
        written = session.execute(text("SELECT count(*) FROM message")).scalar_one()
    assert written == RUNS + 1, f"{written} of {RUNS + 1}"
    return seconds


def ours(url: str) -> float:
    """Seconds of the engine's own pass: the median of five, on statements it has seen before."""
    ledger = ledgers.fresh(url)
    found = []
    try:
        for _ in range(6):
            empty(ledger)
            ledgers.fill(ledger, LEADS)
            began = time.perf_counter()
            engine(ledger)
            found.append(time.perf_counter() - began)
            assert sums(ledger)[0] == LEADS
    finally:
        ledger.close()
    return sorted(found[1:])[2]


def main() -> None:
    """Print how many times faster the engine is (the design asks for 500)."""
    if len(sys.argv) > 2:
        print(json.dumps({"--dbos": dbos, "--prefect": prefect}[sys.argv[1]](*sys.argv[2:])))
        return
    with ledgers.ledgers() as found, tempfile.TemporaryDirectory() as folder:
        for name, url in found:
            seconds = ours(url)
            system = f"sqlite:///{Path(folder) / 'dbos.db'}" if name == "SQLite" else f"{url}_dbos"
            said = children.ask("benchmarks.durable", "--dbos", url, system)
            _print(name, "DBOS workflow", min(said.values()), seconds, f"{said}")
        name, url = found[0]
        seconds = ours(url)
        ledger = ledgers.fresh(url)
        empty(ledger)
        ledgers.fill(ledger, LEADS)
        ledger.close()
        said = children.ask("benchmarks.durable", "--prefect", url)
        _print(name, "Prefect run", said["one_by_one"], seconds, f"reckoned from {RUNS} runs")


def _print(name: str, what: str, theirs: float, mine: float, how: str) -> None:
    print(
        f"durable {name}: {theirs / mine:,.0f} x as fast as one {what} a lead ({LEADS:,} leads: "
        f"{mine * 1000:.0f} ms against {theirs:.1f} s; {how})",
        flush=True,
    )


if __name__ == "__main__":
    main()
