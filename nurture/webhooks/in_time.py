"""What is asked of the world is waited for a little, and no longer: what comes late comes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import TypeVar

Asked = TypeVar("Asked")
Said = TypeVar("Said")


def in_time(
    pending: Mapping[Future[Said], Asked],
    seconds: float,
    late: Callable[[Asked, Future[Said]], None],
) -> tuple[list[tuple[Asked, Said]], bool]:
    """What was answered within these seconds, in the order it was asked, and whether all of it was;
    `late` is called with each of the others when it is answered, in whatever thread."""
    done, waiting = wait(pending, seconds)
    for future in waiting:
        future.add_done_callback(partial(late, pending[future]))
    found = [(asked, future.result()) for future, asked in pending.items() if future in done]
    return found, not waiting
