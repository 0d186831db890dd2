"""The embedded Prefect server, for real: it starts, answers and never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from app.embedded import server
from app.embedded.automations import NAME, install_automations
from app.embedded.prefect_settings import prefect_client, prefect_environment, server_settings
from app.embedded.server import Server, ServerFailed, reachable
from tests.processes import state_of

one_process = pytest.mark.xdist_group("server")
"""For what works in the one folder, whose tables take a server eight seconds to make."""
PARENT = """
import os, sys, time
from pathlib import Path
from app.embedded import server
running = server.start(Path(sys.argv[1]), environ=os.environ)
print(running.pid, running.api_url, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    return state_of(pid) not in ("", "Z")


def _gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the tests that start a server, so that only the first one migrates."""
    return tmp_path_factory.mktemp("workspace") / ".nurture" / "prefect"


@pytest.fixture(scope="class")
def running(home: Path) -> Iterator[Server]:
    """A server started from an environment that points Prefect somewhere else."""
    alien = {"PREFECT_API_URL": "http://nowhere.example.test/api", "PREFECT_PROFILE": "unknown"}
    with server.embedded(home, environ={**os.environ, **alien}) as started:
        yield started
        child = started.pid
    assert not _alive(child)
    assert not reachable(started.api_url, timeout=1)
    started.stop()


@one_process
@pytest.mark.flows
class TestARunningServer:
    """Tests that share one server; it is stopped, and seen to be gone, after the last of them."""

    def test_a_server_answers_with_the_settings_it_was_given(
        self, running: Server, home: Path
    ) -> None:
        assert running.api_url.startswith("http://127.0.0.1:")
        assert reachable(running.api_url)
        assert httpx.get(f"{running.api_url}/admin/version").json().startswith("3.8.")
        assert httpx.get(f"{running.ui_url}/ui-settings").json()["api_url"] == "/api"
        said = httpx.get(f"{running.api_url}/admin/settings").json()["server"]
        assert said["analytics_enabled"] is False
        assert said["ui"]["v2_enabled"] is False
        assert said["services"]["task_run_recorder"]["batch_size"] == 200
        assert sorted(said["services"]["db_vacuum"]["enabled"]) == [
            "events",
            "flow_runs",
            "orphans",
        ]
        assert (home / "prefect.db").exists()
        assert running.log.read_text(encoding="utf-8").strip()

    def test_a_flow_of_this_process_is_recorded_there(self, running: Server) -> None:
        before = dict(os.environ)
        with prefect_client(os.environ, running.environment()):
            from prefect import flow
            from prefect.client.orchestration import get_client

            @flow(name="in-process")
            async def in_process() -> int:
                return 3

            async def play() -> list[str]:
                assert await in_process() == 3
                async with get_client() as client:
                    return [run.state_name or "" for run in await client.read_flow_runs()]

            assert asyncio.run(play()) == ["Completed"]
            # A thread that carries none of the caller's context finds the same server.
            with ThreadPoolExecutor(1) as bare:
                assert bare.submit(asyncio.run, play()).result() == ["Completed", "Completed"]
        assert dict(os.environ) == before

    def test_a_second_server_is_not_started_in_the_same_folder(
        self, running: Server, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "FAREWELL", 0.2)
        monkeypatch.setattr(server, "_spawn", lambda *_: pytest.fail("started"))
        with pytest.raises(ServerFailed, match="Another Prefect server works in"):
            server.start(home, environ=os.environ)
        assert running.running()

    def test_the_automation_is_installed_once(self, running: Server) -> None:
        with prefect_client(os.environ, running.environment()):
            assert asyncio.run(install_automations()) is True
            assert asyncio.run(install_automations()) is False

    def test_a_run_that_beats_no_more_and_never_ended_is_to_be_called_crashed(
        self, running: Server
    ) -> None:
        async def installed() -> Automation:
            await install_automations()
            return await Automation.aread(name=NAME)

        with prefect_client(os.environ, running.environment()):
            from prefect.automations import Automation
            from prefect.client.schemas.objects import TERMINAL_STATES, StateType
            from prefect.settings import get_current_settings

            found = asyncio.run(installed())
            beats = get_current_settings().flows.heartbeat_frequency
        assert found.enabled
        trigger, (action,) = found.trigger, found.actions
        beat = "prefect.flow-run.heartbeat"
        assert trigger.posture == "Proactive"
        assert trigger.after == {beat}
        ends = {f"prefect.flow-run.{state.value.capitalize()}" for state in TERMINAL_STATES}
        assert trigger.expect == {beat} | ends
        assert trigger.for_each == {"prefect.resource.id"}
        assert trigger.match.root == {"prefect.resource.id": ["prefect.flow-run.*"]}
        assert beats is not None
        assert trigger.within.total_seconds() > 2 * beats  # one beat lost is no death
        assert (action.type, action.state) == ("change-flow-run-state", StateType.CRASHED)


@one_process
@pytest.mark.flows
def test_a_server_ends_when_its_parent_is_killed(home: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(server.__file__).parents[1],
    )
    child = 0
    try:
        assert parent.stdout is not None
        pid, api_url = parent.stdout.readline().split()
        child = int(pid)
        assert reachable(api_url)
        assert _alive(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        assert _gone_within(child, 8)
    finally:
        parent.kill()
        parent.communicate(timeout=5)
        if child and _alive(child):
            os.kill(child, signal.SIGKILL)


@one_process
@pytest.mark.redis
@pytest.mark.flows
def test_an_admin_may_put_the_servers_own_queue_on_redis(home: Path, redis_url: str) -> None:
    name = f"nurture-test-{os.getpid()}"
    overrides = {"PREFECT_SERVER_DOCKET_URL": redis_url, "PREFECT_SERVER_DOCKET_NAME": name}
    running = server.start(home, environ=os.environ, overrides=overrides)
    try:
        with redis.Redis.from_url(redis_url) as queue:
            assert queue.keys(f"{name}*")
    finally:
        running.stop()
        with redis.Redis.from_url(redis_url) as queue:
            if left := queue.keys(f"*{name}*"):
                queue.delete(*left)


def test_every_setting_we_give_is_one_prefect_knows(tmp_path: Path) -> None:
    import prefect.settings

    given = server_settings(tmp_path, "127.0.0.1", 4200, "admin:secret")
    given |= prefect_environment(tmp_path, "http://127.0.0.1:4200/api", auth_string="admin:secret")
    # One handler's level is read by the logging configuration itself, not by the settings.
    others = {"DO_NOT_TRACK", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"}
    for name in sorted(set(given) - others):
        assert getattr(prefect.settings, name).name == name


def test_a_port_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerFailed, match=f"127.0.0.1:{port}.*choose another"):
            server.start(tmp_path, environ=os.environ, port=port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "office.example.test"])
def test_an_address_others_can_reach_needs_a_password(tmp_path: Path, host: str) -> None:
    with pytest.raises(ServerFailed, match="PREFECT_SERVER_API_AUTH_STRING"):
        server.start(tmp_path / "prefect", environ=os.environ, host=host)
    assert not (tmp_path / "prefect").exists()


def test_a_server_that_ends_while_starting_shows_the_end_of_its_log(tmp_path: Path) -> None:
    wrong = {"PREFECT_SERVER_API_PORT": "not a port"}
    with pytest.raises(ServerFailed, match="(?s)ended while starting.*server.log"):
        server.start(tmp_path, environ=os.environ, overrides=wrong)


def test_a_server_that_is_no_longer_wanted_is_ended_while_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    spawn = server._spawn

    def noted(*given: Any) -> subprocess.Popen[bytes]:
        started.append(spawn(*given))
        return started[0]

    monkeypatch.setattr(server, "_spawn", noted)
    with pytest.raises(ServerFailed, match="told to end"):
        server.start(tmp_path, environ=os.environ, wanted=lambda: not started)
    assert started[0].poll() is not None


def test_a_server_that_never_answers_is_given_up_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def sleeper(*_: object) -> subprocess.Popen[bytes]:
        (tmp_path / "server.log").touch()
        script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
        started.append(subprocess.Popen([sys.executable, "-c", script]))
        return started[0]

    monkeypatch.setattr(server, "_spawn", sleeper)
    monkeypatch.setattr(
        server, "STOP_STEPS", ((signal.SIGINT, 0.2), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))
    )
    with pytest.raises(ServerFailed, match="did not answer within 0.5 s"):
        server.start(tmp_path, environ=os.environ, timeout=0.5)
    assert started[0].poll() is not None
