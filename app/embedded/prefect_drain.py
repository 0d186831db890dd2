"""The end of Prefect in this process: hand over what is queued, or drop it if nobody listens.

Prefect sends events and log lines from threads of its own and waits for them when the process ends,
about 7 s for each event when the server is gone: minutes after a busy tick.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from typing import Any

from app.embedded.prefect_reach import reachable

PATIENCE = 5.0
SERVICES = (
    ("prefect.events.worker", "EventsWorker"),
    ("prefect.logging.handlers", "APILogWorker"),
)


def drain(api_url: str, seconds: float = PATIENCE) -> None:
    """Deliver what Prefect has queued, waiting `seconds` for each of its two services at most.

    If no server answers at `api_url` the queues are emptied instead.  Safe to call with or without
    a running event loop, and when Prefect was never imported.
    """
    services = [
        getattr(module, name) for path, name in SERVICES if (module := sys.modules.get(path))
    ]
    if not services:
        return
    if not reachable(api_url, timeout=2.0):
        for service in services:
            _drop(service)
    for service in services:
        # In a thread: with a loop running, drain_all would return something to await.
        waiter = threading.Thread(
            target=service.drain_all, kwargs={"timeout": seconds}, daemon=True
        )
        waiter.start()
        waiter.join(seconds + 1)


def _drop(service: Any) -> None:
    """Empty the queues of a service's running instances."""
    for instance in tuple(service._instances.values()):
        with contextlib.suppress(queue.Empty):
            while True:
                instance._queue.get_nowait()
