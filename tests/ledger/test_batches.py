"""The working set: replaced whole, and never larger than what is in it."""

from __future__ import annotations

import pytest
from sqlalchemy import column, select, text

from nurture.ledger import batches
from nurture.ledger.engine import Ledger

ROWS = 100


def test_what_was_in_it_before_takes_no_room(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SIZE", ROWS)
    numbers = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
        "SELECT i, i AS j FROM n"
    ).columns(column("i"), column("j"))
    rows = select(numbers.subquery())
    for _ in range(30):
        with ledger.begin() as session:
            assert batches.fill(session, batches.filling(rows)) == ROWS
    with ledger.begin() as session:
        assert batches.fill(session, batches.filling(rows.limit(3))) == 3
        assert session.execute(text("SELECT count(*) FROM batch")).scalar_one() == 3
        if ledger.dialect == "postgresql":
            pages = text("SELECT pg_relation_size('batch') / 8192")
            assert session.execute(pages).scalar_one() <= 3
