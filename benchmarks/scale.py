"""What a lead costs when 10,000 are due and when 1,000,000 are, and the memory that takes.

Each size is moved through the send step in a process of its own; the leads are put into the
ledger by this one before.  The best of three runs counts for the small size, which makes the
ratio no better than it is.  Bare SQL writing the same rows is measured in the same way: what it
costs more at a million is the database's own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from benchmarks import children, ledgers
from benchmarks.advance import STAGE, bare, engine
from benchmarks.figures import Figure, same
from benchmarks.ledgers import NOW
from nurture.ledger.engine import open_ledger
from nurture.sequences.advance import advance
from nurture.sequences.openings import keep_openings

FEW, MANY, RUNS = 10_000, 1_000_000, 3


def move(url: str, way: str) -> dict[str, float]:
    """Move all that are due; seconds and peak memory of this process."""
    ledger, definitions = open_ledger(url), ledgers.definitions()
    try:
        with ledger.begin() as session:
            keep_openings(session, definitions, now=NOW)
            leads = session.execute(text("SELECT count(*) FROM lead")).scalar_one()
        with ledger.begin() as session:  # nothing is due yet: both sizes begin with warm statements
            advance(session, definitions, STAGE, tick=0, now=NOW - timedelta(days=1))
        began = time.perf_counter()
        if way == "bare":
            bare(ledger, leads=leads)
        else:
            engine(ledger)
        seconds = time.perf_counter() - began
    finally:
        ledger.close()
    return {"seconds": seconds, "memory": ledgers.peak_memory()}


def moved(url: str, leads: int, way: str = "engine") -> tuple[float, float]:
    """Microseconds a lead and the peak memory in MB, on a fresh ledger in a fresh process."""
    ledger = ledgers.fresh(url)
    try:
        ledgers.fill(ledger, leads)
        said = children.ask("benchmarks.scale", url, way)
        with ledger.looking() as session:
            rows = session.execute(text("SELECT count(*), sum(lead_id) FROM message")).one()
        same(ledgers.of_all(leads), dict(zip(("messages", "leads"), rows, strict=True)), where=url)
    finally:
        ledger.close()
    return said["seconds"] / leads * 1e6, said["memory"]


def measure() -> Iterator[Figure]:
    """The ratio of cost per lead, beside that of bare SQL, and the memory."""
    with ledgers.ledgers() as found:
        for name, url in found:
            few = min(moved(url, FEW)[0] for _ in range(RUNS))
            many, memory = moved(url, MANY)
            by_hand = moved(url, MANY, "bare")[0] / min(
                moved(url, FEW, "bare")[0] for _ in range(RUNS)
            )
            yield Figure(
                f"{name}: cost of a lead at {MANY:,} due, of that at {FEW:,}",
                many / few,
                at_most=1.3,
                detail=f"({few:.1f} us a lead at {FEW:,}, {many:.1f} us at {MANY:,}; bare SQL of "
                f"the same rows {by_hand:.2f} x)",
            )
            yield Figure(f"{name}: memory at {MANY:,} due leads", memory, "MB", at_most=400)


if __name__ == "__main__":
    print(json.dumps(move(*sys.argv[1:])))
