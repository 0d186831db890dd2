"""What an answer changes about the lead, and the record of who answered.

Both work on `batch` (id: the handoff, lead_id: its lead).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, insert, literal, select, true, update
from sqlmodel import Session

from handoff.tables import CHANGE, HANDOFF, LEAD
from nurture.ledger import crm_marks, ticks
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.types import Instant

_COLUMNS = ["lead_id", "at", "field", "old", "new", "reason", "path"]
_FORWARD = ("subscriber", "lead", "mql", "recycled")
MAY_BECOME: dict[str, Sequence[str]] = {
    "sal": _FORWARD,
    "sql": (*_FORWARD, "sal"),
    "opportunity": (*_FORWARD, "sal", "sql"),
    "customer": (*_FORWARD, "sal", "sql", "opportunity", "disqualified"),
    "recycled": ("subscriber", "lead", "mql", "sal", "sql", "opportunity"),
}
"""From where a lifecycle may be reached: an answer never takes a customer back to the start."""

Words = str | ColumnElement[Any]
_ALL = true()


def move(session: Session, to: str, *, now: datetime, reason: Words, path: Words) -> None:
    """Bring the leads of the working set to lifecycle `to`, where it may be reached.

    Each move leaves a `change` row; leads already there, or further, keep what they have.
    """
    may = among(LEAD.c.lifecycle, MAY_BECOME[to])
    record(
        session, "lifecycle", old=LEAD.c.lifecycle, new=to, reason=reason, path=path, now=now,
        where=may,
    )  # fmt: skip
    mine = LEAD.c.id.in_(select(batch.c.lead_id))
    session.execute(update(LEAD).where(mine, may).values(lifecycle=to, updated_at=now))


def note(session: Session, *, now: datetime, old: Words, new: Words, reason: Words) -> None:
    """Write down, for each handoff of the working set, what was answered (field `handoff <id>`);
    a CRM is told how it stands after that."""
    field = literal("handoff ") + cast(HANDOFF.c.id, String)
    record(session, field, old=old, new=new, reason=reason, path=HANDOFF.c.path, now=now)
    mark(session)


def mark(session: Session) -> None:
    """Something changes about the handoffs of the working set that a CRM is to hold."""
    crm_marks.mark(session, select(batch.c.lead_id).distinct())


def record(
    session: Session, field: Words, *, old: Words, new: Words, reason: Words, path: Words,
    now: datetime, where: ColumnElement[bool] = _ALL,
) -> None:  # fmt: skip
    """A `change` row for each handoff of the working set for whose lead `where` holds."""
    said = [_words(each) for each in (field, old, new, reason, path)]
    session.execute(
        insert(CHANGE).from_select(
            _COLUMNS,
            select(LEAD.c.id, literal(now, Instant()), *said)
            .select_from(batch)
            .join(HANDOFF, HANDOFF.c.id == batch.c.id)
            .join(LEAD, LEAD.c.id == HANDOFF.c.lead_id)
            .where(where)
            .order_by(HANDOFF.c.id),
        )
    )


def touch(session: Session) -> None:
    """Let the next tick look at the leads of the working set."""
    ticks.touch(session, select(batch.c.lead_id).distinct().order_by(batch.c.lead_id))


def _words(said: Words) -> ColumnElement[Any]:
    return literal(said) if isinstance(said, str) else said
