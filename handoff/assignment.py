"""A handoff in a team's queue goes to the next rep in turn, as soon as one is free.

One turn of the loop for each (team, reps who let it lapse) that has somebody waiting: statements
grow with these groups, never with handoffs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    String,
    and_,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlmodel import Session

from handoff import clocks, turns
from handoff.offers import offer
from handoff.tables import CLOCK, HANDOFF, MEMBER, OPENING, REP
from nurture.language.definitions import Definitions
from nurture.language.handoff import HandoffRules
from nurture.ledger.asking import NOW
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.changed import changed
from nurture.ledger.extremes import Greatest
from nurture.ledger.openings import is_open
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

_FLOOD = 1000
QUEUED = and_(among(HANDOFF.c.rep, ("",)), among(HANDOFF.c.state, ("offered",)))


@dataclass(frozen=True)
class Group:
    """Handoffs that may go to the same people: those of `team`, but not the `excluded`."""

    team: str
    lapsed: str
    waiting: int

    @property
    def excluded(self) -> tuple[str, ...]:
        """Reps who let these handoffs lapse."""
        return tuple(self.lapsed.split(",")) if self.lapsed else ()


def assign(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Give every queued handoff to the next rep of its team who is at work and has room.

    Each gets a new generation with clocks in the rep's hours and a notice to be written.  Where
    nobody is free the handoff stays queued: its accept clock runs in the team's hours and says
    why.  Nobody gets a handoff back that they let lapse.
    """
    rules = definitions.handoff
    groups = _waiting(session) if rules else []
    if rules is None or not groups:
        return Tally()
    turns.lock(session)
    tally = Tally()
    for group in groups:
        if group.team in rules.teams:
            tally += _assign(session, definitions, rules, group, now=now)
    return tally


def _waiting(session: Session) -> list[Group]:
    """Who waits in which queue, in one query; leans on `handoff_queue`."""
    return [Group(team, reps, count) for team, reps, count in session.execute(_groups())]


@lru_cache(maxsize=1)
def _groups() -> Select[tuple[str, str, int]]:
    lapsed = _lapsed().label("lapsed")
    return (
        select(HANDOFF.c.team, lapsed, func.count())
        .where(QUEUED)
        .group_by(HANDOFF.c.team, lapsed)
        .order_by(HANDOFF.c.team, lapsed)
    )


def _lapsed() -> ColumnElement[str]:
    """The reps who let a handoff lapse, by name, joined with commas (names hold none)."""
    reps = (
        select(CLOCK.c.rep)
        .where(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.rep != "")
        .where(CLOCK.c.lapsed_at.is_not(None))
        .distinct()
        .order_by(CLOCK.c.rep)
        .correlate(HANDOFF)
        .subquery()
    )
    joined = select(func.aggregate_strings(reps.c.rep, ",")).scalar_subquery()
    return func.coalesce(joined, "")


def _assign(
    session: Session, definitions: Definitions, rules: HandoffRules, group: Group, *, now: datetime
) -> Tally:
    need = fill(session, _oldest(), team=group.team, lapsed=group.lapsed)
    newest = session.execute(_NEWEST).scalar()
    out = turns.give_out(group.team, group.excluded)
    session.execute(out, {"need": need, "now": now})
    session.execute(turns.take(), {"base": max(now, newest) if newest else now})
    given = need - changed(session, _STILL_QUEUED)
    if given:
        offer(session, definitions, rules, why="next in turn", now=now)
        _refresh(session, given)
    left = _queue(session, definitions, rules, group, now=now) if given < need else 0
    path = f"handoff/teams/{group.team}"
    assigned = Tally.of("handoffs assigned", given, path=path, more=given == SIZE)
    return assigned + Tally.of("handoffs queued", left, path=path)


def _refresh(session: Session, given: int) -> None:
    """Tell PostgreSQL's planner of a flood: until it knows, it expects one clock and one rung."""
    if given >= _FLOOD and session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE handoff, clock, rung"))


_NEWEST = select(func.max(REP.c.turn_at))
_STILL_QUEUED = delete(batch).where(batch.c.id.in_(select(HANDOFF.c.id).where(QUEUED)))
_TEAM, _LAPSED = bindparam("team", type_=String()), bindparam("lapsed", type_=String())


def _members() -> Select[Any]:
    """The handoffs of a group, by its `team` and `lapsed`."""
    return select(HANDOFF.c.id, HANDOFF.c.lead_id).where(
        QUEUED, HANDOFF.c.team == _TEAM, _lapsed() == _LAPSED
    )


@lru_cache(maxsize=1)
def _oldest() -> Insert:
    waiting = _members().order_by(HANDOFF.c.opened_at, HANDOFF.c.id).limit(SIZE)
    return filling(waiting.with_for_update(skip_locked=True, of=HANDOFF))


def _queue(
    session: Session, definitions: Definitions, rules: HandoffRules, group: Group, *, now: datetime
) -> int:
    """Start the clock of those newly in the queue, and say of all why they wait."""
    why = _why_waiting(session, rules, group, now=now)
    clock = and_(
        CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.generation == HANDOFF.c.generation
    )
    fresh = _members().outerjoin(CLOCK, clock).where(CLOCK.c.id.is_(None))
    rows = filling(fresh.order_by(HANDOFF.c.id).limit(SIZE))
    new = fill(session, rows, team=group.team, lapsed=group.lapsed)
    if new:
        clocks.stop(session, now=now, reason="went to the queue", before=True)
        clocks.start(session, definitions, rules, why=why, now=now)
    waiting = select(HANDOFF.c.id).where(QUEUED, HANDOFF.c.team == group.team)
    session.execute(
        update(CLOCK)
        .where(CLOCK.c.handoff_id.in_(waiting.where(_lapsed() == group.lapsed)))
        .where(CLOCK.c.rep == "", clocks.RUNNING, CLOCK.c.reason != why)
        .values(reason=why)
    )
    return new


def _why_waiting(session: Session, rules: HandoffRules, group: Group, *, now: datetime) -> str:
    """`nobody of smb is at work before Mon 09:00`, in the team's zone."""
    who = (
        select(REP.c.rep)
        .join(MEMBER, MEMBER.c.rep == REP.c.rep)
        .where(MEMBER.c.team == group.team, REP.c.active, REP.c.rep.not_in(group.excluded))
    )
    open_now = is_open(literal(now, Instant()), REP.c.hours, REP.c.zone)
    people, working = session.execute(
        select(func.count(), func.count().filter(open_now)).select_from(REP).where(
            REP.c.rep.in_(who)
        )
    ).one()
    if not people:
        return f"nobody of {group.team} is left who has not let it lapse"
    if working:
        return f"everybody of {group.team} at work has as many open leads as they take"
    opens = session.execute(
        select(func.min(OPENING.c.opens_at))
        .join(REP, and_(REP.c.hours == OPENING.c.hours, REP.c.zone == OPENING.c.zone))
        .where(REP.c.rep.in_(who), OPENING.c.opens_at > now)
    ).scalar()
    if opens is None:
        return f"nobody of {group.team} is at work in the time ahead"
    return f"nobody of {group.team} is at work before {say(opens, rules, group.team, now=now)}"


def say(at: datetime, rules: HandoffRules, team: str, *, now: datetime) -> str:
    """An instant in the team's zone: `Mon 09:00`, with the date when it is a week off or more."""
    zone = ZoneInfo(rules.teams[team].zone)
    local = at.astimezone(zone)
    near = abs((local.date() - now.astimezone(zone).date()).days) < 7
    return f"{local:%a %H:%M}" if near else f"{local:%a} {local.day} {local:%b %Y %H:%M}"


def _next_assignment() -> Select[tuple[datetime]]:
    fits = (
        select(REP.c.hours, REP.c.zone)
        .select_from(HANDOFF)
        .join(MEMBER, MEMBER.c.team == HANDOFF.c.team)
        .join(REP, REP.c.rep == MEMBER.c.rep)
        .where(QUEUED, REP.c.active, turns.room() > 0)
        .where(~turns.let_lapse(HANDOFF.c.id, REP.c.rep))
        .distinct()
        .subquery()
    )
    return (
        select(func.min(Greatest(OPENING.c.opens_at, NOW), type_=Instant()))
        .join(fits, and_(fits.c.hours == OPENING.c.hours, fits.c.zone == OPENING.c.zone))
        .where(OPENING.c.closes_at > NOW)
    )


NEXT_ASSIGNMENT = _next_assignment()
"""The next instant at which a queued handoff can be given: `:now` when somebody is free already.

NULL when no queue has anybody with room coming to work; room that frees wakes by itself.
"""
