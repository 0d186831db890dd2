"""Every rule of `nurture validate`, shown by a fault planted into the starter workspace."""

from __future__ import annotations

import ast
import shutil
import sys
from cProfile import Profile
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.scanner import Scanner

from nurture.delivery.mails.trial import trial
from nurture.language.checks.rules import RULES
from nurture.language.checks.validate import validate as validated
from nurture.language.text import faults
from nurture.language.text.faults import Faults
from nurture.language.text.problems import Problem
from nurture.language.text.source import MOST_BYTES, MOST_VALUES
from nurture.language.text.tree import Fault
from tests.language.conftest import PLAIN, STARTER, Edit

PLANTS: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("planted.yaml")
)
LANGUAGE = Path(__file__).resolve().parents[2] / "nurture" / "language"


def validate(folder: Path) -> list[Problem]:
    """Every problem, with mails tried as the program tries them."""
    return list(validated(folder, trial).problems)


def plant(workspace: Path, fault: dict[str, Any]) -> None:
    for edit in fault["plant"]:
        path = workspace / edit["file"]
        path.parent.mkdir(exist_ok=True)
        if "link" in edit:
            path.symlink_to(edit["link"])
            continue
        if "write" in edit:
            path.write_text(edit["write"] * edit.get("times", 1), encoding="utf-8")
            continue
        if "old" not in edit:
            path.unlink()
            continue
        text = path.read_text(encoding="utf-8")
        assert edit["old"] in text, f"the plain workspace has no {edit['old']!r}"
        changed = text.replace(edit["old"], edit["new"] * edit.get("times", 1), 1)
        path.write_text(changed, encoding="utf-8", errors="surrogateescape")


def named(fault: dict[str, Any]) -> str:
    edit = fault["plant"][0]
    return f"{fault['rule']}: {edit.get('new') or edit.get('link') or edit.get('write', 'removed')}"


one_process = pytest.mark.xdist_group("planted")
"""For what asks which faults were planted before it, in the same process."""
REACHED: set[tuple[str, int]] = set()
"""File and line of every call, on the way to a problem, that planted faults led to."""
RAN: set[int] = set()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that makes a problem notes who called it."""

    def note(made: Any) -> Any:
        def noting(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            while caller is not None:
                if caller.f_code.co_filename.startswith(str(LANGUAGE)):
                    REACHED.add((caller.f_code.co_filename, caller.f_lineno))
                caller = caller.f_back
            return made(*args, **kwargs)

        return noting

    monkeypatch.setattr(Faults, "add", note(Faults.add))
    monkeypatch.setattr(Fault, "__init__", note(Fault.__init__))
    monkeypatch.setattr(Problem, "__init__", note(Problem.__init__))
    monkeypatch.setattr(faults, "PydanticCustomError", note(faults.PydanticCustomError))


@one_process
@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("number", range(len(PLANTS)), ids=lambda number: named(PLANTS[number]))
def test_a_planted_fault_is_named_with_line_column_path_and_text(
    workspace: Path, number: int
) -> None:
    fault = PLANTS[number]
    plant(workspace, fault)
    problems = validate(workspace)
    RAN.add(number)
    assert [str(problem) for problem in problems] == fault["said"]
    assert fault["rule"] in {problem.rule for problem in problems}


def places_written() -> set[tuple[str, int, int]]:
    """File, first and last line of every call in the source that makes a problem of a rule.

    `reading` only keeps the rule for the call in its own body.
    """
    found = set()
    for path in LANGUAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and rules_of(call) and called(call) != "reading":
                found.add((str(path), call.lineno, call.end_lineno or call.lineno))
    return found


@one_process
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("recorded")
def test_every_place_that_makes_a_problem_is_reached_by_a_planted_fault(workspace: Path) -> None:
    """Taking any one of them out changes what is said of some planted fault."""
    for number in set(range(len(PLANTS))) - RAN:  # none when the whole file runs
        folder = workspace.with_name(f"planted-{number}")
        shutil.copytree(workspace, folder)
        plant(folder, PLANTS[number])
        validate(folder)
    missed = [
        f"{Path(file).name}:{first}"
        for file, first, last in sorted(places_written())
        if not any(name == file and first <= line <= last for name, line in REACHED)
    ]
    assert missed == []


@pytest.mark.parametrize("folder", [STARTER, PLAIN], ids=lambda folder: folder.name)
def test_a_whole_workspace_has_no_problems_and_takes_few_calls(folder: Path) -> None:
    """Calls cost the same on every machine; so many take a fifth of a second."""
    assert validate(folder) == []  # and all that is made once is made
    profile = Profile()
    profile.runcall(validate, folder)
    assert sum(entry.callcount for entry in profile.getstats()) < 900_000


def test_no_rule_is_without_a_planted_fault() -> None:
    assert {fault["rule"] for fault in PLANTS} == set(RULES)


NAMES_A_RULE = {"fault": 0, "Fault": 0, "reading": 0, "add": 1, "problem": 1, "note": 1, "stop": 1}
"""Where the calls that make a problem take the name of its rule."""


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def rules_of(call: ast.Call) -> set[str]:
    """The rules a call names, mostly one or none."""
    name = called(call)
    candidates: list[ast.expr] = [word.value for word in call.keywords if word.arg == "rule"]
    place = 2 if name == "_problem" else NAMES_A_RULE.get(name)
    if place is not None and len(call.args) > place:
        candidates.append(call.args[place])
    return {
        node.value
        for node in candidates
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_rule_in_the_source_is_listed() -> None:
    used: set[str] = set()
    for path in LANGUAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used |= {
            rule for call in ast.walk(tree) if isinstance(call, ast.Call) for rule in rules_of(call)
        }
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


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The places in their texts at which the YAML scanner went for another token."""
    places: list[int] = []
    fetch = Scanner.fetch_more_tokens

    def noting(scanner: Scanner) -> Any:
        places.append(scanner.reader.index)
        return fetch(scanner)

    monkeypatch.setattr(Scanner, "fetch_more_tokens", noting)
    return places


FEW = 4_000
"""Tokens: the starter workspace has 1,830, and a key may be 1,024 characters long."""


@pytest.mark.parametrize(
    ("data", "rule", "most"),
    [
        (b"a: " + b"x" * (10 * 1024 * 1024), "too-large", FEW),
        (b"[" * 100_000, "too-large", FEW),
        (b"{" * 100_000, "too-large", FEW),
        (b"- " * 100_000, "too-large", FEW),
        (b"x: |\n" + b" y\n" * 1_000_000, "too-large", FEW),
        (b"[" + b"1," * 1_000_000 + b"]", "too-large", 2 * MOST_VALUES + FEW),
        (b"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "yaml-anchor", FEW),
        (b"\x00\x01\x02", "bad-character", FEW),
        (b"\xff\xfe\x00", "not-utf-8", FEW),
        (b'a: "\\UFFFFFFFF"', "yaml-syntax", FEW),
        (b'a: "\\ud800"', "bad-character", FEW),
        (b"? [a, b]\n: c\n", "yaml-syntax", FEW),
        (b"%YAML 1.1\n---\na: 1\n", "yaml-syntax", FEW),
        (b"!!python/object:os.system x\n", "yaml-tag", FEW),
        (b"", "yaml-syntax", FEW),
    ],
)
def test_hostile_bytes_are_a_problem_and_little_of_them_is_read(
    workspace: Path, scanned: list[int], data: bytes, rule: str, most: int
) -> None:
    assert len(data) < 20 * MOST_BYTES
    (workspace / "sequences/hostile.yaml").write_bytes(data)
    found = {problem.rule for problem in validate(workspace) if "hostile" in problem.file}
    assert rule in found
    assert len(scanned) < most


def test_a_subject_is_tried_as_the_text_it_is(workspace: Path) -> None:
    """Links belong to the body: in a subject such a thing is mere text."""
    page = workspace / "templates" / "welcome.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text.replace('subject: "', 'subject: \'<a href="x"> ', 1).replace(
            'one week"\n', "one week'\n", 1
        ),
        encoding="utf-8",
    )
    assert validate(workspace) == []
