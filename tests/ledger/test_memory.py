"""A ledger in memory: gone at the end, and put back to what it was as often as needed."""

from __future__ import annotations

from sqlalchemy import func, select, text

from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.copies.memory import open_memory, take_image
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import make_lead


def leads(ledger: Ledger) -> int:
    with ledger.looking() as session:
        return int(session.execute(select(func.count()).select_from(t.Lead)).scalar_one())


def test_an_image_is_put_back_again_and_again_with_the_numbers_that_follow() -> None:
    with open_memory() as ledger:
        with ledger.begin() as session:
            make_lead(session, "ann@example.test")
        image = take_image(ledger)
        for _ in range(3):
            with ledger.begin() as session:
                assert make_lead(session, "ben@example.test").id == 2
            assert leads(ledger) == 2
            image.put_back()
            assert leads(ledger) == 1
        image.close()


def test_it_has_this_programs_tables_and_is_gone_at_the_end() -> None:
    with open_memory() as ledger:
        schema.check(ledger)
        with ledger.begin() as session:
            make_lead(session)
    with open_memory() as ledger:
        assert leads(ledger) == 0


def test_it_plans_for_a_large_ledger_from_its_first_row_on() -> None:
    """Its one connection made the tables: it has to be told what the others read when opened."""
    query = (
        "EXPLAIN QUERY PLAN SELECT id FROM enrolment"
        " WHERE definition_id = 1 AND state = 'active' AND watch_at <= 5"
    )
    with open_memory() as ledger, ledger.looking() as session:
        (step,) = session.execute(text(query))
        assert "USING INDEX enrolment_watch" in step[3]
