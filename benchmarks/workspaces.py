"""Throw-away workspaces: the starter with its leads replaced by many, open around the clock."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app.changes.applying import apply_workspace
from app.clocks import wall_clock
from app.settings import Settings
from app.wiring import create_ledger, open_ledger_of
from benchmarks import ledgers
from nurture.ledger.access.tokens import create_token

STARTER = Path(__file__).parents[1] / "templates" / "workspace"


def make(folder: Path, *, leads: int, smtp: int = 0, now: datetime | None = None) -> str:
    """A workspace in the folder, applied, with so many leads; returns an API token.

    Sales work day and night, are never away and have room for everybody, no brake holds anything,
    and no digest counts a team's handoffs in the morning; the contact form alone makes a lead cross
    the line.  `smtp` is the port of a server on this machine that mail goes to.
    """
    now = now or wall_clock()
    shutil.copytree(STARTER, folder, dirs_exist_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder / ".nurture")
    _change(folder / "scoring.yaml", "points: 20\n    limit: 20 per week", "points: 80")
    rules = (folder / "handoff.yaml").read_text()
    rules = re.sub(r'hours: "[^"]*"', 'hours: "00:00-24:00"', rules)
    rules = re.sub(r"days: mon-fri", "days: mon-sun", rules)
    rules = re.sub(r"\n *(room|away|digest|brake): .+", "", rules)
    rules = re.sub(r"( +)(- rep: \w+)", r"\1\2\n\1  room: 100000", rules)
    rules = re.sub(r"calendar: [\w-]+", "calendar: always", rules)
    (folder / "handoff.yaml").write_text(rules)
    _change(
        folder / "nurture.yaml",
        "calendars:\n",
        'calendars:\n  always: {days: mon-sun, hours: "00:00-24:00"}\n',
    )
    if smtp:
        _change(
            folder / "nurture.yaml",
            "delivery:\n",
            f"delivery:\n  smtp: {{host: 127.0.0.1, port: {smtp}, encryption: none}}\n",
        )
    settings = Settings()
    create_ledger(folder, settings)
    ledger = open_ledger_of(folder, settings)
    try:
        with ledger.begin() as session:
            ledgers.put_leads(session, leads, now=now)
            token = create_token(session, name="bench", scope="ingest", now=now)
        applied = apply_workspace(ledger, folder, now=now)
        assert not applied.refused, applied.refused
    finally:
        ledger.close()
    return token


def _change(file: Path, old: str, new: str) -> None:
    said = file.read_text()
    assert said.count(old) == 1, f"{file.name} has {old!r} {said.count(old)} times"
    file.write_text(said.replace(old, new))
