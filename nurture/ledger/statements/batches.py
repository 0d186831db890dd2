"""The working set of a pass: a temporary table of at most 20,000 rows a transaction.

A pass over many leads first puts the rows it will change into `batch`, then lets every statement
join it: the set is decided once, on PostgreSQL with the rows locked, and a step with many arms
moves each row by exactly one of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Insert,
    MetaData,
    Select,
    Table,
    delete,
    event,
    insert,
)
from sqlmodel import Session

from nurture.ledger.statements.changed import changed

SIZE = 20_000
"""Leads a transaction: a writer must never hold SQLite for long."""
_DEAD = "dead rows of batch"
_FILLED = "rows in batch"
"""Whether a connection's transactions left some there; not known after one that was undone."""

batch = Table(
    "batch",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("lead_id", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)
"""`id`: the row worked on (an enrolment, a message …); `lead_id`: whose it is."""

_TABLE = "CREATE TEMPORARY TABLE IF NOT EXISTS batch (id BIGINT PRIMARY KEY, lead_id BIGINT)"
_CREATE = {
    "postgresql": (
        _TABLE,
        # PostgreSQL has no statistics of a temporary table: without an index a join by lead is a
        # nested loop over it.
        "CREATE INDEX IF NOT EXISTS batch_lead ON batch (lead_id)",
    ),
    # SQLite takes any table for large: told that this one is small, it begins with it instead of
    # looking up every lead in it.
    "sqlite": (
        _TABLE,
        "INSERT INTO batch VALUES (1, 1)",
        "ANALYZE temp.batch",
        "UPDATE temp.sqlite_stat1 SET stat = '200 1'",
        "DELETE FROM batch",
        "ANALYZE temp.sqlite_schema",
    ),
}


def attach(engine: Engine) -> None:
    """Give every new connection of the engine its `batch` table."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "checkout", _bury)

    notice_undone(engine)

    @event.listens_for(engine, "connect")
    def _create(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in _CREATE[engine.dialect.name]:
            cursor.execute(statement)
        cursor.close()
        connection.commit()


_EMPTY = delete(batch)


def filling(rows: Select[Any]) -> Insert:
    """Put the (id, lead_id) rows of a query into the working set.

    The query must be ordered and limited by the caller (`SIZE`) and, on PostgreSQL, lock what it
    reads (`with_for_update(skip_locked=True, of=…)` compiles to nothing on SQLite).
    """
    return insert(batch).from_select(["id", "lead_id"], rows)


def fill(session: Session, rows: Insert, **asked: Any) -> int:
    """Replace the working set by `rows` (`filling`); returns how many there are.

    `asked` are the values of the query's parameters.
    """
    info = session.connection().info
    if info.get(_FILLED, True):
        info[_DEAD] = info.get(_DEAD, 0) + changed(session, _EMPTY)
    info[_FILLED] = True  # should the query fail
    count = changed(session, rows, asked)
    info[_FILLED] = count > 0
    return count


def notice_undone(engine: Engine) -> None:
    """Hear of the engine's transactions that are undone: whoever looks only is among them."""
    event.listen(engine, "rollback", _undone)
    event.listen(engine, "rollback_savepoint", _undone)


def _undone(connection: Connection, *_savepoint: Any) -> None:
    """What a transaction took out is there again, unless its connection is gone."""
    if not connection.invalidated:
        connection.info[_FILLED] = True


def _bury(connection: Any, record: Any, _proxy: Any) -> None:
    """Give the room of dead rows back before a connection's next transaction, once they are many.

    Nobody vacuums PostgreSQL's temporary tables: they would be walked past for ever.
    """
    if record.info.get(_DEAD, 0) >= SIZE // 2:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE batch")
        connection.commit()
        record.info[_DEAD] = 0
