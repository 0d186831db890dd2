"""Engagements over HTTP in batches of 500, against a bare Starlette endpoint writing the same rows.

Both servers run uvicorn with the same settings in a process of their own, on SQLite files of the
same schema with the same leads, asked by a third process over several kept-alive connections, so
that the server and not the way to it is what takes time.  The bare endpoint parses the JSON with
the same parser, finds the leads, inserts the engagements and their touches by hand-written SQL,
one writer at a time, and commits with the same durability; it checks nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.clocks import wall_clock
from app.settings import Settings
from app.web import make_app
from app.web.serve import serve
from app.wiring import open_ledger_of, open_workspace
from benchmarks import children, ledgers, workspaces
from benchmarks.figures import Figure, same
from nurture.ledger.engine import Ledger

BATCH, BATCHES, LEADS, CONNECTIONS, ROUNDS = 500, 60, 20_000, 4, 5
INSERT = (
    "INSERT INTO engagement (source, key, kind, lead_id, identity, occurred_at, received_at, "
    "properties) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_ONE_WRITER = threading.Lock()
TOUCH = "INSERT INTO touch (lead_id, engagement_id) SELECT lead_id, id FROM engagement WHERE id > ?"


def bare_app(ledger: Ledger) -> Starlette:
    """One endpoint that writes what it is given."""

    async def engagements(request: Request) -> JSONResponse:
        body = await request.body()
        return JSONResponse({"accepted": await asyncio.to_thread(write, ledger, body)}, 202)

    return Starlette(routes=[Route("/engagements", engagements, methods=["POST"])])


def write(ledger: Ledger, body: bytes) -> int:
    """The rows of a batch, by hand."""
    batch = from_json(body)
    with _ONE_WRITER:
        return _write(ledger, batch)


def _write(ledger: Ledger, batch: list[dict[str, Any]]) -> int:
    now = int(wall_clock().timestamp() * 1_000_000)
    connection = ledger.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    who = list({each["lead"] for each in batch})
    marks = ",".join("?" * len(who))
    cursor.execute(f"SELECT email_key, id FROM lead WHERE email_key IN ({marks})", who)
    known = dict(cursor.fetchall())
    cursor.execute("SELECT coalesce(max(id), 0) FROM engagement")
    (before,) = cursor.fetchone() or (0,)
    cursor.executemany(INSERT, [_row(each, known, now) for each in batch])
    cursor.execute(TOUCH, (before,))
    count: int = cursor.rowcount
    cursor.execute("COMMIT")
    connection.close()
    return count


def _row(each: dict[str, Any], known: dict[str, int], now: int) -> tuple[Any, ...]:
    at = datetime.fromisoformat(each["occurred_at"])
    return (
        each["source"], each["key"], each["kind"], known[each["lead"]], each["lead"],
        int(at.timestamp()) * 1_000_000, now, to_json(each["properties"]).decode(),
    )  # fmt: skip


@asynccontextmanager
async def _served(which: str, folder: Path) -> AsyncIterator[str]:
    with ExitStack() as open_:
        if which == "engine":
            runtime = open_.enter_context(open_workspace(folder, Settings()))
            app: Any = make_app(runtime, poke=lambda: None, health=dict)
        else:
            ledger = open_ledger_of(folder, Settings())
            open_.callback(ledger.close)
            app = bare_app(ledger)
        site = await serve(app, port=0)
        try:
            yield site.url
        finally:
            await site.stop()


async def _stay(which: str, folder: Path) -> None:
    async with _served(which, folder) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def bodies(round_: int) -> list[bytes]:
    """The batches of a round; the leads of a batch are drawn from all, some of them twice."""
    at = wall_clock().isoformat(timespec="seconds")
    return [
        json.dumps(
            [
                {
                    "source": "website",
                    "key": f"{round_}-{batch}-{i}",
                    "kind": "page_viewed",
                    "lead": f"lead{(batch * 37 + i * 41) % LEADS + 1}@example.test",
                    "occurred_at": at,
                    "properties": {"url": "/pricing", "seconds": i, "from": "www.example.test"},
                }
                for i in range(BATCH)
            ]
        ).encode()
        for batch in range(BATCHES)
    ]


async def push(url: str, token: str, batches: list[bytes]) -> float:
    """Engagements accepted a second."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    left = iter(batches)

    async def one(client: httpx.AsyncClient) -> None:
        for body in left:
            said = await client.post(f"{url}/engagements", content=body, headers=headers)
            assert said.status_code == 202, said.text
            assert said.json()["accepted"] == BATCH, said.text

    async with httpx.AsyncClient(timeout=30) as client:
        began = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(CONNECTIONS)))
        return len(batches) * BATCH / (time.perf_counter() - began)


def _sums(folder: Path) -> dict[str, object]:
    ledger = open_ledger_of(folder, Settings())
    try:
        with ledger.looking() as session:
            own = {"received_at", "occurred_at", "engagement_id"}
            return ledgers.sums(session, "engagement", "touch", but=own)
    finally:
        ledger.close()


def measure() -> Iterator[Figure]:
    """The ratio of engagements a second, engine over bare."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place, ExitStack() as open_:
        served, working = {}, {}
        for which in ("bare", "engine"):
            folder = Path(place) / which
            token = workspaces.make(folder, leads=LEADS)
            command = (sys.executable, "-m", "benchmarks.intake", which, folder)
            log = Path(place) / f"{which}.log"
            child = open_.enter_context(children.running(*command, log=log))
            assert child.stdout is not None
            served[which] = (child.stdout.readline().strip(), token)
            assert served[which][0], children.tail(log)
            working[which] = child.pid
        pairs = []
        for round_ in range(ROUNDS + 1):
            batches = bodies(round_)
            pairs.append([asyncio.run(push(*served[which], batches)) for which in served])
        same(*(_sums(Path(place) / which) for which in served), where="intake")
        bare_cpu, our_cpu = (children.cpu_seconds(pid) for pid in working.values())
    ratios = [mine / bare for bare, mine in pairs[1:]]
    yield Figure(
        "SQLite: engagements over HTTP, of a bare endpoint",
        statistics.median(ratios),
        at_least=0.6,
        detail=f"({min(ratios):.2f} to {max(ratios):.2f}; bare {max(p[0] for p in pairs):,.0f} "
        f"engagements/s, engine {max(p[1] for p in pairs):,.0f}; by processor time "
        f"{bare_cpu / our_cpu:.2f})",
    )


if __name__ == "__main__":
    asyncio.run(_stay(sys.argv[1], Path(sys.argv[2])))
