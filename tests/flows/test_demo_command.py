"""`nurture demo`: a day of it in a real Prefect, and what the command does around it."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app import demo
from app.demo import look
from app.demo.story import BEGIN
from app.settings import Settings
from app.wiring import open_workspace
from nurture.ledger.errors import InputRefused
from tests.app.cli.conftest import invoke

SHOWN = demo.Shown(Path("x"), BEGIN, BEGIN, 500, 1, 0, [], [], [])


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command would have done: `play` and `look`, in order."""
    done: list[str] = []

    def play(folder: Path, *_: Any, **__: Any) -> demo.Shown:
        done.append("play")
        folder.mkdir(exist_ok=True)
        (folder / demo.MARK).write_text(demo.OURS + demo.FINISHED)
        return SHOWN

    monkeypatch.setattr(demo, "demo", play)
    monkeypatch.setattr(look, "look", lambda *_, **__: done.append("look"))
    return done


def test_a_finished_story_is_opened_without_playing_it_again(
    tmp_path: Path, called: list[str]
) -> None:
    folder = tmp_path / "demo"
    for _ in range(2):
        assert invoke("demo", "--open", "-w", folder).exit_code == 0
    assert called == ["play", "look", "look"]
    assert invoke("demo", "-w", folder).exit_code == 0
    assert called[3:] == ["play"]


def test_a_story_that_was_broken_off_is_played_again(tmp_path: Path, called: list[str]) -> None:
    demo.make_anew(tmp_path / "demo")
    assert invoke("demo", "--open", "-w", tmp_path / "demo").exit_code == 0
    assert called == ["play", "look"]


def test_json_is_one_document(tmp_path: Path, called: list[str]) -> None:
    told = invoke("demo", "--json", "-w", tmp_path / "demo")
    assert json.loads(told.stdout)["leads"] == 500
    told = invoke("demo", "--json", "--open", "-w", tmp_path / "demo")
    assert json.loads(told.stdout)["finished"] is True


def test_ticks_that_are_not_to_be_seen_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "demo", lambda *_, **__: replace(SHOWN, unseen=3))
    told = invoke("demo", "-w", tmp_path / "demo")
    assert told.exit_code == 1
    assert "did not answer for 3 ticks" in told.output


def test_it_never_deletes_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("theirs")
    with pytest.raises(InputRefused, match="not a demo"):
        demo.make_anew(tmp_path)
    assert (tmp_path / "theirs.txt").read_text() == "theirs"


def test_it_never_plays_in_a_ledger_from_outside(tmp_path: Path) -> None:
    elsewhere = Settings(database=SecretStr(f"sqlite:///{tmp_path / 'real.db'}"))
    assert demo.own(elsewhere).database is None


@pytest.mark.flows
def test_every_tick_with_work_is_a_run_named_by_its_virtual_time(tmp_path: Path) -> None:
    folder, instants = tmp_path / "demo", []
    real = Settings(database=SecretStr(f"sqlite:///{tmp_path / 'real.db'}"))
    shown = demo.demo(folder, real, say=lambda _: None, at=instants.append, days=1)
    assert not shown.failures
    assert not shown.unseen
    assert not (tmp_path / "real.db").exists()
    assert demo.finished(folder)
    with closing(sqlite3.connect(folder / ".nurture" / "prefect" / "prefect.db")) as runs:
        named = runs.execute("SELECT name, state_type FROM flow_run").fetchall()
        tasks = runs.execute("SELECT state_type, count(*) FROM task_run GROUP BY 1").fetchall()
    assert {state for _, state in named} == {"COMPLETED"}
    assert [state for state, _ in tasks] == ["COMPLETED"]
    names = [re.fullmatch(r"(\w+) @ (\d\d Mar \d\d:\d\d)", name) for name, _ in named]
    seen = {match[2] for match in names if match}
    assert len([match for match in names if match]) == len(named)
    with open_workspace(folder, Settings()) as runtime, runtime.ledger.begin() as session:
        ticks = session.connection().exec_driver_sql("SELECT now FROM tick").fetchall()
    worked = {f"{datetime.fromtimestamp(now / 1e6, UTC):%d %b %H:%M}" for (now,) in ticks}
    assert worked
    assert worked <= seen <= {f"{at:%d %b %H:%M}" for at in instants}
