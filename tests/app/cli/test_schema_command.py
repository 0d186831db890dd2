"""`nurture schema`, and what `nurture init` tells editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nurture.language.editors.schema import FILES, schema_of
from tests.app.cli.conftest import document, invoke

NAMES = [f".schema/{kind}.json" for kind in FILES]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert invoke("init", tmp_path / "company").exit_code == 0
    return tmp_path / "company"


def test_a_new_workspace_tells_editors_of_its_schemas(folder: Path) -> None:
    told = json.loads((folder / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    for place, files in told["yaml.schemas"].items():
        assert list(folder.glob(files))
        assert json.loads((folder / place).read_text(encoding="utf-8"))["$defs"]
    assert invoke("validate", "-w", folder).stdout.endswith("all is well.\n")


def test_schemas_are_written_anew_and_settings_of_the_editor_are_left(folder: Path) -> None:
    settings = folder / ".vscode" / "settings.json"
    settings.write_text("{}", encoding="utf-8")
    (folder / NAMES[0]).write_text("of an older version", encoding="utf-8")
    assert document(invoke("schema", "--json", "-w", folder)) == {"files": NAMES}
    assert settings.read_text(encoding="utf-8") == "{}"
    assert json.loads((folder / NAMES[0]).read_text(encoding="utf-8")) == schema_of("workspace")


def test_one_schema_is_printed_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert document(invoke("schema", "sequence")) == schema_of("sequence")
    assert invoke("schema", "sequenc").exit_code == 2
    assert invoke("schema").exit_code == 1
