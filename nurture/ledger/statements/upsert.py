"""`INSERT … ON CONFLICT`: the one helper behind every idempotent write.

Unique keys make a repeated pass a no-op; asking `NOT EXISTS` of the table being filled would be
quadratic on PostgreSQL while that table is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Select, Table, bindparam, insert, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from nurture.ledger.statements.changed import changed

Rows = Sequence[Mapping[str, Any]]


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a model: statements on sets are written on it, not on the class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _insert(session: Session, model: type[SQLModel]) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table_of(model))


def insert_new(model: type[SQLModel], columns: Sequence[str], rows: Select[Any]) -> Insert:
    """Insert the rows of a query; those whose unique key exists already are left as they are.

    Executed, its `rowcount` is the number of rows that are new.
    """
    return _insert_or(model, columns, rows, "DO NOTHING")


def upsert_from(
    model: type[SQLModel], key: Sequence[str], columns: Sequence[str], rows: Select[Any]
) -> Insert:
    """Insert the rows of a query, or overwrite the other columns of the row with the same `key`."""
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    unique = ", ".join(f'"{name}"' for name in key)
    return _insert_or(model, columns, rows, f"({unique}) DO UPDATE SET {changed}")


def _insert_or(
    model: type[SQLModel], columns: Sequence[str], rows: Select[Any], act: str
) -> Insert:
    """`INSERT … SELECT … ON CONFLICT act`, written as a suffix of the query.

    The dialects' own `on_conflict_…` has no cache key: each pass would compile each of its
    statements anew at every tick, which costs more than running them.  (SQLite wants a WHERE
    before ON CONFLICT.)
    """
    ending = rows.where(true()).suffix_with(text(f"ON CONFLICT {act}"))
    return insert(table_of(model)).from_select(list(columns), ending)


def insert_new_values(session: Session, model: type[SQLModel], rows: Rows) -> int:
    """Insert given rows (imports, settings: never a pass); existing keys are left as they are."""
    if not rows:
        return 0
    if len(rows) == 1:
        return changed(session, _new_one(model, tuple(rows[0])), rows[0])
    statement = _insert(session, model).values(list(rows)).on_conflict_do_nothing()
    return changed(session, statement)


def upsert_values(
    session: Session, model: type[SQLModel], key: Sequence[str], rows: Rows
) -> None:
    """Insert given rows, or overwrite every other column of the row with the same `key`."""
    if not rows:
        return
    if len(rows) == 1 and len(rows[0]) > len(key):
        changed(session, _upserted_one(model, tuple(key), tuple(rows[0])), rows[0])
        return
    statement = _insert(session, model).values(list(rows))
    others = {name: statement.excluded[name] for name in rows[0] if name not in key}
    if others:
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=others)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    session.execute(statement)


@lru_cache(maxsize=100)
def _new_one(model: type[SQLModel], columns: tuple[str, ...]) -> Insert:
    """The statement for one given row, compiled once: several are written anew for every number."""
    return insert_new(model, columns, _given(model, columns))


@lru_cache(maxsize=100)
def _upserted_one(
    model: type[SQLModel], key: tuple[str, ...], columns: tuple[str, ...]
) -> Insert:
    return upsert_from(model, key, columns, _given(model, columns))


def _given(model: type[SQLModel], columns: Sequence[str]) -> Select[Any]:
    table = table_of(model).c
    return select(*(bindparam(name, type_=table[name].type) for name in columns))
