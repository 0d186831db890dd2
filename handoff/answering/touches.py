"""An engagement `sales_touched` is a touch, wherever it was recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlmodel import Session

from handoff import lifecycle
from handoff.answering import follow_ups
from handoff.sla import clocks, pauses
from handoff.tables import CLOCK, HANDOFF, OPEN, RUNNING
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
KIND = "sales_touched"
UNTOUCHED = HANDOFF.c.state.in_(("offered", "accepted"))


def met_by_engagements(
    session: Session, definitions: Definitions, tick: int, *, now: datetime
) -> Tally:
    """Meet the clocks of the handoffs whose lead sales touched, by the tick's new engagements.

    Of one not touched yet the instant is that of the earliest such engagement since it was opened
    (offered, if somebody else had it before), so one that is reported late still counts from when
    it happened.  Where next_step runs, each touch after the last one meets it and starts it anew.
    A lead in a queue has no rep to have touched it: it stays there.
    """
    rules = definitions.handoff
    found = fill(session, filling(_touched(now, tick))) if rules is not None else 0
    if rules is None or not found:
        return Tally()
    reason = "touched: sales_touched was recorded"
    lifecycle.note(session, now=now, old=HANDOFF.c.state, new="working", reason=reason)
    first = _touch(func.min, now)
    session.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(select(batch.c.id)))
        .values(
            state="working",
            touched_at=case((UNTOUCHED, first), else_=HANDOFF.c.touched_at),
            accepted_at=func.coalesce(HANDOFF.c.accepted_at, first),
            last_touch_at=_touch(func.max, now),
        )
    )
    pauses.go_on(session, now=now)
    clocks.meet(session, ("accept", "first_touch"), at=_of_handoff("touched_at"), reason=reason)
    clocks.meet(session, ("next_step",), at=_of_handoff("last_touch_at"), reason=reason)
    clocks.start(session, definitions, rules, why="touched", now=now, kinds=clocks.TOUCHED)
    lifecycle.move(session, "sal", now=now, reason=reason, path=HANDOFF.c.path)
    lifecycle.touch(session)
    follow_ups.follow(session, definitions, "contacted", reason=reason, now=now)
    return Tally.of("handoffs touched", found, more=found == SIZE)


def _of_handoff(column: str) -> ColumnElement[Any]:
    """A column of the handoff of a clock."""
    found = select(HANDOFF.c[column]).where(HANDOFF.c.id == CLOCK.c.handoff_id)
    return found.correlate(CLOCK).scalar_subquery()


def _touched(now: datetime, tick: int) -> Select[Any]:
    """Handoffs with a rep of the tick's leads whom sales touched since; locked in order on
    PostgreSQL.  Leans on `handoff_lead`."""
    leads = select(TOUCH.c.lead_id).where(TOUCH.c.tick_id == tick)
    waits = exists().where(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.kind == "next_step", RUNNING)
    return (
        select(HANDOFF.c.id, HANDOFF.c.lead_id)
        .where(HANDOFF.c.lead_id.in_(leads), among(HANDOFF.c.state, OPEN))
        .where(HANDOFF.c.rep != "", _touch(func.max, now).is_not(None))
        .where(or_(UNTOUCHED, waits, HANDOFF.c.held_until.is_not(None)))
        .order_by(HANDOFF.c.id)
        .limit(SIZE)
        .with_for_update(of=HANDOFF)
    )


def _touch(which: Any, now: datetime) -> ColumnElement[Any]:
    """The earliest or latest touch of the handoff's lead that has not counted yet; leans on
    `engagement_lead`."""
    e = ENGAGEMENT.c
    since = case(
        (and_(UNTOUCHED, HANDOFF.c.touched_at.is_(None)), HANDOFF.c.opened_at),
        (UNTOUCHED, HANDOFF.c.offered_at),
        else_=HANDOFF.c.last_touch_at + 1,
    )
    return (
        select(which(e.occurred_at, type_=Instant()))
        .where(e.lead_id == HANDOFF.c.lead_id, e.kind == KIND)
        .where(e.occurred_at >= since, e.occurred_at <= now)
        .correlate(HANDOFF)
        .scalar_subquery()
    )
