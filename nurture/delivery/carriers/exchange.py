"""Several conversations with mail servers at once, in one thread.

While one server is at work on a mail, the others are served and the next mails are written: a
thread for each connection would only wait for its turn at the interpreter and the ledger.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence

from nurture.delivery.carriers.transport import Connection, Outgoing, Reply, Waiting


def exchange(
    connections: Sequence[Connection],
    window: Sequence[Outgoing],
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Reply]:
    """Send a window, dealt out evenly, over these connections; the reply for each mail.

    `meanwhile` is called where a server would only be waited for: something short, never failing.
    """
    replies: list[Reply] = []
    waiting: dict[int, tuple[Iterator[Reply | Waiting], float]] = {}
    poll = select.poll()

    def go_on(talk: Iterator[Reply | Waiting]) -> None:
        for said in talk:
            if isinstance(said, Waiting):
                waiting[said.descriptor] = talk, said.until
                poll.register(said.descriptor, select.POLLIN)
                meanwhile()
                return
            replies.append(said)

    for talk in _dealt(connections, window):
        go_on(talk)
    while waiting:
        for descriptor in _ready(poll, waiting):
            talk, _ = waiting.pop(descriptor)
            poll.unregister(descriptor)
            go_on(talk)
    return replies


def _dealt(
    connections: Sequence[Connection], window: Sequence[Outgoing]
) -> Iterator[Iterator[Reply | Waiting]]:
    size = -(-len(window) // len(connections)) or 1
    for connection, at in zip(connections, range(0, len(window), size), strict=False):
        yield connection.send(window[at : at + size])


def _ready(
    poll: select.poll, waiting: dict[int, tuple[Iterator[Reply | Waiting], float]]
) -> list[int]:
    """Those whose server said something, or whose time is over."""
    left = min(until for _, until in waiting.values()) - time.monotonic()
    ready = [descriptor for descriptor, _ in poll.poll(max(left, 0.0) * 1000)]
    now = time.monotonic()
    return ready or [number for number, (_, until) in waiting.items() if until <= now]
