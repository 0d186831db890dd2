"""A copy of the starter workspace to plant faults in, and the ledger to apply it to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]

STARTER = Path(__file__).resolve().parents[2] / "templates" / "workspace"

Edit = Callable[[str, str, str], None]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The starter workspace's definitions, as a newcomer gets them."""
    folder = tmp_path / "workspace"
    shutil.copytree(STARTER, folder, ignore=shutil.ignore_patterns("*.csv", "*.jsonl"))
    return folder


@pytest.fixture
def edit(workspace: Path) -> Edit:
    """`edit(file, old, new)` replaces the first `old`; the test fails if it is not there."""

    def replace(file: str, old: str, new: str) -> None:
        path = workspace / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"the starter workspace no longer has {old!r} in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace
