"""One real Prefect server for the whole folder, as `nurture up` starts it, and what it knows.

It is started once (ten seconds); a test that kills it starts it again on the same port and folder.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.embedded import server
from app.embedded.prefect_reach import reachable
from app.embedded.prefect_settings import prefect_client
from app.embedded.server import Server
from flows.tick import Outcome
from nurture.ledger import schema
from nurture.ledger.engine import Ledger, open_ledger
from tests.fixtures_ledger import empty, hurry, ledger, migrated_ledger
from tests.sequences.play import Play, at

__all__ = ["ledger", "migrated_ledger"]


@dataclass
class Prefect:
    """The server, and questions to it from a process that points at it."""

    home: Path
    server: Server
    known: set[UUID] = field(default_factory=set)

    @property
    def port(self) -> int:
        return int(self.server.ui_url.rsplit(":", 1)[1])

    def start(self) -> None:
        """Start it where it was."""
        self.server = server.start(self.home, environ=os.environ, port=self.port)

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        os.kill(self.server.pid, signal.SIGKILL)
        self.server._process.wait(10)

    def runs(self) -> list[Any]:
        """The flow runs of this test, in the order they began."""

        async def ask(client: Any) -> list[Any]:
            return [run for run in await client.read_flow_runs() if run.id not in self.known]

        return sorted(self.ask(ask), key=lambda run: run.created)

    def states(self) -> list[tuple[str, str]]:
        """Their names and states."""
        return [(run.name, run.state_name) for run in self.runs()]

    def tasks(self, run: Any, *, named: int) -> list[Any]:
        """A run's task runs, once so many are recorded (they arrive as events)."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        async def ask(client: Any) -> list[Any]:
            for _ in range(100):
                found = await client.read_task_runs(
                    flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
                )
                states = [each.state for each in found]  # a run may be there before its state
                if len(found) >= named and all(state and state.is_final() for state in states):
                    break
                await asyncio.sleep(0.1)
            return list(found)

        return sorted(self.ask(ask), key=lambda each: each.start_time)

    def artifacts(self, run: Any) -> list[Any]:
        from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

        async def ask(client: Any) -> list[Any]:
            only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
            return list(await client.read_artifacts(artifact_filter=only))

        return self.ask(ask)

    def ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        """What the server's client answers."""
        from prefect.client.orchestration import get_client

        async def whole() -> Any:
            async with get_client() as client:
                return await question(client)

        return asyncio.run(whole())


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    home = tmp_path_factory.mktemp("prefect")
    made = Prefect(home, server.start(home, environ=os.environ))
    try:
        yield made
    finally:
        made.server.stop()


@pytest.fixture
def prefect(prefect_server: Prefect) -> Iterator[Prefect]:
    """The server, running, with this process pointed at it; runs of earlier tests are not told."""
    if not reachable(prefect_server.server.api_url):
        prefect_server.server.stop()
        prefect_server.start()
    with prefect_client(os.environ, prefect_server.server.environment()):
        prefect_server.known = set()
        prefect_server.known = {run.id for run in prefect_server.runs()}
        yield prefect_server


@dataclass
class SeenPlay(Play):
    """A play whose ticks are flow runs."""

    patience: float = 5.0

    def see(self, when: str | None = None) -> Outcome:
        """One tick through Prefect; failures are the test's to look at."""
        from flows.running import run_tick

        if when is not None:
            self.now = at(when)
        runtime = self.wrap(self.runtime())
        return asyncio.run(run_tick(runtime, now=self.now, patience=self.patience))


@pytest.fixture(scope="session")
def small_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger on SQLite, for what is about Prefect and the same on any database."""
    opened = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('small') / 'ledger.db'}")
    schema.upgrade(opened)
    hurry(opened)
    yield opened
    opened.close()


@pytest.fixture
def play(small_ledger: Ledger, tmp_path: Path) -> Iterator[SeenPlay]:
    yield SeenPlay(small_ledger, tmp_path / "workspace")
    empty(small_ledger)
