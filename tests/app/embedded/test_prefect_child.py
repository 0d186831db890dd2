"""How a new Prefect server comes to its tables."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from app.embedded.prefect_child import SQLITE, lay_out


@pytest.fixture
def migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The databases Prefect's migrations were run on; they make one table."""
    done: list[Path] = []

    def upgrade() -> None:
        done.append(tmp_path / f"home{len(done) + 1}" / "prefect.db")
        done[-1].parent.mkdir()
        with closing(sqlite3.connect(done[-1])) as database:
            database.execute("CREATE TABLE flow_run (id)")

    commands = ModuleType("alembic_commands")
    commands.alembic_upgrade = upgrade  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "prefect.server.database.alembic_commands", commands)
    return done


def tables(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as opened:
        return [name for (name,) in opened.execute("SELECT name FROM sqlite_master")]


def test_the_tables_are_made_once_and_copied_for_the_next(
    tmp_path: Path, migrated: list[Path]
) -> None:
    pattern = tmp_path / "share" / "prefect.db"
    lay_out(f"{SQLITE}{tmp_path}/home1/prefect.db", pattern)
    lay_out(f"{SQLITE}{tmp_path}/home2/prefect.db", pattern)
    assert migrated == [tmp_path / "home1" / "prefect.db"]
    assert tables(pattern) == tables(tmp_path / "home2" / "prefect.db") == ["flow_run"]
    assert [path.name for path in pattern.parent.iterdir()] == ["prefect.db"]


def test_a_database_that_is_there_or_elsewhere_is_left_alone(
    tmp_path: Path, migrated: list[Path]
) -> None:
    there = tmp_path / "prefect.db"
    there.write_bytes(b"somebody's")
    lay_out(f"{SQLITE}{there}", tmp_path / "share" / "prefect.db")
    lay_out("postgresql+asyncpg://db.example.test/prefect", tmp_path / "share" / "prefect.db")
    assert there.read_bytes() == b"somebody's"
    assert not migrated
    assert not (tmp_path / "share").exists()


def test_where_nothing_can_be_kept_every_server_migrates(
    tmp_path: Path, migrated: list[Path]
) -> None:
    (tmp_path / "share").write_text("a file where the folder would be")
    for home in ("home1", "home2"):
        lay_out(f"{SQLITE}{tmp_path}/{home}/prefect.db", tmp_path / "share" / "prefect.db")
    assert len(migrated) == 2
