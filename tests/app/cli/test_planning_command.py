"""`nurture plan`, `apply --plan` and `rollback`, as somebody types them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.app.cli.conftest import document, invoke, ledger_of

TRIAL = "sequences/trial-welcome.yaml"
Edit = Callable[[str, str], None]


@pytest.fixture
def folder(played: Path, tmp_path: Path) -> Path:
    """A copy of the played workspace with ann in the trial's first wait, everything applied."""
    copy = tmp_path / "company"
    shutil.copytree(played, copy)
    ledger = ledger_of(copy)
    definition = table_of(t.Definition).c
    with ledger.begin() as session:
        trial = session.execute(
            select(definition.id).where(definition.name == "trial-welcome", definition.active)
        ).scalar_one()
        lead = session.execute(select(table_of(t.Lead).c.id)).scalars().first()
        assert lead is not None
        at = session.get_one(t.Definition, trial).applied_at
        session.add(
            t.Enrolment(
                lead_id=lead, sequence="trial-welcome", definition_id=trial, stage="awareness",
                position=4, due_at=at, entered_at=at, step_at=at,
                path="trial-welcome/awareness/3",
            )
        )  # fmt: skip
    ledger.close()
    return copy


@pytest.fixture
def edit(folder: Path) -> Edit:
    def change(old: str, new: str) -> None:
        file = folder / TRIAL
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def where(folder: Path) -> list[tuple[int, str]]:
    """Version and path of everybody in the trial."""
    enrolment, definition = (table_of(model).c for model in (t.Enrolment, t.Definition))
    ledger = ledger_of(folder)
    with ledger.looking() as session:
        found = session.execute(
            select(definition.version, enrolment.path).where(
                definition.id == enrolment.definition_id, definition.name == "trial-welcome"
            )
        ).all()
    ledger.close()
    return [(version, path) for version, path in found]


def test_a_plan_shows_what_changes_and_who_is_there_and_changes_nothing(
    folder: Path, edit: Edit
) -> None:
    assert invoke("plan", "-w", folder).stdout == (
        "Nothing to apply: everything is in force already.\n"
    )
    edit("- wait: 2 days", "- wait: 3 days")
    edit("exit:\n", "edits: {enrolled: move}\nexit:\n")
    wait = "trial-welcome/awareness/3"
    for _ in range(2):
        told = invoke("plan", "-w", folder)
        assert told.exit_code == 0
        assert told.stdout.splitlines() == [
            "~ sequence trial-welcome: version 1 → 2",
            "    + edits: {enrolled: move}",
            "    ~ trial-welcome/awareness/3: Wait 2 days → Wait 3 days",
            "    leads on their way:",
            f"          1 of version 1 at {wait} (wait:2 days#1): go to {wait}, the same step",
        ]
    assert where(folder) == [(1, "trial-welcome/awareness/3")]
    assert invoke("apply", "-w", folder).exit_code == 0
    assert where(folder) == [(2, "trial-welcome/awareness/3")]


def test_machines_tell_by_the_exit_code_whether_anything_would_change(
    folder: Path, edit: Edit
) -> None:
    asked = ("plan", "--detailed-exitcode", "--json", "-w", folder)
    assert invoke(*asked).exit_code == 0
    edit("- wait: 2 days", "- wait: 3 days")
    told = invoke(*asked)
    assert told.exit_code == 3
    (change,) = document(told)["changes"]
    assert (change["status"], change["before"], change["version"]) == ("changed", 1, 2)
    assert change["moves"][0]["way"] == "stay"
    edit("- wait: 3 days", "- wait: 3 dayz")
    told = invoke(*asked)
    assert told.exit_code == 1
    assert document(told)["problems"]


def test_a_plan_that_is_no_longer_true_is_not_applied(
    folder: Path, edit: Edit, tmp_path: Path
) -> None:
    kept = tmp_path / "plan.json"
    edit("- wait: 2 days", "- wait: 3 days")
    assert invoke("plan", "-o", kept, "-w", folder).exit_code == 0
    edit("- wait: 3 days", "- wait: 4 days")
    told = invoke("apply", "--plan", kept, "-w", folder)
    assert told.exit_code == 1
    assert "The plan is no longer true" in told.stderr
    assert document(invoke("plan", "--json", "-w", folder))["changes"][0]["version"] == 2
    edit("- wait: 4 days", "- wait: 3 days")
    assert invoke("apply", "--plan", kept, "-w", folder).exit_code == 0
    told = invoke("apply", "--plan", kept, "-w", folder)
    assert told.exit_code == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\xff", '{"mark'])
def test_a_file_that_is_no_plan_is_said_to_be_none(folder: Path, tmp_path: Path, text: str) -> None:
    kept = tmp_path / "plan.json"
    kept.write_bytes(text.encode("latin-1"))
    told = invoke("apply", "--plan", kept, "-w", folder)
    assert told.exit_code == 1
    assert "plan.json is no plan: it was not written by" in told.stderr
    assert "No such file" in invoke("apply", "--plan", tmp_path / "no", "-w", folder).stderr


def test_a_workspace_that_was_never_applied_can_be_planned(tmp_path: Path) -> None:
    assert invoke("init", tmp_path / "new").exit_code == 0
    shutil.rmtree(tmp_path / "new" / ".nurture")
    told = document(invoke("plan", "--json", "-w", tmp_path / "new"))
    assert {each["status"] for each in told["changes"]} == {"new"}
    assert len(told["changes"]) > 10


def test_a_rollback_puts_the_file_back_and_the_leads(folder: Path, edit: Edit) -> None:
    before = (folder / TRIAL).read_text(encoding="utf-8")
    edit("- wait: 2 days", "- wait: 3 days")
    edit("exit:\n", "edits: {enrolled: move}\nexit:\n")
    assert invoke("apply", "-w", folder).exit_code == 0
    told = invoke("rollback", "trial-welcome", "-w", folder)
    assert told.exit_code == 0
    assert told.stdout.endswith(f"{TRIAL} holds version 1 again, and it is in force.\n")
    written = (folder / TRIAL).read_text(encoding="utf-8")
    assert written.replace("\nedits: {enrolled: move, reason: rolled back}\n", "") == before
    assert where(folder) == [(3, "trial-welcome/awareness/3")]
    assert invoke("plan", "--detailed-exitcode", "-w", folder).exit_code == 0
    told = invoke("rollback", "trial-welcome", "--to", "2", "--stay", "--json", "-w", folder)
    assert json.loads(told.stdout)["restored"] == 2
    assert where(folder) == [(3, "trial-welcome/awareness/3")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trial-welcome"], "trial-welcome has no version before 1"),
        (["trial-welcome", "--to", "7"], "There is no version 7 of trial-welcome"),
        (["trial-welcom"], 'Nearest: trial-welcome'),
    ],
)
def test_what_cannot_be_rolled_back_is_said(folder: Path, words: list[str], said: str) -> None:
    before = (folder / TRIAL).read_bytes()
    told = invoke("rollback", *words, "-w", folder)
    assert told.exit_code == 1
    assert said in told.stderr
    assert (folder / TRIAL).read_bytes() == before


def test_nothing_is_rolled_back_over_changes_that_were_never_applied(
    folder: Path, edit: Edit
) -> None:
    edit("- wait: 2 days", "- wait: 3 days")
    assert invoke("apply", "-w", folder).exit_code == 0
    edit("- wait: 3 days", "- wait: 4 days")
    told = invoke("rollback", "trial-welcome", "-w", folder)
    assert told.exit_code == 1
    assert "holds changes that are not in force" in told.stderr


def test_a_version_that_fits_no_more_leaves_the_file_as_it_was(folder: Path, edit: Edit) -> None:
    edit("  - {when: {event: trial_cancelled}, reason: cancelled the trial}\n", "")
    for name, new in (("nurture", "invited]"), ("scoring", "event: plan_imported")):
        file = folder / f"{name}.yaml"
        old = re.compile("event: trial_cancelled|invited, trial_cancelled]")
        file.write_text(old.sub(new, file.read_text()))
    assert invoke("apply", "-w", folder).exit_code == 0
    before = (folder / TRIAL).read_bytes()
    told = invoke("rollback", "trial-welcome", "-w", folder)
    assert told.exit_code == 1
    assert "Version 1 of trial-welcome cannot be applied any more" in told.stderr
    assert (folder / TRIAL).read_bytes() == before
