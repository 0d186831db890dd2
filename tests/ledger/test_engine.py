"""The ledger's engine: pragmas, transactions that lose nothing, instants that are instants."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import col

from nurture.ledger import engine
from nurture.ledger import tables as t
from nurture.ledger.engine import PRAGMAS, Ledger, open_ledger
from nurture.ledger.errors import LedgerError
from tests.fixtures_ledger import NOW, make_lead


def test_sqlite_runs_with_the_pragmas_we_promise(tmp_path: Path) -> None:
    opened = open_ledger(str(tmp_path / "pragmas.sqlite3"))
    with opened.engine.connect() as connection:
        found = {name: str(connection.execute(text(f"PRAGMA {name}")).scalar()) for name in PRAGMAS}
    opened.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": "2",
        "foreign_keys": "1",
        "busy_timeout": "30000",
    }


def test_four_threads_adding_a_hundred_each_make_four_hundred(ledger: Ledger) -> None:
    with ledger.begin() as session:
        made = make_lead(session, behaviour=0.0)
    failed: list[BaseException] = []

    def add() -> None:
        try:
            for _ in range(100):
                with ledger.begin() as session:
                    row = session.execute(
                        select(t.Lead).where(col(t.Lead.id) == made.id).with_for_update()
                    ).scalar_one()
                    row.behaviour += 1
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert failed == []
    with ledger.begin() as session:
        assert session.execute(select(t.Lead.behaviour)).scalar_one() == 400


def test_an_instant_without_a_zone_is_refused_in_rows_and_in_questions(ledger: Ledger) -> None:
    naive = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001
    with pytest.raises(StatementError, match="has no time zone"), ledger.begin() as session:
        make_lead(session, created_at=naive)
    with pytest.raises(StatementError, match="has no time zone"), ledger.begin() as session:
        session.execute(select(t.Lead).where(col(t.Lead.created_at) <= naive))


def test_instants_come_back_in_utc_and_what_is_due_just_now_is_found(ledger: Ledger) -> None:
    berlin = timezone(timedelta(hours=1))
    at = datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=berlin)
    with ledger.begin() as session:
        make_lead(session, created_at=at)
    with ledger.begin() as session:
        found = session.execute(
            select(t.Lead.created_at).where(col(t.Lead.created_at) <= at)
        ).scalar_one()
        assert found == at
        assert found.utcoffset() == timedelta(0)
        later = update(t.Lead).values(updated_at=col(t.Lead.created_at) + timedelta(days=2))
        session.execute(later.execution_options(synchronize_session=False))
        moved, between = session.execute(
            select(t.Lead.updated_at, col(t.Lead.updated_at) - col(t.Lead.created_at))
        ).one()
        assert moved == at + timedelta(days=2)
        assert between == timedelta(days=2)


def add_and_fail(ledger: Ledger) -> None:
    with ledger.begin() as session:
        make_lead(session, "secret@example.test")
        session.execute(text("SELECT :value FROM nowhere"), {"value": "secret@example.test"})


def test_an_error_rolls_everything_back_and_tells_no_values(ledger: Ledger) -> None:
    with pytest.raises(DBAPIError) as caught:
        add_and_fail(ledger)
    assert "secret@example.test" not in str(caught.value)
    with ledger.begin() as session:
        assert session.execute(select(t.Lead)).first() is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/db", "mysql is not a database"),
        ("sqlite:////nowhere/at/all.db", "Cannot open the ledger"),
        ("postgresql://u:secret@127.0.0.1:1/x", "Cannot open the ledger"),
    ],
)
def test_a_ledger_that_cannot_be_opened_says_so_without_the_password(url: str, said: str) -> None:
    with pytest.raises(LedgerError, match=said) as caught:
        open_ledger(url)
    assert "secret" not in str(caught.value)


def test_the_same_statements_are_sent_for_now_on_both_databases(ledger: Ledger) -> None:
    with ledger.begin() as session:
        make_lead(session, scored_at=NOW)
        due = select(t.Lead.id).where(col(t.Lead.scored_at) <= NOW)
        assert len(session.execute(due).all()) == 1


@pytest.mark.postgres
def test_a_connection_that_rested_is_asked_and_made_anew_when_it_died(
    own_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def number(ledger: Ledger) -> int:
        with ledger.begin() as session:
            return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())

    opened = open_ledger(own_postgres_url)
    first = number(opened)
    end = text("SELECT pg_terminate_backend(:number)")
    other = open_ledger(own_postgres_url)
    with other.begin() as session:
        session.execute(end, {"number": first})
    with pytest.raises(DBAPIError):  # just in use, it is not asked
        number(opened)
    second = number(opened)
    monkeypatch.setattr(engine, "RESTED", 0.0)
    assert number(opened) == second
    with other.begin() as session:
        session.execute(end, {"number": second})
    assert number(opened) not in (first, second)
    other.close()
    opened.close()
