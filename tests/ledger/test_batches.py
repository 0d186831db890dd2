"""The working set: replaced whole, and never larger than what is in it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import Insert, column, false, literal, select, text

from nurture.ledger.engine import Ledger
from nurture.ledger.statements import batches

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


def test_what_an_undone_transaction_took_out_is_taken_out_again(ledger: Ledger) -> None:
    def one(number: int) -> Insert:
        return batches.filling(select(literal(number).label("i"), literal(number).label("j")))

    nothing = batches.filling(select(literal(1), literal(1)).where(false()))
    with ledger.begin() as session:
        batches.fill(session, one(1))
    with suppress(ZeroDivisionError), ledger.begin() as session:
        assert batches.fill(session, nothing) == 0
        raise ZeroDivisionError
    with ledger.looking() as session:
        assert batches.fill(session, nothing) == 0
    with ledger.begin() as session:
        assert batches.fill(session, one(1)) == 1
        with suppress(ZeroDivisionError), session.begin_nested():
            assert batches.fill(session, nothing) == 0
            raise ZeroDivisionError
        assert batches.fill(session, one(2)) == 1
        assert session.execute(select(batches.batch.c.id)).scalars().all() == [2]
