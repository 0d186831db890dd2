"""`nurture crm …`: how the CRM is, whether it answers, and leads told anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from handoff.crm.keeping import NONE
from handoff.tables import CRM, CRM_CHANGE, CRM_RECORD
from nurture.ledger import tables as t
from tests.app.cli.conftest import NOW, Run, document, ledger_of
from tests.webhooks.conftest import System, answering

SECRET = "whsec_" + "a2" * 22 + "aw=="


@pytest.fixture
def system() -> Iterator[System]:
    made = System(answering("204 No Content"))
    yield made
    made.close()


@pytest.fixture
def applied(folder: Path, run: Run, system: System, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a CRM on this machine, which may be called."""
    monkeypatch.setenv("NURTURE_WEBHOOK_SECRET", SECRET)
    rules, head = folder / "handoff.yaml", folder / "nurture.yaml"
    said = f"\ncrm:\n  system: webhook\n  url: {system.url('/x')}\n  owners: {{bo: 11}}\n"
    rules.write_text(rules.read_text(encoding="utf-8") + said, encoding="utf-8")
    allow = '\nwebhooks: {allow: ["127.0.0.1"]}\n'
    head.write_text(head.read_text(encoding="utf-8") + allow, encoding="utf-8")
    assert run("apply").exit_code == 0
    return folder


def test_without_crm_there_is_none_to_show_or_tell(run: Run) -> None:
    assert run("crm", "show").stdout == f"{NONE}\n"
    assert document(run("crm", "show", "--json")) == {"crm": None}
    for words in (("test",), ("push", "--all"), ("push", "ann@example.test")):
        result = run("crm", *words)
        assert (result.exit_code, "has no crm" in result.stderr) == (1, True)


def test_show_says_what_waits_was_refused_and_whom_nobody_knows(applied: Path, run: Run) -> None:
    ledger = ledger_of(applied)
    with ledger.begin() as session:
        session.add(t.CrmRecord(lead_id=1, state="failed", due_at=NOW, reason="refused: answered"))
        session.add(t.CrmChange(identity="x", at=NOW, said="?", unknown="Zoe \x1b[31m"))
    ledger.close()
    told = run("crm", "show")
    assert told.exit_code == 0
    for part in ("webhook http://127.0.0.1", "1 failed; 1 changed since", "ann@example.test",
                 "refused: answered", "names nobody here has"):  # fmt: skip
        assert part in told.stdout, told.stdout
    assert "push --failed" in told.stderr
    assert "\x1b" not in told.stdout
    found = document(run("crm", "show", "--json"))["crm"]
    assert found["records"] == {"failed": 1}
    assert found["refused"] == [{"lead": "ann@example.test", "reason": "refused: answered"}]
    doctor = run("doctor").stdout
    assert "it refused 1 leads" in doctor
    assert "NURTURE_CRM_SECRET is not set" in doctor
    assert "nobody here is that" in doctor


def test_doctor_says_that_it_is_out_of_order(applied: Path, run: Run) -> None:
    ledger = ledger_of(applied)
    with ledger.begin() as session:
        session.execute(update(CRM).values(down_since=NOW, reason="answered 503"))
        session.execute(CRM_CHANGE.delete())
    ledger.close()
    assert "out of order: answered 503" in run("doctor").stdout
    assert "out of order since" in run("crm", "show").stdout


def test_the_way_is_tried_and_the_exit_code_says_so(
    applied: Path, run: Run, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("crm", "test").stdout == "The CRM answers\n"
    assert b"crm.test" in system.asked[0]
    system.talk = answering("401 Who")
    refused = run("crm", "test", "--json")
    assert refused.exit_code == 1
    assert document(refused) == {"reached": False, "reason": "refused: answered 401"}
    monkeypatch.delenv("NURTURE_WEBHOOK_SECRET")
    result = run("crm", "test")
    assert (result.exit_code, "NURTURE_WEBHOOK_SECRET" in result.stdout) == (1, True)


def test_leads_are_told_anew(applied: Path, run: Run) -> None:
    told = run("crm", "push", "ann@example.test").stdout
    assert told == "The CRM will be told of 1 lead by the next tick.\n"
    assert document(run("crm", "push", "--all", "--json")) == {"leads": 1}
    assert document(run("crm", "push", "--failed", "--json")) == {"leads": 0}
    ledger = ledger_of(applied)
    with ledger.begin() as session:
        session.add(t.CrmRecord(lead_id=1, state="failed", due_at=NOW, digest="x", attempts=3))
    assert document(run("crm", "push", "--failed", "--json")) == {"leads": 1}
    with ledger.begin() as session:
        row = session.execute(CRM_RECORD.select()).one()
    ledger.close()
    assert (row.state, row.digest, row.attempts) == ("due", "", 0)


@pytest.mark.parametrize("words", [(), ("ann@example.test", "--all"), ("--all", "--failed")])
def test_one_of_three_is_to_be_said(run: Run, words: tuple[str, ...]) -> None:
    result = run("crm", "push", *words)
    assert result.exit_code != 0
    assert "Say which" in result.stderr


def test_a_tick_tells_the_crm_and_a_rehearsal_does_not(
    applied: Path, run: Run, system: System
) -> None:
    assert run("tick", "--now", "2026-03-02T09:30Z").exit_code == 0
    assert system.asked == []
    told = run("tick")
    assert told.exit_code == 0, told.output
    assert len(system.asked) == 1
    assert b"nurture-handoff-1" in system.asked[0]
    assert document(run("crm", "show", "--json"))["crm"]["records"] == {"told": 1}
