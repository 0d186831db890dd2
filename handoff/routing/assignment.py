"""A handoff in a team's queue goes to whose it is, else to the next in turn, as soon as it can.

One turn of the loop for each (team, skills, reps who let it lapse) that has somebody waiting:
statements grow with these groups, never with handoffs.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import (
    Insert,
    String,
    Update,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlmodel import Session

from handoff.routing import turns
from handoff.routing.claims import WHY, give_to
from handoff.routing.offers import offer
from handoff.routing.queues import QUEUED, Group, members, queued, why_waiting
from handoff.sla import clocks
from handoff.tables import CLOCK, HANDOFF, REP, RUNNING
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.changed import changed
from nurture.ledger.tally import Tally

_FLOOD = 1000
_ACCEPTING = and_(
    CLOCK.c.handoff_id == HANDOFF.c.id,
    CLOCK.c.generation == HANDOFF.c.generation,
    CLOCK.c.kind == "accept",
)
def assign(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Give every queued handoff to the rep of its team who has a claim to it (`first`), else to the
    next in turn who is at work and has room.

    Each gets a new generation with clocks in the rep's hours and a notice to be written.  Where
    nobody is free the handoff stays queued: its accept clock runs in the team's hours and says
    why.  Nobody gets a handoff back that they let lapse.
    """
    rules = definitions.handoff
    groups = queued(session) if rules else []
    if rules is None or not groups:
        return Tally()
    turns.lock(session)
    tally = Tally()
    for group in groups:
        if group.team in rules.teams:
            tally += _assign(session, definitions, rules, group, now=now)
    return tally


def _assign(
    session: Session, definitions: Definitions, rules: HandoffRules, group: Group, *, now: datetime
) -> Tally:
    team = rules.teams[group.team]
    circle = group.circle(rules)
    waiting, more = group.waiting, False
    for claim in group.claims(rules):
        out = give_to(claim, circle, rules.owners.field)
        found, given = _give(session, definitions, rules, group, out, WHY[claim], now=now)
        waiting, more = waiting - given, more or given == SIZE
    if waiting:
        if team.assign == "weighted":
            session.execute(turns.catch_up(circle), {"now": now})
        out = turns.give_out(circle)
        found, given = _give(session, definitions, rules, group, out, "next in turn", now=now)
        waiting, more = waiting - given, more or given == SIZE
        left = _queue(session, definitions, rules, group, now=now) if given < found else 0
    else:
        left = 0
    path = f"handoff/teams/{group.team}"
    assigned = Tally.of("handoffs assigned", group.waiting - waiting, path=path, more=more)
    return assigned + Tally.of("handoffs queued", left, path=path)


def _give(
    session: Session, definitions: Definitions, rules: HandoffRules, group: Group, out: Update,
    why: str, *, now: datetime,
) -> tuple[int, int]:  # fmt: skip
    """Give the oldest of a group away by `out`, and offer them; how many there were, and went."""
    need = fill(session, _oldest(), team=group.team, skills=group.skills, lapsed=group.lapsed)
    newest = session.execute(_NEWEST).scalar()
    session.execute(out, {"need": need, "now": now})
    given = need - changed(session, _STILL_QUEUED)
    if given:
        taken = {"base": max(now, newest) if newest else now, "now": now}
        session.execute(turns.take(), taken)
        if rules.teams[group.team].assign == "weighted":
            session.execute(turns.pass_on())
        offer(session, definitions, rules, why=why, now=now)
        _refresh(session, given)
    return need, given


def _refresh(session: Session, given: int) -> None:
    """Tell PostgreSQL's planner of a flood: until it knows, it expects one clock and one rung."""
    if given >= _FLOOD and session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE handoff, clock, rung"))


_NEWEST = select(func.max(REP.c.turn_at))
_STILL_QUEUED = delete(batch).where(batch.c.id.in_(select(HANDOFF.c.id).where(QUEUED)))
@lru_cache(maxsize=1)
def _oldest() -> Insert:
    waiting = members().order_by(HANDOFF.c.opened_at, HANDOFF.c.id).limit(SIZE)
    return filling(waiting.with_for_update(skip_locked=True, of=HANDOFF))


def _queue(
    session: Session, definitions: Definitions, rules: HandoffRules, group: Group, *, now: datetime
) -> int:
    """Start the clock of those newly in the queue, and say of all why they wait."""
    why = why_waiting(session, rules, group, now=now)
    asked = {"team": group.team, "skills": group.skills, "lapsed": group.lapsed}
    new = fill(session, _fresh(), **asked)
    if new:
        clocks.stop(session, now=now, reason="went to the queue", before=True)
        clocks.start(session, definitions, rules, why=why, now=now)
    session.execute(_say_why(), asked | {"why": why})
    return new


@lru_cache(maxsize=1)
def _fresh() -> Insert:
    """Those of a group without a clock of this generation."""
    fresh = members().outerjoin(CLOCK, _ACCEPTING).where(CLOCK.c.id.is_(None))
    return filling(fresh.order_by(HANDOFF.c.id).limit(SIZE))


@lru_cache(maxsize=1)
def _say_why() -> Update:
    why = bindparam("why", type_=String())
    waiting = and_(CLOCK.c.handoff_id.in_(members(HANDOFF.c.id)), CLOCK.c.rep == "")
    return (
        update(CLOCK)
        .where(waiting, RUNNING, CLOCK.c.kind == "accept", CLOCK.c.reason != why)
        .values(reason=why)
    )
