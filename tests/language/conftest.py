"""A small workspace to plant faults in, and the ledger to apply it to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]

STARTER = Path(__file__).resolve().parents[2] / "templates" / "workspace"
PLAIN = Path(__file__).with_name("plain")
"""The starter as it once was: the places of hundreds of planted faults are told by line, and do not
move when the starter does."""

Edit = Callable[[str, str, str], None]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the plain workspace, the test's own."""
    return Path(shutil.copytree(PLAIN, tmp_path / "workspace"))


@pytest.fixture
def edit(workspace: Path) -> Edit:
    """`edit(file, old, new)` replaces the first `old`; the test fails if it is not there."""

    def replace(file: str, old: str, new: str) -> None:
        path = workspace / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"the plain workspace has no {old!r} in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace
