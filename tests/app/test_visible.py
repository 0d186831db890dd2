"""The embedded Prefect server of `nurture up`, when it ends while it is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from app import up
from app.embedded.server import ServerFailed
from app.settings import Settings


class FakeServer:
    """Runs until it is told to die."""

    def __init__(self, port: int) -> None:
        self.api_url = self.ui_url = f"http://127.0.0.1:{port}"
        self.alive = True

    def environment(self) -> dict[str, str]:
        return {"PREFECT_API_URL": self.api_url}

    def running(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.alive = False


@pytest.mark.parametrize("refusals", [0, 2])
def test_a_server_that_ends_is_started_again_where_it_was(
    refusals: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int] = []
    servers: list[FakeServer] = []
    said: list[str] = []
    stop = Event()

    def start(_home: Path, *, port: int, **_: Any) -> FakeServer:
        asked.append(port)
        if servers and len(asked) <= 1 + refusals:
            raise ServerFailed("it does not start")
        servers.append(FakeServer(port or 4321))
        return servers[-1]

    monkeypatch.setattr(up, "start", start)
    monkeypatch.setattr(up, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(up, "REST", 0.001)
    monkeypatch.setattr(up, "AUTOMATIONS", 0.0)

    async def live() -> None:
        visible, any_port = up.Visible(), Settings(prefect_port=0)
        seen = asyncio.create_task(visible.see(any_port, tmp_path, said.append, stop))
        while not servers:
            await asyncio.sleep(0.001)
        servers[0].alive = False
        while len(servers) < 2:
            await asyncio.sleep(0.001)
        stop.set()
        await seen
        visible.end()

    asyncio.run(live())
    assert asked == [0] + [4321] * (1 + refusals)
    assert not any(server.alive for server in servers)
    assert sum("it does not start" in line for line in said) == refusals


def test_a_server_that_does_not_answer_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds, asked = [100.0], []

    def reachable(url: str) -> bool:
        asked.append(url)
        return seconds[0] > 150

    monkeypatch.setattr(up, "reachable", reachable)
    monkeypatch.setattr(up, "monotonic", lambda: seconds[0])
    visible = up.Visible(api_url="http://127.0.0.1:1/api")

    async def answers(at: float) -> bool:
        seconds[0] = at
        return await visible.answers()

    async def ask() -> list[bool]:
        return [await answers(at) for at in (100, 110, 129, 131, 160, 162)]

    assert asyncio.run(ask()) == [False, False, False, False, False, True]
    assert len(asked) == 3
