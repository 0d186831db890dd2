"""`nurture simulate --compare`: the same people with and without an edit, and what it changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.app.cli.conftest import document, invoke
from tests.app.cli.simulating import MODEL, TINY, told


def test_a_folder_compared_with_itself_shows_no_difference(starter: Path) -> None:
    result = told(starter, "--compare", starter, *TINY)
    assert result.exit_code == 0
    assert re.search(r"Nothing: all \d+ figures are the same\.", result.stdout)


def test_a_changed_wait_shows_where(starter: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    assert invoke("init", old).exit_code == 0
    flow = old / "sequences" / "trial-welcome.yaml"
    text = flow.read_text()
    assert text.count("- wait: 2 days") == 1
    flow.write_text(text.replace("- wait: 2 days", "- wait: 8 days"))
    found = document(told(starter, "--compare", old, "--json"))["differences"]
    changed = {each["what"]: each["change"] for each in found}
    assert changed["mail / by mail / first-plan / sent"] > 0
    assert changed["funnel / trial-welcome / interest / reached"] > 0
    assert changed["funnel / trial-welcome / awareness / standing"] < 0
    assert "funnel / trial-welcome / entered" not in changed
    assert "funnel / long-nurture / entered" not in changed


def test_the_older_version_need_not_have_what_the_model_names(tmp_path: Path) -> None:
    old, model = tmp_path / "old", tmp_path / "mine.yaml"
    assert invoke("init", old).exit_code == 0
    new = Path(shutil.copytree(old, tmp_path / "new"))
    model.write_text(MODEL.replace("of: {", "of: {brand-new: {open: 9%}, "))
    shutil.copy(new / "templates" / "welcome.html", new / "templates" / "brand-new.html")
    words = ("--behaviour", model, "--compare", old, *TINY)
    assert told(new, *words).exit_code == 0
    assert told(old, "--behaviour", model, *TINY).exit_code == 1
