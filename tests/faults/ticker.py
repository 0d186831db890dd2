"""Ticks in a process of their own, killed or stopped where the test says.

    python tests/faults/ticker.py --url URL --folder DIR --now ISO [--now ISO …] [--owner NAME]

`CRASH_AT=<pass>[:before|:after][:<n>]` kills it with SIGKILL at the n-th run of a pass: before it,
after its work and before its commit (the default), as `rescore`, `advance:before`,
`advance:after:2`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flows import tick, work
from nurture.ledger.engine import open_ledger
from tests.sequences.play import Play


def deadly(where: str) -> None:
    """Make one pass kill this process at one of its runs."""
    name, *rest = where.split(":")
    side = "before" if "before" in rest else "after"
    turn = int(rest[-1]) if rest and rest[-1].isdigit() else 1
    seen: Counter[str] = Counter()
    room = work if hasattr(work, name) else tick
    verb = getattr(room, name)

    def run(*args: Any, **values: Any) -> Any:
        seen[name] += 1
        if seen[name] == turn and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = verb(*args, **values)
        if seen[name] == turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(room, name, run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--now", action="append", required=True)
    parser.add_argument("--owner", default="child")
    given = parser.parse_args()
    if where := os.environ.get("CRASH_AT"):
        deadly(where)
    ledger = open_ledger(given.url)
    ticks: list[Callable[[], Any]] = []
    for now in given.now:
        play = Play(ledger, given.folder, datetime.fromisoformat(now), given.owner, plain=False)
        ticks.append(play.tick)
    for run in ticks:
        print("busy" if run().busy else "done", flush=True)
    ledger.close()


if __name__ == "__main__":
    main()
