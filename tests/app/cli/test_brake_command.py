"""`nurture brake`: what is held is shown, let go, or dropped with a reason."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.app.cli.conftest import NOW, Run, document, ledger_of


def hold(folder: Path, *leads: int) -> None:
    ledger = ledger_of(folder)
    with ledger.begin() as session:
        rows = [
            {"lead_id": lead, "cause": "threshold:import", "opened_at": NOW, "brake": "held",
             "reason": "90 points"}
            for lead in leads
        ]  # fmt: skip
        session.execute(insert(table_of(t.Episode)), rows)
    ledger.close()


def test_what_is_held_is_shown_released_and_dropped(folder: Path, run: Run) -> None:
    assert run("brake", "show").stdout == "The brake holds nothing.\n"
    assert run("brake", "release").stdout == "The brake holds nothing.\n"
    hold(folder, 1, 2, 3)
    shown = run("brake", "show")
    assert "threshold:import     3  2026-03-02 10:00" in shown.stdout
    assert "it holds 3 handoffs" in run("doctor").stdout
    released = run("brake", "release", "--at-most", "1", "--json")
    assert document(released) == {"released": 1}
    refused = run("brake", "drop", " ")
    assert refused.exit_code == 1
    assert "Say in a few words why" in refused.stderr
    dropped = run("brake", "drop", "the import was wrong")
    assert dropped.stdout == "2 handoffs that were held are dropped.\n"
    assert document(run("brake", "show", "--json")) == {"held": 0, "causes": []}
