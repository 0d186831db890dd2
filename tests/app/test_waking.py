"""Another process's engagements wake the scheduler: by their rows, and by word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app import scheduler
from app.scheduler import Scheduler
from app.settings import read_settings
from app.wiring import open_workspace
from flows import tick as ticking
from flows.runtime import Runtime
from flows.tick import Outcome
from nurture.ledger import news
from tests.app.cli.conftest import invoke

WORTH_IT = 15.0
"""Seconds: the look of every minute would come too late."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The starter workspace, and engagements to bring."""
    folder = tmp_path / "company"
    assert invoke("init", folder).exit_code == 0
    for number in (1, 2):
        told = {
            "source": "website", "key": str(number), "kind": "form_submitted",
            "lead": f"lead{number}@example.test", "occurred_at": datetime.now(UTC).isoformat(),
            "properties": {"form": "trial"},
        }  # fmt: skip
        (folder / f"{number}.jsonl").write_text(json.dumps(told) + "\n")
    return folder


async def _entered_after(folder: Path, bring: Callable[[int], None]) -> int:
    """How many leads entered a sequence once an idle scheduler was brought something twice."""
    with open_workspace(folder, read_settings()) as runtime:
        awake = Scheduler(runtime, _tick)
        await awake.start()
        word = asyncio.create_task(news.listen(runtime.ledger, awake.look))
        try:
            for number in (1, 2):
                await asyncio.sleep(2)  # idle, and listening
                await asyncio.to_thread(bring, number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(WORTH_IT):
                        while _entered(runtime) < number:
                            await asyncio.sleep(0.1)
        finally:
            assert not word.done()
            word.cancel()
            await awake.stop()
        return _entered(runtime)


def _import(folder: Path, number: int) -> None:
    file = folder / f"{number}.jsonl"
    assert invoke("events", "import", file, "--create-leads", "-w", folder).exit_code == 0


async def _tick(runtime: Runtime, now: datetime) -> Outcome:
    return await asyncio.to_thread(ticking.run_tick, runtime, now=now)


def _entered(runtime: Runtime) -> int:
    with runtime.ledger.looking() as session:
        return int(session.execute(text("SELECT count(*) FROM enrolment")).scalar_one())


def test_rows_wake_it_within_a_look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LOOK_EVERY", timedelta(seconds=0.5))
    monkeypatch.setattr(news, "EVERY", 3_600.0)
    assert invoke("apply", "-w", folder).exit_code == 0

    def bring(number: int) -> None:
        _import(folder, number)

    assert asyncio.run(_entered_after(folder, bring)) == 2


def test_a_written_file_wakes_it_within_seconds(folder: Path) -> None:
    assert invoke("apply", "-w", folder).exit_code == 0

    def bring(number: int) -> None:
        _import(folder, number)

    assert asyncio.run(_entered_after(folder, bring)) == 2


@pytest.mark.postgres
def test_word_wakes_it_at_once_also_after_its_connection_was_ended(
    folder: Path, own_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_DATABASE", own_postgres_url)
    monkeypatch.setattr(news, "AGAIN", 0.1)
    assert invoke("apply", "-w", folder).exit_code == 0

    def bring(number: int) -> None:
        _import(folder, number)
        if number == 1:
            with open_workspace(folder, read_settings()) as other, other.ledger.begin() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                        " current_database() AND application_name = 'nurture, listening'"
                    )
                )

    assert asyncio.run(_entered_after(folder, bring)) == 2
