"""Many given rows into one table, in one statement, past the costs of a row-by-row binding.

For what comes from outside in crowds: engagements and imports.  Passes move rows with
INSERT … SELECT and have no rows to give.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    Table,
    bindparam,
    cast,
    create_mock_engine,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import JSON, Text, TypeEngine
from sqlmodel import Session, SQLModel

from nurture.ledger.statements import upsert

Rows = Sequence[tuple[Any, ...]]
"""Values as they are stored: instants as microseconds, documents as JSON text."""

_SQLITE = create_mock_engine("sqlite://", lambda *_: None).dialect


def document(value: Any) -> str:
    """A JSON value as it is stored."""
    return to_json(value).decode()


def insert_once(
    session: Session, model: type[SQLModel], columns: Sequence[str], rows: Rows
) -> tuple[int, int]:
    """Insert the rows whose unique keys are free; the others are left as they are.

    Returns the table's highest number before and the number of rows that are new.  On SQLite, with
    its one writer, and on PostgreSQL behind a lock, the new rows are those numbered higher.
    """
    table = _table(model)
    before = int(session.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
    if not rows:
        return before, 0
    if _on_postgres(session):
        statement = _unnest(model, tuple(columns))
        result = session.execute(statement, _arrays(columns, rows))
    else:
        connection = session.connection()
        result = connection.exec_driver_sql(_values(model, tuple(columns)), list(rows))
    return before, int(result.rowcount)  # type: ignore[attr-defined]


def insert_returning(
    session: Session,
    model: type[SQLModel],
    columns: Sequence[str],
    rows: Rows,
    wanted: Sequence[str],
) -> list[tuple[Any, ...]]:
    """Like `insert_once`; returns the `wanted` columns of exactly the rows that are new."""
    table = _table(model)
    picked = [table.c[name] for name in wanted]
    if rows and _on_postgres(session):
        statement = _unnest(model, tuple(columns)).returning(*picked)
        return [tuple(row) for row in session.execute(statement, _arrays(columns, rows))]
    before, count = insert_once(session, model, columns, rows)
    if not count:
        return []
    names = ", ".join(f'"{name}"' for name in wanted)
    query = f'SELECT {names} FROM "{table.name}" WHERE id > ?'  # noqa: S608 - our own names
    return fetched(session, query, (before,))


def insert_all(session: Session, model: type[SQLModel], columns: Sequence[str], rows: Rows) -> None:
    """Like `insert_once` for a table whose numbers nobody asks for, or that has none."""
    if not rows:
        return
    if _on_postgres(session):
        session.execute(_unnest(model, tuple(columns)), _arrays(columns, rows))
    else:
        session.connection().exec_driver_sql(_values(model, tuple(columns)), list(rows))


def numbers_of(
    session: Session, model: type[SQLModel], column: str, values: Collection[str]
) -> dict[str, int]:
    """Which row has which of these values in a unique text column: value → its number.

    The values are one parameter, however many: an IN-list is written anew for every length.
    """
    if not values:
        return {}
    table = _table(model)
    if _on_postgres(session):
        given = cast(bindparam("given", list(values)), ARRAY(Text()))
        found = session.execute(
            select(table.c[column], table.c.id).where(table.c[column] == func.any(given))
        )
        return {row[0]: row[1] for row in found}
    query = (
        f'SELECT "{column}", id FROM "{table.name}" '  # noqa: S608 - our own names
        f'WHERE "{column}" IN (SELECT value FROM json_each(?))'
    )
    return dict(fetched(session, query, (document(list(values)),)))


def fetched(session: Session, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of a query to SQLite as the driver gives them, past a row object for each."""
    result = session.connection().exec_driver_sql(query, values)
    cursor = result.cursor
    assert cursor is not None
    rows = list(cursor.fetchall())
    result.close()
    return rows


def _on_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _table(model: type[SQLModel]) -> Table:
    table = upsert.table_of(model)
    assert isinstance(table, Table)
    return table


@lru_cache(maxsize=100)
def _values(model: type[SQLModel], columns: tuple[str, ...]) -> str:
    """The statement for SQLite, for `executemany` with tuples in the order of the columns."""
    statement = sqlite.insert(_table(model)).on_conflict_do_nothing()
    return str(statement.compile(dialect=_SQLITE, column_keys=_in_table_order(model, columns)))


def _in_table_order(model: type[SQLModel], columns: tuple[str, ...]) -> list[str]:
    """The compiler writes columns in the table's order: so must the caller give them."""
    ordered = [column.name for column in _table(model).columns if column.name in columns]
    assert ordered == list(columns), f"give the columns in the table's order: {ordered}"
    return ordered


@lru_cache(maxsize=100)
def _unnest(model: type[SQLModel], columns: tuple[str, ...]) -> Any:
    """The statement for PostgreSQL: one array a column, unnested side by side."""
    table = _table(model)
    stored = {name: _stored(table.c[name]) for name in columns}
    arrays = [
        bindparam(name, type_=ARRAY(Text() if _is_json(stored[name]) else stored[name]))
        for name in columns
    ]
    given = func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    picked = [
        cast(given.c[name], JSONB()) if _is_json(stored[name]) else given.c[name]
        for name in columns
    ]
    source = select(*picked)
    return postgresql.insert(table).from_select(list(columns), source).on_conflict_do_nothing()


def _stored(column: Column[Any]) -> TypeEngine[Any]:
    """The plain type behind a column's own."""
    for kind in (BigInteger, Integer, Float, Boolean, JSON):
        if isinstance(getattr(column.type, "impl", column.type), kind):
            return kind()
    return Text()


def _is_json(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, JSON)


def _arrays(columns: Sequence[str], rows: Rows) -> dict[str, list[Any]]:
    return {
        name: list(values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)
    }
