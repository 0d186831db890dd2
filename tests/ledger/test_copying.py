"""The people of a ledger copied into one in memory: who they are and what they allow, no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.copies import copying
from nurture.ledger.copies.copying import copy_people
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.engine import Ledger
from nurture.ledger.intake import leads
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import count_waiting

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def rows(session: Session, model: Any) -> list[dict[str, Any]]:
    table = table_of(model)
    found = session.execute(select(table).order_by(*table.primary_key)).mappings()
    return [dict(row) for row in found]


def test_leads_tags_consent_and_suppressions_come_along(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGE", 2)
    said: dict[str, Any] = {"now": NOW, "reason": "told us"}
    people = [
        leads.read_lead(
            {"email": f"lead{n}@example.test", "timezone": "Europe/Paris", "tags": "fair, vip"},
            {"employees": n, "known": True, "note": "ä"},
        )
        for n in range(5)
    ]
    with ledger.begin() as session:
        leads.put_leads(session, people, now=NOW)
        numbers = [row["id"] for row in rows(session, t.Lead)]
        leads.opt_out(session, numbers[0], "news", **said)
        leads.opt_out(session, numbers[1], None, **said)
        session.get_one(t.Lead, numbers[2]).behaviour = 30.0
    with ledger.looking() as source, open_memory() as memory:
        with memory.begin() as target:
            assert copy_people(source, target) == 5
        with memory.looking() as target:
            for model in (t.LeadTag, t.Consent, t.Suppression):
                assert rows(target, model) == rows(source, model) != []
            theirs = [row | {"behaviour": 0.0} for row in rows(source, t.Lead)]
            assert rows(target, t.Lead) == theirs, "but the points of their history"
            assert rows(target, t.Change) == []
            assert count_waiting(target) == 5
