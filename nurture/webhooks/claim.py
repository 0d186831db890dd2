"""Who may make which calls: claims with a lease, few at a time to one host."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.openings import is_open, next_open
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, TICK, Asking, Question
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

CALL = table_of(t.WebhookCall)
C = CALL.c
ENROLMENT = table_of(t.Enrolment).c
LEAD = table_of(t.Lead).c
PAUSE = table_of(t.Pause).c
SUPPRESSION = table_of(t.Suppression).c
LEASE = timedelta(minutes=2)
"""How long a claim holds: longer than `MOST_OF_HOST` calls take that are never answered."""
REST = timedelta(minutes=5)
WINDOW = 200
"""Calls claimed in one transaction."""
MOST_OF_HOST = 32
"""Calls in hand to one host, over all processes: a dead one holds up no other."""
CLAIMED = among(C.state, ("claimed",))
DUE = among(C.state, ("due",))


def claim(
    session: Session, definitions: Definitions, *, owner: str, judged: int, now: datetime
) -> tuple[Tally, int]:
    """Take calls that are due into the working set, claimed; returns what became of the others,
    and how many were claimed.

    Calls whose caller died come back; those of leads that left, or are erased, are cancelled; those
    outside their window wait for it.  Left as they are: calls of paused sequences, and of leads
    that may have to leave first (of all held touches only those of the tick `judged` were looked
    at).  `claimed` are those of the working set with this owner.
    """
    asking = Asking(session, judged, now)
    back = asking.run(_BACK)
    tally = Tally.of("calls taken back", back)
    if not asking.fill(_due(definitions)):
        return tally, 0
    for what, verdict in _verdicts(definitions):
        tally += Tally.of(what, asking.run(verdict))
    taken = asking.ask(_TAKE, by=owner, end=now + LEASE)
    return tally, len(taken.all())


_BACK: Update = (
    update(CALL)
    .where(CLAIMED, C.lease_until <= NOW)
    .values(state="due", owner="", lease_until=None, reason="its caller died: made once more")
)


def crowded() -> Select[tuple[str]]:
    """The hosts to which enough calls are in hand; leans on `webhook_call_claimed`."""
    return select(C.host).where(CLAIMED).group_by(C.host).having(func.count() >= MOST_OF_HOST)


def paused() -> ColumnElement[bool]:
    """The call's sequence was stopped by an operator."""
    return _enrolment(ENROLMENT.sequence.in_(select(PAUSE.sequence)))


def _enrolment(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    mine = select(literal(1)).where(ENROLMENT.id == C.enrolment_id, condition)
    return mine.correlate(CALL).exists()


@once
def _due(_: Definitions) -> Insert:
    """Those due, the longest due first, of each host as many as there is room for."""
    other = CALL.alias("other")
    in_hand = (
        select(func.count())
        .where(among(other.c.state, ("claimed",)), other.c.host == C.host)
        .correlate(CALL)
        .scalar_subquery()
    )
    place = func.row_number().over(partition_by=C.host, order_by=(C.due_at, C.id))
    free = (
        select(C.id, (place + in_hand).label("place"))
        .where(
            DUE, C.due_at <= NOW, C.host.not_in(crowded()), not_(paused()),
            C.lead_id.not_in(ticks.held_by_others(TICK)),
        )
        .subquery()
    )  # fmt: skip
    rows = (
        select(C.id, C.lead_id)
        .where(C.id.in_(select(free.c.id).where(free.c.place <= MOST_OF_HOST)), DUE)
        .order_by(C.due_at, C.id)
        .limit(WINDOW)
        .with_for_update(skip_locked=True, of=CALL)
    )
    return batches.filling(rows)


@once
def _verdicts(definitions: Definitions) -> list[tuple[str, Update]]:
    """What becomes of those of the working set that are not to be called now."""
    own = select(LEAD.timezone).where(LEAD.id == C.lead_id).correlate(CALL).scalar_subquery()
    named = func.nullif(C.zone, "lead")
    zone = func.coalesce(named, own, definitions.workspace.zone)
    shut = and_(C.hours.is_not(None), not_(is_open(NOW, C.hours, zone)))
    later = type_coerce(case((shut, next_open(NOW, (C.hours, zone))), else_=NOW), Instant)
    erased = (
        select(literal(1))
        .where(LEAD.id == C.lead_id, SUPPRESSION.email_key == LEAD.email_key)
        .where(SUPPRESSION.kind == "erased")
        .correlate(CALL)
        .exists()
    )
    left = and_(not_(_enrolment(ENROLMENT.state == "active")), C.settled_at.is_(None))
    over: dict[str, Any] = {"state": "cancelled", "settled_at": NOW, "body": None}
    waits = {"due_at": later, "reason": "outside its window: made when it opens"}
    return [
        ("calls cancelled", _those(erased).values(reason="the lead is erased", **over)),
        ("calls cancelled", _those(left).values(reason="left the sequence", **over)),
        ("calls held for their window", _those(shut).values(waits)),
    ]


def _those(condition: ColumnElement[bool]) -> Update:
    return update(CALL).where(C.id.in_(select(batch.c.id)), DUE, C.due_at <= NOW, condition)


_TAKE: ReturningUpdate[tuple[int]] = (
    update(CALL)
    .where(C.id.in_(select(batch.c.id)), DUE, C.due_at <= NOW)
    .values(
        state="claimed",
        owner=bindparam("by"),
        generation=C.generation + 1,
        attempts=C.attempts + 1,
        lease_until=bindparam("end", type_=Instant()),
    )
    .returning(C.id)
)


def put_off(session: Session, *, reason: str, now: datetime) -> int:
    """Nothing can be called at all: those due wait a while, and say why; returns how many."""
    return Asking(session, 0, now).run(_PUT_OFF, why=reason, then=now + REST)


_PUT_OFF: Update = (
    update(CALL)
    .where(DUE, C.due_at <= NOW)
    .values(due_at=bindparam("then", type_=Instant()), reason=bindparam("why"))
)


QUESTIONS: tuple[Question, ...] = (
    select(func.min(C.due_at, type_=Instant())).where(
        DUE, not_(paused()), C.host.not_in(crowded())
    ),
    select(func.min(C.lease_until, type_=Instant())).where(CLAIMED),
)
"""The earliest instant a call may be made, and at which a dead caller's lease ends.

Calls of paused sequences do not count, nor those to hosts that have enough in hand: the answer
of one of these is something new, and wakes.
"""
