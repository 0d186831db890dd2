"""A small workspace, played up to a handoff and a mail nobody knows the fate of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import Result

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, open_ledger
from nurture.ledger.statements.upsert import table_of
from tests.app.cli.simulating import starter
from tests.commands import invoke

__all__ = ["invoke", "starter"]
Run = Callable[..., Result]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEADS = """external_id,email,first_name,last_name,country,timezone,employees
X-1,ann@example.test,Ann,Abel,DE,Europe/Berlin,800
X-2,ben@example.test,Ben,Bell,US,America/New_York,12
X-3,,Cleo,,FR,Europe/Paris,40
"""


def document(result: Result) -> Any:
    """The one JSON document of an answer; fails when there is anything beside it."""
    return json.loads(result.stdout)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter workspace, applied, with three leads, a handoff and an unknown mail."""
    folder = tmp_path_factory.mktemp("workspaces") / "played"
    assert invoke("init", folder).exit_code == 0
    (folder / "leads.csv").write_text(LEADS, encoding="utf-8")
    (folder / "engagements.jsonl").write_text(
        json.dumps(
            {"source": "website", "key": "k1", "kind": "demo_booked", "lead": "ann@example.test",
             "occurred_at": "2026-03-02T09:00:00+01:00", "properties": {}}
        ) + "\n",
        encoding="utf-8",
    )  # fmt: skip
    assert invoke("apply", "-w", folder).exit_code == 0
    assert invoke("leads", "import", folder / "leads.csv", "-w", folder).exit_code == 0
    ledger = ledger_of(folder)
    add_rows(ledger)
    ledger.close()
    return folder


def ledger_of(folder: Path) -> Ledger:
    """The workspace's ledger, beside the program; close it."""
    return open_ledger(f"sqlite:///{folder / '.nurture' / 'nurture.db'}")


def add_rows(ledger: Ledger) -> None:
    """A handoff offered to bo, with one clock, and a mail of unknown fate, of the first lead."""
    with ledger.begin() as session:
        lead = session.execute(
            select(table_of(t.Lead).c.id).where(table_of(t.Lead).c.external_id == "X-1")
        ).scalar_one()
        rules = session.execute(
            select(table_of(t.Definition).c.id).where(table_of(t.Definition).c.kind == "handoff")
        ).scalar_one()
        episode = t.Episode(lead_id=lead, cause="threshold:mql", score=61, opened_at=NOW)
        session.add(episode)
        session.flush()
        session.add(
            t.Handoff(
                lead_id=lead, episode_id=episode.id, definition_id=rules, team="enterprise",
                rep="bo", generation=1, reason="crossed mql", opened_at=NOW, offered_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            t.Clock(
                handoff_id=1, kind="first_touch", generation=1, rep="bo", business=False,
                started_at=NOW, due_at=NOW, zone="Europe/Berlin",
            )
        )  # fmt: skip
        session.add(
            t.Message(
                lead_id=lead, template="welcome", state="unknown", reason="no answer",
                planned_at=NOW, due_at=NOW, handed_at=NOW,
            )
        )  # fmt: skip


@pytest.fixture
def folder(played: Path, tmp_path: Path) -> Path:
    """A copy of the played workspace, the test's own."""
    return Path(shutil.copytree(played, tmp_path / "work"))


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command in the test's workspace."""

    def call(*words: str | Path) -> Result:
        return invoke(*words, "--workspace", folder)

    return call
