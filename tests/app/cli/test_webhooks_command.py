"""`nurture webhooks …`: what became of calls, and failed ones made once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.ledger import tables as t
from tests.app.cli.conftest import NOW, Run, document, ledger_of

STATES = ("failed", "done", "failed")


@pytest.fixture
def folder(folder: Path) -> Path:
    """With three calls of one lead: two that failed, and one that is done."""
    ledger = ledger_of(folder)
    with ledger.begin() as session:
        version = t.Definition(
            kind="sequence", name="calling", version=1, hash="x", source="", applied_at=NOW
        )
        session.add(version)
        session.flush()
        for turn, state in enumerate(STATES, start=1):
            enrolment = t.Enrolment(
                lead_id=1, sequence="calling", definition_id=version.id, turn=turn,
                state="completed", entered_at=NOW, step_at=NOW,
            )  # fmt: skip
            session.add(enrolment)
            session.flush()
            session.add(
                t.WebhookCall(
                    enrolment_id=enrolment.id, lead_id=1, step="webhook:crm#1", name="crm",
                    url="https://crm.example.test/", host="crm.example.test", state=state,
                    reason="answered 503, at the last of 4 tries", attempts=4, planned_at=NOW,
                    due_at=NOW, settled_at=NOW,
                )
            )  # fmt: skip
    ledger.close()
    return folder


def test_one_is_made_once_more_by_its_number(run: Run) -> None:
    result = run("webhooks", "retry", "1")
    assert result.exit_code == 0
    assert result.stdout == "1 call to crm will be made by the next tick.\n"
    found = document(run("webhooks", "list", "--json"))
    assert found["states"] == {"done": 1, "due": 1, "failed": 1}
    assert found["calls"][-1]["reason"] == "asked for once more"
    again = run("webhooks", "retry", "1")
    assert again.exit_code == 1
    assert "Call 1 to crm is under way" in again.stderr


def test_all_of_a_webhook_are_made_once_more_by_its_name(run: Run) -> None:
    assert document(run("webhooks", "retry", "crm", "--json")) == {"webhook": "crm", "calls": 2}
    result = run("webhooks", "retry", "crm")
    assert (result.exit_code, result.stdout) == (0, "No call to crm has failed.\n")


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("2", "Call 2 to crm is done (answered 503, at the last of 4 tries)"),
        ("7", "There is no call 7: nurture webhooks list shows them."),
        ("crn1", "No webhook “crn1” was ever called."),
    ],
)
def test_what_cannot_be_made_once_more_is_said(run: Run, which: str, said: str) -> None:
    result = run("webhooks", "retry", which)
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""
