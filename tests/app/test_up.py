"""`nurture up` for real, a process of its own: web app, scheduler and Prefect server."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url, text

import app.up
from app.embedded.server import ServerFailed
from app.settings import Settings
from app.wiring import open_workspace
from nurture.ledger.engine import open_ledger
from tests.app.cli.conftest import invoke
from tests.app.live import Live, mails, sign_up, until

# One process: its tests share a workspace, and the Prefect server's tables in it.
pytestmark = pytest.mark.xdist_group("up")
NO_PREFECT = {"NURTURE_PREFECT_API_URL": "http://127.0.0.1:1/api"}


def rows(folder: Path, query: str, **values: Any) -> list[Any]:
    with open_workspace(folder, Settings()) as runtime, runtime.ledger.looking() as session:
        return list(session.execute(text(query), values).all())


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter workspace, whose mails go out at any hour; nothing is applied."""
    folder = tmp_path_factory.mktemp("up") / "company"
    assert invoke("init", folder).exit_code == 0
    head = folder / "nurture.yaml"
    held = r"^(    window|    late|quiet_hours): .*\n"
    head.write_text(re.sub(held, "", head.read_text(), flags=re.MULTILINE))
    return folder


@pytest.fixture(scope="module")
def token(company: Path) -> str:
    """A token of the applied workspace."""
    assert invoke("apply", "-w", company).exit_code == 0
    made = invoke("tokens", "create", "website", "--json", "-w", company)
    return str(json.loads(made.stdout)["token"])


@pytest.fixture
def start() -> Iterator[Callable[..., Live]]:
    """Start `nurture up`; whatever still runs at the end is killed."""
    started: list[Live] = []

    def begin(folder: Path, **environ: str) -> Live:
        started.append(Live(folder, environ))
        return started[-1]

    yield begin
    for live in started:
        live.process.kill()
        live.process.wait(10)
        for child in live.children():
            os.kill(child, signal.SIGKILL)


@pytest.mark.flows
def test_it_says_where_it_is_wakes_for_what_comes_and_leaves_nothing_half_done(
    company: Path, token: str, start: Callable[..., Live]
) -> None:
    live = start(company)
    prefect = live.address("Prefect UI")
    until(lambda: live.health()["prefect"] == "answers", "Prefect")
    assert httpx.get(f"{prefect}/api/health").status_code == 200
    before = until(lambda: live.health()["last_tick"], "the first tick")
    live.tell(token, "ann@example.test")
    until(lambda: mails(company, "ann@example.test"), "the mail")
    until(lambda: live.health()["last_tick"] > before, "the tick in /health")
    assert live.health()["status"] == "ok"
    assert len(live.children()) == 1
    assert live.end() == 0
    assert live.children() == []
    assert "Traceback" not in live.said.read_text()
    told = rows(
        company,
        "SELECT l.lifecycle, l.behaviour > 0, e.state, m.state FROM lead l"
        " JOIN enrolment e ON e.lead_id = l.id JOIN message m ON m.lead_id = l.id"
        " WHERE l.email_key = :key",
        key="ann@example.test",
    )
    assert [tuple(each) for each in told] == [("lead", 1, "active", "sent")]
    assert rows(company, "SELECT 1 FROM message WHERE state IN ('claimed', 'handed')") == []


@pytest.mark.flows
def test_sigterm_lets_a_run_that_works_finish_the_mail_in_hand(
    company: Path, token: str, tmp_path: Path, start: Callable[..., Live]
) -> None:
    """Prefect takes the signal for itself while a run works, and ends everything at once."""
    live = start(company)
    prefect = live.address("Prefect UI")
    until(lambda: live.health()["prefect"] == "answers", "Prefect")
    brought = tmp_path / "events.jsonl"
    many = (json.dumps(sign_up(f"many{number}@example.test")) for number in range(1500))
    brought.write_text("\n".join(many))
    assert invoke("events", "import", brought, "--create-leads", "-w", company).exit_code == 0
    running = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    count = f"{prefect}/api/flow_runs/count"
    until(lambda: httpx.post(count, json=running, timeout=40).json(), "a run that works")
    assert live.end(signal.SIGTERM) == 0
    said = live.said.read_text()
    assert said.endswith("stopping: finishing the mail in hand\nstopped\n")
    assert "Traceback" not in said
    assert rows(company, "SELECT 1 FROM message WHERE state IN ('claimed', 'handed')") == []


@pytest.mark.flows
def test_a_kill_takes_its_prefect_along_and_the_next_goes_on_from_the_rows(
    company: Path, token: str, tmp_path: Path, start: Callable[..., Live]
) -> None:
    killed = start(company)
    killed.address("Prefect UI")
    killed.end(signal.SIGKILL)
    brought = tmp_path / "events.jsonl"
    brought.write_text(json.dumps(sign_up("ben@example.test")) + "\n")
    assert invoke("events", "import", brought, "--create-leads", "-w", company).exit_code == 0
    after = start(company)
    until(lambda: mails(company, "ben@example.test"), "the mail")
    until(lambda: not killed.children(), "the end of the killed one's Prefect")
    assert after.end() == 0  # most likely before its own Prefect has started
    assert after.children() == []
    assert "Traceback" not in after.said.read_text()


@pytest.mark.postgres
def test_it_connects_again_when_its_connections_were_ended(
    company: Path,
    own_postgres_url: str,
    start: Callable[..., Live],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NURTURE_DATABASE", own_postgres_url)
    live = start(company, **NO_PREFECT)  # applies the workspace first: nothing was
    live.address("App")
    made = invoke("tokens", "create", "website", "--json", "-w", company)
    token = json.loads(made.stdout)["token"]
    for lead in ("cleo@example.test", "dora@example.test"):
        live.tell(token, lead)
        until(lambda lead=lead: mails(company, lead), "the mail")
        assert live.health()["ledger"]["reachable"] is True
        time.sleep(3)  # idle: a tick would meet the loss first, and the pool forget the others
        _end_connections(own_postgres_url)
    assert live.end() == 0


def _end_connections(url: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def refused(
    company: Path, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run `up` in this process, where it must refuse: what it says, and nothing was started."""
    started: list[object] = []

    def begun(*given: object, **_: object) -> None:
        started.append(given)
        os.kill(os.getpid(), signal.SIGINT)  # a failing test does not run for ever
        raise ServerFailed("not in this test")

    monkeypatch.setattr(app.up, "start", begun)
    monkeypatch.setenv("NURTURE_PORT", "0")

    def call(folder: Path) -> str:
        answer = invoke("up", "-w", folder)
        assert not started
        assert answer.exit_code == 1
        assert not re.search("Traceback|^App ", answer.output, re.MULTILINE)
        return answer.output

    return call


def test_it_refuses_a_port_that_is_taken(
    company: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("NURTURE_PORT", port)
        assert re.search(f"cannot listen on 127.0.0.1:{port}.*NURTURE_PORT", refused(company))


def test_it_refuses_to_be_reached_by_others_without_a_token(
    tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("init", tmp_path / "new").exit_code == 0
    monkeypatch.setenv("NURTURE_HOST", "0.0.0.0")
    assert "nurture tokens create" in refused(tmp_path / "new")


def test_it_refuses_older_tables_and_names_the_command(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    folder = tmp_path / "old"
    assert invoke("init", folder).exit_code == 0
    assert invoke("apply", "-w", folder).exit_code == 0
    ledger = open_ledger(f"sqlite:///{folder / '.nurture' / 'nurture.db'}")
    with ledger.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ledger.close()
    assert "nurture db upgrade" in refused(folder)


def test_it_refuses_a_folder_that_is_no_workspace(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert "is no workspace" in refused(tmp_path)
    assert "is no folder" in refused(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_it_refuses_a_workspace_that_was_never_applied_and_cannot_be(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert invoke("init", tmp_path / "new").exit_code == 0
    (tmp_path / "new" / "scoring.yaml").write_text("nonsense: [\n")
    assert "scoring.yaml:" in refused(tmp_path / "new")
