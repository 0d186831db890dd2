"""The same leads moved through a send step by the engine, and as one durable workflow each.

A DBOS workflow of one step, and a Prefect flow run, each write the message row of their lead and
move its enrolment, in a transaction of their own, into the same tables of the same ledger.  DBOS
keeps its state in the same kind of database as the ledger; its workflows are started one after
another and from eight threads, and the faster way counts.  Prefect runs are measured on a few leads
and multiplied, against the embedded server the engine itself brings.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from app.embedded import server
from app.embedded.prefect_settings import prefect_client
from benchmarks import children, ledgers
from benchmarks.advance import BARE, LATE, MICROS, bare, engine
from benchmarks.figures import Figure, Missing, same
from nurture.ledger.engine import Ledger

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
    open_: list[Ledger] = []

    @DBOS.step()
    def send(lead: int) -> None:
        move(open_[0], lead)

    @DBOS.workflow()
    def nurture(lead: int) -> None:
        send(lead)

    def one_by_one() -> None:
        for lead in range(1, LEADS + 1):
            nurture(lead)

    def side_by_side() -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(nurture, range(1, LEADS + 1)))

    def seconds(way: Callable[[], None]) -> float:
        with _filled(url) as ledger:
            open_[:] = [ledger]
            began = time.perf_counter()
            way()
            took = time.perf_counter() - began
            _check(ledger, ledgers.of_all(LEADS))
            return took

    DBOS.launch()
    try:
        return {way.__name__.replace("_", " "): seconds(way) for way in (one_by_one, side_by_side)}
    finally:
        DBOS.destroy()


@contextmanager
def _filled(url: str) -> Iterator[Ledger]:
    ledger = ledgers.fresh(url)
    try:
        ledgers.fill(ledger, LEADS)
        yield ledger
    finally:
        ledger.close()


def _check(ledger: Ledger, expected: dict[str, object]) -> None:
    with ledger.looking() as session:
        rows = session.execute(text("SELECT count(*), sum(lead_id) FROM message")).one()
    same(dict(zip(("messages", "leads"), rows, strict=True)), expected, where="durable")


def prefect(url: str) -> dict[str, float]:
    """Seconds for all leads as flow runs, reckoned from RUNS of them."""
    with (
        tempfile.TemporaryDirectory(prefix="nurture-bench-") as folder,
        server.embedded(Path(folder), environ=os.environ) as prefect_server,
        prefect_client(os.environ, prefect_server.environment()),
        _filled(url) as ledger,
    ):
        return {"one by one": asyncio.run(_flows(ledger)) / RUNS * LEADS}


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
    _check(ledger, {"messages": RUNS + 1, "leads": RUNS * (RUNS + 1) // 2 + LEADS})
    return seconds


def ours(url: str, way: Callable[[Ledger], None] = engine) -> float:
    """Seconds of the engine's own pass: the median of five, on statements it has seen before."""
    found = []
    with _filled(url) as ledger:
        for _ in range(6):
            ledgers.clear(ledger)
            ledgers.fill(ledger, LEADS)
            began = time.perf_counter()
            way(ledger)
            found.append(time.perf_counter() - began)
            _check(ledger, ledgers.of_all(LEADS))
    return statistics.median(found[1:])


def measure() -> Iterator[Figure]:
    """How many times faster the engine is than each."""
    if importlib.util.find_spec("dbos") is None:
        raise Missing("DBOS is not installed: pip install dbos, or make bench")
    with ledgers.ledgers() as found, tempfile.TemporaryDirectory() as folder:
        for name, url in found:
            seconds, by_hand = ours(url), ours(url, lambda ledger: bare(ledger, leads=LEADS))
            system = f"sqlite:///{Path(folder) / 'dbos.db'}" if name == "SQLite" else f"{url}_dbos"
            said = children.ask("benchmarks.durable", "dbos", url, system)
            ways = ", ".join(f"{way} {each:.1f} s" for way, each in said.items())
            ways += f"; bare SQL itself {min(said.values()) / by_hand:,.0f} x"
            yield _figure(name, "DBOS workflow", min(said.values()), seconds, ways)
        name, url = found[0]
        said = children.ask("benchmarks.durable", "prefect", url)
        yield _figure(name, "Prefect run", said["one by one"], ours(url), f"from {RUNS} runs")


def _figure(name: str, what: str, theirs: float, mine: float, how: str) -> Figure:
    return Figure(
        f"{name}: as fast as one {what} a lead, {LEADS:,} leads",
        theirs / mine,
        at_least=500,
        detail=f"(engine {mine * 1000:.0f} ms; {how})",
    )


if __name__ == "__main__":
    print(json.dumps(dbos(*sys.argv[2:]) if sys.argv[1] == "dbos" else prefect(*sys.argv[2:])))
