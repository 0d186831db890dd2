"""What a version took from nurture.yaml, and its text without that."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from nurture.language.checks.validate import Checked, validate
from nurture.language.reading.closing import NOTE, closed, without_taken
from nurture.language.text.source import parse
from nurture.language.text.tree import plain
from tests.language.conftest import STARTER, Edit

NAMES = ("trial-welcome", "long-nurture", "win-back")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The starter, whose sequences share segments, snippets and defaults."""
    return Path(shutil.copytree(STARTER, tmp_path / "workspace"))


def content(text: str) -> Any:
    tree, _ = parse(text)
    return plain(tree) if tree is not None else None


def applied(checked: Checked, name: str) -> tuple[str, str]:
    """The text of a sequence's file, and of the version an apply makes of it."""
    (file,) = (each for each in checked.files if each.path == f"sequences/{name}.yaml")
    text = file.data.decode()
    return text, closed(text, file.taken)


@pytest.mark.parametrize("name", NAMES)
def test_a_version_comes_back_as_its_file_was(workspace: Path, name: str) -> None:
    checked = validate(workspace)
    text, version = applied(checked, name)
    assert NOTE in version
    again = without_taken(version, checked.known)
    assert NOTE not in again
    assert content(again) == content(text)


def test_what_nurture_yaml_says_otherwise_today_stays_in_it(workspace: Path, edit: Edit) -> None:
    _, version = applied(validate(workspace), "trial-welcome")
    edit("nurture.yaml", "{at_least: 250}", "{at_least: 500}")
    edit("nurture.yaml", "mon-fri, hours: \"09:00-17:00\"", "mon-sat, hours: \"09:00-17:00\"")
    again = content(without_taken(version, validate(workspace).known))
    assert again.keys() >= {"segments", "timing"}
    assert again["segments"].keys() == {"large"}
    assert again["timing"].keys() == {"window"}
    assert "snippets" not in again
    assert "goal_within" not in again


def test_what_it_did_not_have_then_keeps_the_whole_of_it(workspace: Path, edit: Edit) -> None:
    _, version = applied(validate(workspace), "trial-welcome")
    edit("nurture.yaml", "defaults:\n", "defaults:\n  with_sales: send\n")
    assert without_taken(version, validate(workspace).known) == version


def test_a_file_that_takes_nothing_is_as_it_is(workspace: Path) -> None:
    text = "sequence: alone\nstages: []\n"
    assert without_taken(text, validate(workspace).known) == text


def test_a_default_time_for_goals_is_nothing_to_a_sequence_without_one(
    workspace: Path, edit: Edit
) -> None:
    edit("sequences/win-back.yaml", "goal: asked-for-us\n", "")
    said = [str(each) for each in validate(workspace).problems]
    assert said == []
