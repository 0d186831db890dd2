"""What the page for people from other tools says in YAML is a piece of a valid workspace."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from nurture.language.files.sequence import SequenceModel
from nurture.language.checks.validate import validate
from nurture.language.files.workspace import Workspace

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "coming-from.md"
# Their word, ours, and what differs: one row of a table.
ROW = re.compile(r"^\| (?!there|---)(?P<there>[^|]+) \| (?P<here>[^|]+) \|(?P<differs>[^|]*)\|$", re.M)


def examples() -> list[dict[str, Any]]:
    said = [row["here"].strip() for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    assert all(each == "—" or (each[0] == each[-1] == "`") for each in said)
    return [YAML(typ="safe").load(each.strip("`")) for each in said if each != "—"]


def sequence(number: int, example: dict[str, Any]) -> str:
    """A sequence around the example, in which a step may be gone back to."""
    name, key = f"example-{number}", next(iter(example))
    stage: dict[str, Any] = {"stage": "only"}
    steps: list[dict[str, Any]] = [{"id": "again", "send": "welcome"}, {"wait": "1 day"}]
    entry = {"when": {"event": "form_submitted"}}
    whole: dict[str, Any] = {"sequence": name, "topic": "product-tips", "enter": entry}
    if key in SequenceModel.model_fields:
        whole |= example
    elif key == "gate":
        stage |= example
    else:
        steps.append(example)
    return json.dumps(whole | {"stages": [stage | {"steps": steps}]}, ensure_ascii=False)


def test_every_line_of_yaml_is_valid(tmp_path: Path) -> None:
    """JSON is YAML; an error is shown with the line it is about."""
    found = examples()
    assert len(found) > 60
    of_workspace = [each for each in found if next(iter(each)) in Workspace.model_fields]
    folder = tmp_path / "workspace"
    shutil.copytree(ROOT / "templates" / "workspace", folder)
    whole = YAML(typ="safe").load(folder / "nurture.yaml")
    for each in of_workspace:
        whole |= each
    (folder / "nurture.yaml").write_text(json.dumps(whole), encoding="utf-8")
    written = {}
    for number, each in enumerate(each for each in found if each not in of_workspace):
        file = f"sequences/example-{number}.yaml"
        (folder / file).write_text(sequence(number, each), encoding="utf-8")
        written[file] = each
    problems = validate(folder).problems
    assert [(p, written.get(p.file)) for p in problems if p.severity == "error"] == []
