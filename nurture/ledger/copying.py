"""The people of one ledger in another: leads with tags, consent and suppressions, nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, SQLModel

from nurture.ledger import bulk, ticks
from nurture.ledger import tables as t
from nurture.ledger.types import to_micros
from nurture.ledger.upsert import table_of

PAGE = 20_000
OF_ITS_HISTORY = frozenset(("behaviour", "fit", "scored_at", "look_at"))
"""Columns of a lead that sum up what is not copied."""
PEOPLE: tuple[type[SQLModel], ...] = (t.Lead, t.LeadTag, t.Consent, t.Suppression)


def copy_people(source: Session, target: Session) -> int:
    """Put every lead of `source`, under its number, into the empty ledger of `target`, touched.

    What happened to them, and where they stand in sequences or with sales, stays behind.
    Returns how many.
    """
    for model in PEOPLE:
        _copy(source, target, model)
    ticks.touch_everybody(target)
    return int(target.execute(select(func.count()).select_from(t.Lead)).scalar_one())


def _copy(source: Session, target: Session, model: type[SQLModel]) -> None:
    """Page by page in the order of the primary key, as values are stored."""
    table = table_of(model)
    columns = [column for column in table.columns if column.name not in OF_ITS_HISTORY]
    names = [column.name for column in columns]
    kept = source.execute(
        select(*columns).order_by(*table.primary_key).execution_options(yield_per=PAGE)
    )
    for page in kept.partitions(PAGE):
        rows = [tuple(map(_stored, row)) for row in page]
        bulk.insert_all(target, model, names, rows)


def _stored(value: Any) -> Any:
    """A value as `bulk` takes it: documents as JSON text, instants as microseconds."""
    if isinstance(value, dict):
        return bulk.document(value)
    return to_micros(value) if isinstance(value, datetime) else value
