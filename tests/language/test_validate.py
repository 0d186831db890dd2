"""Every rule of `nurture validate`, shown by a fault planted into the starter workspace."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nurture.language.rules import RULES
from nurture.language.source import MOST_BYTES
from nurture.language.validate import validate
from tests.language.conftest import Edit

PLANTS: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("planted.yaml")
)
LANGUAGE = Path(__file__).resolve().parents[2] / "nurture" / "language"


def plant(workspace: Path, fault: dict[str, Any]) -> None:
    for edit in fault["plant"]:
        path = workspace / edit["file"]
        if "old" not in edit:
            path.unlink()
            continue
        text = path.read_text(encoding="utf-8")
        assert edit["old"] in text, f"the starter workspace no longer has {edit['old']!r}"
        changed = text.replace(edit["old"], edit["new"], 1)
        path.write_text(changed, encoding="utf-8", errors="surrogateescape")


def named(fault: dict[str, Any]) -> str:
    return f"{fault['rule']}: {fault['plant'][0].get('new', 'removed')}"


@pytest.mark.parametrize("fault", PLANTS, ids=named)
def test_a_planted_fault_is_named_with_line_column_path_and_text(
    workspace: Path, fault: dict[str, Any]
) -> None:
    plant(workspace, fault)
    problems = validate(workspace)
    assert [str(problem) for problem in problems] == fault["said"]
    assert fault["rule"] in {problem.rule for problem in problems}


def test_the_starter_workspace_has_no_problems_and_takes_less_than_a_second(
    workspace: Path,
) -> None:
    started = time.monotonic()
    assert validate(workspace) == []
    assert time.monotonic() - started < 1


def test_no_rule_is_without_a_planted_fault() -> None:
    assert {fault["rule"] for fault in PLANTS} == set(RULES)


NAMES_A_RULE = {"fault": 0, "Fault": 0, "reading": 0, "add": 1, "problem": 1, "note": 1, "stop": 1}
"""Where the calls that make a problem take the name of its rule."""


def rules_in(tree: ast.AST) -> set[str]:
    found = set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
        candidates: list[ast.expr] = [word.value for word in call.keywords if word.arg == "rule"]
        place = 2 if name == "_problem" else NAMES_A_RULE.get(name)
        if place is not None and len(call.args) > place:
            candidates.append(call.args[place])
        found |= {
            node.value
            for node in candidates
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


def test_every_rule_in_the_source_is_listed() -> None:
    used: set[str] = set()
    for path in LANGUAGE.rglob("*.py"):
        used |= rules_in(ast.parse(path.read_text(encoding="utf-8")))
    assert len(used) > 40
    assert used <= set(RULES)


def test_one_bad_file_does_not_hide_the_problems_of_another(workspace: Path, edit: Edit) -> None:
    (workspace / "sequences/win-back.yaml").write_text("{[", encoding="utf-8")
    edit("sequences/trial-welcome.yaml", "- send: welcome\n", "- sned: welcome\n")
    edit("sequences/trial-welcome.yaml", "wait: 2 days", "wait: 2 dais")
    edit("scoring.yaml", "points: 10", "points: ten")
    rules = [problem.rule for problem in validate(workspace) if problem.severity == "error"]
    assert rules == ["wrong-value", "unknown-step", "bad-duration", "yaml-syntax"]


def test_an_unreadable_head_file_does_not_make_every_name_unknown(workspace: Path) -> None:
    (workspace / "nurture.yaml").write_text("brand: [", encoding="utf-8")
    assert {problem.file for problem in validate(workspace)} == {"nurture.yaml"}


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    said = [problem.file for problem in validate(tmp_path)]
    assert said == ["nurture.yaml", "scoring.yaml"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"a: " + b"x" * (10 * 1024 * 1024), "too-large"),
        (b"[" * 100_000, "too-large"),
        (b"{" * 100_000, "too-large"),
        (b"- " * 100_000, "too-large"),
        (b"x: |\n" + b" y\n" * 1_000_000, "too-large"),
        (b"[" + b"1," * 1_000_000 + b"]", "too-large"),
        (b"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "yaml-anchor"),
        (b"\x00\x01\x02", "bad-character"),
        (b"\xff\xfe\x00", "not-utf-8"),
        (b'a: "\\UFFFFFFFF"', "yaml-syntax"),
        (b'a: "\\ud800"', "bad-character"),
        (b"? [a, b]\n: c\n", "yaml-syntax"),
        (b"%YAML 1.1\n---\na: 1\n", "yaml-syntax"),
        (b"!!python/object:os.system x\n", "yaml-tag"),
        (b"", "yaml-syntax"),
    ],
)
def test_hostile_bytes_are_a_problem_and_quickly(workspace: Path, data: bytes, rule: str) -> None:
    assert len(data) < 20 * MOST_BYTES
    (workspace / "sequences/hostile.yaml").write_bytes(data)
    started = time.monotonic()
    found = {problem.rule for problem in validate(workspace) if "hostile" in problem.file}
    assert rule in found
    assert time.monotonic() - started < 10
