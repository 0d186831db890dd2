"""Sales waits for the lead: the clocks of a handoff stand still, and go on with what was left.

Open time is kept where a clock or a rung counts open time, elapsed time where it counts that.  A
clock that ran out before is late already and stays so; what its ladder still had to do waits with
it.  Everything works on `batch` (id: the handoff).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    case,
    func,
    literal,
    not_,
    null,
    select,
    type_coerce,
    update,
)
from sqlmodel import Session

from handoff import lifecycle
from handoff.sla.deadlines import due, open_time
from handoff.tables import CLOCK, HANDOFF, OPEN, RUNG, RUNNING
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.extremes import Least
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Duration, Instant

ENGAGEMENT, TOUCH = table_of(t.Engagement), table_of(t.Touch)
NOT_THE_LEAD = (
    "email_opened", "email_bounced", "email_complained", "trial_expired", "payment_failed",
    "webhook_succeeded", "webhook_failed", "call_answered", "sales_touched",
)  # fmt: skip
"""Engagements that programs or sales caused: waiting for the lead is not over by them."""
_MINE = select(batch.c.id)
_STANDING = and_(CLOCK.c.handoff_id.in_(_MINE), RUNNING)
NEXT_END = select(func.min(HANDOFF.c.held_until, type_=Instant())).where(
    HANDOFF.c.held_until.is_not(None)
)
"""When the next wait for a lead is over; leans on `handoff_held`."""


def hold(session: Session, *, now: datetime) -> None:
    """Let the running clocks of the working set stand still from `now` on, and their rungs."""
    for statement in _hold():
        session.execute(statement, {"now": now})


@lru_cache(maxsize=1)
def _hold() -> tuple[Update, ...]:
    clock = and_(CLOCK.c.id == RUNG.c.clock_id, _STANDING, CLOCK.c.held_at.is_(None))
    behind = and_(RUNG.c.of_end, CLOCK.c.due_at > NOW)
    since = type_coerce(case((behind, CLOCK.c.due_at), else_=NOW), Instant)
    left = _between(since, type_coerce(RUNG.c.due_at, Instant), RUNG.c.business)
    own = type_coerce(CLOCK.c.due_at, Instant)
    still = case((own > NOW, _between(NOW, own, CLOCK.c.business)), else_=null())
    return (
        # Waiting does not undo that it ran out: nobody gets back what they let lapse.
        update(CLOCK)
        .where(_STANDING, CLOCK.c.lapsed_at.is_(None), own <= NOW)
        .values(lapsed_at=NOW),
        update(RUNG)
        .where(clock, RUNG.c.state == "waiting")
        .values(state="held", remaining=case((RUNG.c.due_at > NOW, left), else_=0)),
        update(CLOCK)
        .where(_STANDING, CLOCK.c.held_at.is_(None))
        .values(held_at=NOW, remaining=still),
    )


def go_on(session: Session, *, now: datetime) -> None:
    """Let the clocks of the working set go on from `now`, or from when the wait was to end."""
    for statement in _go_on():
        session.execute(statement, {"now": now})


@lru_cache(maxsize=1)
def _go_on() -> tuple[Update, ...]:
    ends = Least(func.coalesce(HANDOFF.c.held_until, NOW), NOW)
    mine = and_(CLOCK.c.handoff_id == HANDOFF.c.id, _STANDING, CLOCK.c.held_at.is_not(None))
    known = CLOCK.c.remaining.is_not(None)
    own = _after(ends, CLOCK.c.remaining, CLOCK.c.business)
    waited = _between(CLOCK.c.held_at, ends, CLOCK.c.business)
    anew = and_(RUNG.c.of_end, known)
    # Behind the end of its window a rung counts from where that has moved to.
    base = type_coerce(case((anew, CLOCK.c.due_at), else_=ends), Instant)
    falls = _after(base, RUNG.c.remaining, RUNG.c.business)
    return (
        update(CLOCK)
        .where(mine)
        .values(
            due_at=case((known, own), else_=CLOCK.c.due_at),
            held=func.coalesce(CLOCK.c.held, 0) + case((known, waited), else_=0),
        ),
        update(RUNG)
        .where(RUNG.c.clock_id == CLOCK.c.id, mine, RUNG.c.state == "held")
        .values(state="waiting", remaining=None, due_at=falls),
        update(CLOCK).where(_STANDING).values(held_at=None, remaining=None),
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(_MINE), HANDOFF.c.held_until.is_not(None))
        .values(held_at=None, held_until=None),
    )


def _between(start: Any, end: Any, business: ColumnElement[bool]) -> ColumnElement[Any]:
    """The time of a clock between two instants, in microseconds."""
    elapsed = type_coerce(end - start, Duration.impl)
    opened = type_coerce(open_time(start, end, CLOCK.c.calendar, CLOCK.c.zone), Duration.impl)
    return case((business, opened), else_=elapsed)


def _after(start: Any, amount: Any, business: ColumnElement[bool]) -> ColumnElement[Any]:
    at = due(start, amount, business, CLOCK.c.calendar, CLOCK.c.zone)
    return case((amount > 0, at), else_=start)


def end_waits(session: Session, *, now: datetime) -> Tally:
    """Let the handoffs go on whose wait for the lead is over, from the instant it was to end."""
    found = fill(session, _OVER, now=now)
    if found:
        why = "waited for the lead long enough: the clocks go on"
        lifecycle.note(session, now=now, old=HANDOFF.c.state, new=HANDOFF.c.state, reason=why)
        go_on(session, now=now)
    return Tally.of("waits ended", found, more=found == SIZE)


_OVER = filling(
    select(HANDOFF.c.id, HANDOFF.c.lead_id)
    .where(HANDOFF.c.held_until.is_not(None), HANDOFF.c.held_until <= NOW)
    .order_by(HANDOFF.c.held_until, HANDOFF.c.id)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=HANDOFF)
)


def heard_from_leads(session: Session, tick: int, *, now: datetime) -> Tally:
    """Let the handoffs go on whose lead did something since, by the tick's new engagements."""
    found = fill(session, filling(_heard(tick)), now=now)
    if found:
        why = "the lead is back: the clocks go on"
        lifecycle.note(session, now=now, old=HANDOFF.c.state, new=HANDOFF.c.state, reason=why)
        go_on(session, now=now)
    return Tally.of("leads that are back", found, more=found == SIZE)


def _heard(tick: int) -> Any:
    e = ENGAGEMENT.c
    new = (
        select(literal(1))
        .select_from(TOUCH.join(ENGAGEMENT, e.id == TOUCH.c.engagement_id))
        .where(TOUCH.c.tick_id == tick, TOUCH.c.lead_id == HANDOFF.c.lead_id)
        .where(not_(e.kind.in_(NOT_THE_LEAD)), e.withdrawn_at.is_(None))
        .where(e.occurred_at >= HANDOFF.c.held_at, e.occurred_at <= NOW)
        .correlate(HANDOFF)
        .exists()
    )
    return (
        select(HANDOFF.c.id, HANDOFF.c.lead_id)
        .where(HANDOFF.c.held_until.is_not(None), HANDOFF.c.state.in_(OPEN), new)
        .order_by(HANDOFF.c.id)
        .limit(SIZE)
        .with_for_update(of=HANDOFF)
    )
