"""Ticks in a process of their own, killed where the test says."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flows import tick, work
from nurture.ledger.engine import open_ledger
from tests.sequences.play import Play


def run(url: str, folder: Path, nows: Sequence[datetime], owner: str, crash_at: str) -> None:
    """Tick at these instants.

    `<pass>[:before|:after][:<n>]` kills with SIGKILL at the n-th run of a pass: before it, or
    after its work and before its commit, as `rescore`, `advance:before`, `advance:after:2`.
    """
    if crash_at:
        _deadly(crash_at)
    ledger = open_ledger(url)
    for play in [Play(ledger, folder, now, owner, plain=False) for now in nows]:
        play.tick()
    ledger.close()


def _deadly(where: str) -> None:
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
