"""A play for every test, on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import migrated_ledger, played_ledger
from tests.sequences.play import Play

__all__ = ["migrated_ledger", "played_ledger"]


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    return Play(ledger, tmp_path / "workspace")
