"""The ledger's own tests use the shared ledger fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import ledger, migrated_ledger
from tests.ledger.desk import Desk

__all__ = ["ledger", "migrated_ledger"]


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Desk:
    """A folder with a file to import and the ledger it goes to."""
    return Desk(ledger, tmp_path)
