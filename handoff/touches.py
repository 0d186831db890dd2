"""An engagement `sales_touched` is a first touch, wherever it was recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlmodel import Session

from handoff import clocks, lifecycle
from handoff.tables import CLOCK, HANDOFF, OPEN
from handoff.terms import KINDS
from nurture.ledger import tables as t
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of

ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
KIND = "sales_touched"
_UNTOUCHED = ("offered", "accepted")


def met_by_engagements(session: Session, tick: int, *, now: datetime) -> Tally:
    """Meet both clocks of the handoffs whose lead sales touched, by the tick's new engagements.

    The instant is that of the earliest such engagement since the handoff was opened, so one that
    is reported late still counts from when it happened.  A lead in a queue has no rep to have
    touched it: it stays there.
    """
    found = fill(session, filling(_touched(now, tick)))
    if not found:
        return Tally()
    reason = "touched: sales_touched was recorded"
    lifecycle.note(session, now=now, old=HANDOFF.c.state, new="working", reason=reason)
    first = _first(now)
    session.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(select(batch.c.id)), HANDOFF.c.state.in_(_UNTOUCHED))
        .values(
            state="working",
            touched_at=first,
            accepted_at=func.coalesce(HANDOFF.c.accepted_at, first),
        )
    )
    touched_at: ColumnElement[Any] = (
        select(HANDOFF.c.touched_at).where(HANDOFF.c.id == CLOCK.c.handoff_id).scalar_subquery()
    )
    clocks.meet(session, KINDS, at=touched_at, reason=reason)
    lifecycle.move(session, "sal", now=now, reason=reason, path=HANDOFF.c.path)
    lifecycle.touch(session)
    return Tally.of("handoffs touched", found, more=found == SIZE)


def _touched(now: datetime, tick: int) -> Select[Any]:
    """Handoffs with a rep, not yet touched, of the tick's leads; locked in order on PostgreSQL.

    Leans on `handoff_lead`.
    """
    leads = select(TOUCH.c.lead_id).where(TOUCH.c.tick_id == tick)
    return (
        select(HANDOFF.c.id, HANDOFF.c.lead_id)
        .where(HANDOFF.c.lead_id.in_(leads), among(HANDOFF.c.state, OPEN))
        .where(HANDOFF.c.state.in_(_UNTOUCHED))
        .where(HANDOFF.c.rep != "", _first(now).is_not(None))
        .order_by(HANDOFF.c.id)
        .limit(SIZE)
        .with_for_update(of=HANDOFF)
    )


def _first(now: datetime) -> ColumnElement[Any]:
    """The earliest touch of the handoff's lead since it was opened; leans on `engagement_lead`."""
    return (
        select(func.min(ENGAGEMENT.c.occurred_at, type_=Instant()))
        .where(ENGAGEMENT.c.lead_id == HANDOFF.c.lead_id, ENGAGEMENT.c.kind == KIND)
        .where(ENGAGEMENT.c.occurred_at >= HANDOFF.c.opened_at, ENGAGEMENT.c.occurred_at <= now)
        .scalar_subquery()
    )
