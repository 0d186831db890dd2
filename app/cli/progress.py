"""How far long work is, on standard error: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.cli import show

EVERY = 2.0
"""Seconds between two lines when nobody watches."""
Progress = Callable[[int, int | None], None]


@contextmanager
def counting(what: str) -> Iterator[Progress]:
    """Takes how many are done, and of how many if that is known."""
    if not sys.stderr.isatty():
        yield _Lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Tells how far it is, not more often than every two seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + EVERY

    def __call__(self, done: int, total: int | None) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            of = f" of about {total:,}" if total else ""
            show.note(f"{done:,}{of} {self._what}")
