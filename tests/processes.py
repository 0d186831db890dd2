"""Processes that tests start, stop and kill."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

Child = ForkServerProcess
CHILDREN = multiprocessing.get_context("forkserver")
"""Makes processes from one that has imported what they need: a twentieth of a second each, where a
new Python takes two.  Nothing else is shared."""
CHILDREN.set_forkserver_preload(
    ["tests.faults.sender", "tests.faults.ticker", "tests.faults.answerer"]
)


def ended(child: Child, seconds: float = 60.0) -> int | None:
    """How a process ended, once it did: negative the signal that killed it, None in time."""
    child.join(seconds)
    return child.exitcode


def state_of(pid: int) -> str:
    """R, S, D, T (stopped), Z (ended, and waits for its parent); empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    return stat.rsplit(")", 1)[1].split()[0]
