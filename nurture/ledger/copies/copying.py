"""One ledger in another: its people alone, or everything that was ever known and decided."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlmodel import Session, SQLModel

from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.statements import bulk
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import MICROSECOND, to_micros

PAGE = 20_000
OF_ITS_HISTORY = frozenset(("behaviour", "fit", "scored_at", "look_at"))
"""Columns of a lead that sum up what is not copied."""
PEOPLE: tuple[type[SQLModel], ...] = (t.Lead, t.LeadTag, t.Consent, t.Suppression)
OF_THE_WORLD = frozenset((
    t.Token, t.IdempotencyKey, t.SignIn, t.WebSession, t.Lock, t.Tick, t.Echo,
    t.Crm, t.CrmMark, t.CrmRecord, t.CrmChange,
))  # fmt: skip
"""Tables about who comes in, who is at work and who else is told: they mean nothing in a copy."""
NOT_COPIED = {t.Touch: frozenset(("tick_id",)), t.Message: frozenset(("content",))}
WAITING = ("due", "deferred", "claimed", "handed")


def copy_people(source: Session, target: Session) -> int:
    """Put every lead of `source`, under its number, into the empty ledger of `target`, touched.

    What happened to them, and where they stand in sequences or with sales, stays behind.
    Returns how many.
    """
    for model in PEOPLE:
        _copy(source, target, model, without=OF_ITS_HISTORY)
    ticks.touch_everybody(target)
    return int(target.execute(select(func.count()).select_from(t.Lead)).scalar_one())


def copy_everything(source: Session, target: Session) -> int:
    """Put every row of `source`, under its number, into the empty ledger of `target`.

    Reads one state of the source, whoever writes there meanwhile.  Notices to sales that were
    about to go count as sent: they go from the source.  Returns the number of leads.
    """
    if source.get_bind().dialect.name == "postgresql":
        source.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    models = {table_of(model): model for model in vars(t).values() if _is_table(model)}
    for table in SQLModel.metadata.sorted_tables:
        if (model := models[table]) not in OF_THE_WORLD:
            _copy(source, target, model, without=NOT_COPIED.get(model, ()))
            _number_on(target, model)
    message = table_of(t.Message).c
    target.execute(
        update(t.Message)
        .where(message.kind == "notice", message.state.in_(WAITING))
        .values(state="sent", reason="sent from the ledger this is a copy of")
    )
    return int(target.execute(select(func.count()).select_from(t.Lead)).scalar_one())


def _is_table(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, SQLModel)


def _number_on(target: Session, model: type[SQLModel]) -> None:
    """On PostgreSQL: the next row is numbered behind those that came with their numbers."""
    table = table_of(model)
    if target.get_bind().dialect.name != "postgresql" or "id" not in table.c:
        return
    sequence = func.pg_get_serial_sequence(table.name, text("'id'"))
    highest = select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
    target.execute(select(func.setval(sequence, highest, False)))


def _copy(
    source: Session, target: Session, model: type[SQLModel], *, without: Collection[str]
) -> None:
    """Page by page in the order of the primary key, as values are stored."""
    table = table_of(model)
    columns = [column for column in table.columns if column.name not in without]
    names = [column.name for column in columns]
    kept = source.execute(
        select(*columns).order_by(*table.primary_key).execution_options(yield_per=PAGE)
    )
    for page in kept.partitions(PAGE):
        rows = [tuple(map(stored, row)) for row in page]
        bulk.insert_all(target, model, names, rows)


def stored(value: Any) -> Any:
    """A value as `bulk` takes it: documents as JSON text, instants and durations as
    microseconds."""
    if isinstance(value, dict):
        return bulk.document(value)
    if isinstance(value, timedelta):
        return value // MICROSECOND
    return to_micros(value) if isinstance(value, datetime) else value
