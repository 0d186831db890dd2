"""What an upgrade does to rows that are there already."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import text

from nurture.ledger import schema
from nurture.ledger.engine import Ledger, open_ledger


def to(ledger: Ledger, revision: str, *, back: bool = False) -> None:
    with ledger.engine.begin() as connection:
        made = schema.config()
        made.attributes["connection"] = connection
        (command.downgrade if back else command.upgrade)(made, revision)


def test_reps_take_leads_after_an_upgrade_without_a_new_apply(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    to(ledger, "0009")
    with ledger.begin() as session:
        session.execute(
            text("INSERT INTO rep (rep, hours, room, active) VALUES ('bo', 'office 1f', 9, true)")
        )
    schema.upgrade(ledger)
    with ledger.begin() as session:
        asked = "SELECT duty, room, weight, per_day, paused_at FROM rep"
        assert session.execute(text(asked)).one() == ("office 1f", 9, 1, None, None)
    to(ledger, "0009", back=True)
    with ledger.begin() as session:
        assert session.execute(text("SELECT hours, room FROM rep")).one() == ("office 1f", 9)
    ledger.close()
