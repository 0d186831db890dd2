"""What Prefect has queued is delivered while somebody listens, and dropped when nobody does."""

from __future__ import annotations

import asyncio
import queue
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest

from app.embedded import prefect_drain

API = "http://127.0.0.1:1/api"


class Service:
    """Stands for one of Prefect's sending services: takes 0.2 s for each item it still has."""

    _instances: dict[int, SimpleNamespace]

    def __init__(self, items: int) -> None:
        self._instances = {1: SimpleNamespace(_queue=queue.Queue())}
        for item in range(items):
            self._instances[1]._queue.put(item)
        self.sent = 0

    def drain_all(self, timeout: float) -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        end = time.monotonic() + timeout
        while not self._instances[1]._queue.empty() and time.monotonic() < end:
            time.sleep(0.2)
            self._instances[1]._queue.get_nowait()
            self.sent += 1


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service(items=100)
    for path, name in prefect_drain.SERVICES:
        module = ModuleType(path)
        setattr(module, name, service if name == "EventsWorker" else Service(items=0))
        monkeypatch.setitem(sys.modules, path, module)
    return service


def listening(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(prefect_drain, "reachable", lambda _url, **_: answer)


def test_nothing_is_sent_to_a_server_that_is_gone(
    events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, answer=False)
    prefect_drain.drain(API, seconds=5)
    assert events.sent == 0
    assert events._instances[1]._queue.empty()


def test_what_is_queued_is_delivered_within_the_time_given(
    events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, answer=True)
    prefect_drain.drain(API, seconds=0.5)
    assert events.sent >= 2


def test_draining_works_inside_a_running_event_loop(
    events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, answer=True)

    async def inside() -> None:
        prefect_drain.drain(API, seconds=0.5)

    asyncio.run(inside())
    assert events.sent >= 2


def test_without_prefect_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, _ in prefect_drain.SERVICES:
        monkeypatch.delitem(sys.modules, path, raising=False)
    monkeypatch.setattr(prefect_drain, "reachable", lambda *_, **__: pytest.fail("asked"))
    prefect_drain.drain(API)
    assert not any(path in sys.modules for path, _ in prefect_drain.SERVICES)
