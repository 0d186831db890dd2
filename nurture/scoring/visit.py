"""What every part of rescoring works on: the leads in `batch`, one tick, one `now`.

Statements are built by functions of the definitions alone, once (`compiled.once`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal, select

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import Asking
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.upsert import table_of

LEAD = table_of(t.Lead)
ENTRY = table_of(t.ScoreEntry)
EPISODE = table_of(t.Episode)
TOUCH = table_of(t.Touch).c
ENGAGEMENT = table_of(t.Engagement)


@dataclass(frozen=True)
class Visit(Asking):
    """One look at the leads whose numbers are in `batch`, at `now`."""

    definitions: Definitions


def in_batch(lead_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The lead is one of those looked at.

    Asked by `id`, which has an index: PostgreSQL knows little of a new temporary table, and
    without one may read it whole for every lead.
    """
    return lead_id.in_(select(batch.c.id))


def whole(points: Any) -> ColumnElement[str]:
    """Points rounded to a whole number, as text; a half goes up on both databases."""
    rounded = func.round(points + 1e-7)
    return cast(cast(rounded, LEAD.c.id.type), String)


def said(*parts: str | ColumnElement[Any]) -> ColumnElement[str]:
    """A sentence put together from words and columns."""
    sentence: ColumnElement[Any] = literal("", String())
    for part in parts:
        sentence = sentence + (literal(part, String()) if isinstance(part, str) else part)
    return sentence
