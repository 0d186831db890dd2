"""The migrations make exactly the tables the models describe."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from nurture.ledger import schema
from nurture.ledger.engine import Ledger, open_ledger
from nurture.ledger.errors import LedgerError, SchemaOutdated
from nurture.ledger.migrations import rewrite
from tests.fixtures_ledger import make_lead


def test_migrated_tables_are_the_models_tables(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == []


def test_partial_indexes_keep_their_condition(ledger: Ledger) -> None:
    dialect = ledger.dialect
    found = {}
    with ledger.engine.connect() as connection:
        inspector = inspect(connection)
        for table in SQLModel.metadata.tables:
            for index in inspector.get_indexes(table):
                where = index.get("dialect_options", {}).get(f"{dialect}_where")
                found[index["name"]] = _plain(str(where)) if where is not None else None
    for table in SQLModel.metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options[dialect]["where"]
            wanted = _plain(str(where)) if where is not None else None
            assert found[index.name] == wanted, index.name


SPELLING = {"in", "any", "array", "text", "character", "varying"}


def _plain(condition: str) -> list[str]:
    """The names and values of a condition, without what PostgreSQL adds when it reads one."""
    return [word for word in re.findall(r"\w+", condition) if word.lower() not in SPELLING]


LATER = {
    "arrival", "webhook_call", "echo", "split_look", "post", "channel", "digest", "restatement",
    "sign_in", "web_session", "follow_up", "idempotency_key", "crm", "crm_mark", "crm_record",
    "crm_change",
}  # fmt: skip
"""Tables of later revisions."""


def test_revision_0001_is_what_the_models_say_today(tmp_path: Path) -> None:
    written = "".join(rewrite.parts())
    shipped = {name.__name__ for name in _tables()}
    assert shipped == set(SQLModel.metadata.tables) - LATER
    for table in SQLModel.metadata.sorted_tables:
        assert f"def {table.name}() -> None:" in written
    assert [path.name for path in rewrite.rewrite(tmp_path)][-1] == "__init__.py"


def _tables() -> tuple[object, ...]:
    from nurture.ledger.migrations.first import TABLES

    return TABLES


def test_upgrade_twice_changes_nothing_and_check_is_content(ledger: Ledger) -> None:
    with ledger.begin() as session:
        make_lead(session)
    assert schema.upgrade(ledger) == schema.program_revision()
    schema.check(ledger)
    with ledger.begin() as session:
        assert session.execute(text("SELECT count(*) FROM lead")).scalar() == 1


def test_an_empty_database_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    opened = open_ledger(str(tmp_path / "new.sqlite3"))
    with pytest.raises(SchemaOutdated, match=r"has no tables yet.*Run: nurture db upgrade"):
        schema.check(opened)
    opened.close()


def test_a_newer_ledger_is_refused_by_check_and_upgrade(tmp_path: Path) -> None:
    opened = open_ledger(str(tmp_path / "newer.sqlite3"))
    schema.upgrade(opened)
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match=r"9999.*newer release"):
        schema.check(opened)
    with pytest.raises(SchemaOutdated, match="9999"):
        schema.upgrade(opened)
    opened.close()


def test_a_failed_upgrade_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "half.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE touch (id INTEGER)")  # the last table is in the way
    connection.close()
    opened = open_ledger(str(path))
    with pytest.raises(LedgerError, match=r"touch.*Nothing was changed"):
        schema.upgrade(opened)
    assert inspect(opened.engine).get_table_names() == ["touch"]
    opened.close()


def test_a_percent_sign_in_the_folder_is_no_interpolation(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("/srv/100%/migrations")
    monkeypatch.setattr(schema, "SCRIPTS", folder)
    assert schema.config().get_main_option("script_location") == str(folder)
