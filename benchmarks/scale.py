"""What a lead costs when 10,000 are due and when 1,000,000 are, and the memory that takes.

Each size is moved through the send step in a process of its own; the leads are put into the
ledger by this one before.  The best of three runs counts for the small size, which makes the
ratio no better than it is.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

from sqlalchemy import text

from benchmarks import children, ledgers
from benchmarks.advance import STAGE, empty
from benchmarks.ledgers import NOW
from nurture.ledger.engine import open_ledger
from nurture.sequences.advance import advance
from nurture.sequences.openings import keep_openings

FEW = 10_000
MANY = {"SQLite": 1_000_000, "PostgreSQL": 200_000}


def move(url: str) -> dict[str, float]:
    """Move all that are due; seconds and peak memory of this process."""
    ledger, definitions = open_ledger(url), ledgers.definitions()
    try:
        with ledger.begin() as session:
            keep_openings(session, definitions, now=NOW)
        with ledger.begin() as session:  # nothing is due yet: both sizes begin with warm statements
            advance(session, definitions, STAGE, tick=0, now=NOW - timedelta(days=1))
        more, began = True, time.perf_counter()
        while more:
            with ledger.begin() as session:
                more = advance(session, definitions, STAGE, tick=0, now=NOW).more
        seconds = time.perf_counter() - began
    finally:
        ledger.close()
    return {"seconds": seconds, "memory": ledgers.peak_memory()}


def measured(url: str, leads: int) -> tuple[float, float]:
    """Microseconds a lead and the peak memory in MB, on a fresh ledger in a fresh process."""
    ledger = ledgers.fresh(url)
    try:
        empty(ledger)
        ledgers.fill(ledger, leads)
        said = children.ask("benchmarks.scale", "--move", url)
        with ledger.begin() as session:
            written = session.execute(text("SELECT count(*), sum(lead_id) FROM message")).one()
        assert tuple(written) == (leads, leads * (leads + 1) // 2), f"{written} of {leads}"
    finally:
        ledger.close()
    return said["seconds"] / leads * 1e6, said["memory"]


def main() -> None:
    """Print the ratio of cost per lead (the design allows 1.3) and the memory (400 MB)."""
    if sys.argv[1:2] == ["--move"]:
        print(json.dumps(move(sys.argv[2])))
        return
    with ledgers.ledgers() as found:
        for name, url in found:
            few = min(measured(url, FEW)[0] for _ in range(3))
            many, memory = measured(url, MANY[name])
            print(
                f"scale {name}: {many / few:.2f} x the cost of a lead at {MANY[name]:,} due leads "
                f"({few:.1f} us at {FEW:,}, {many:.1f} us there); peak memory {memory:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
