"""A handoff in a team's queue goes to whose it is, else to the next in turn, as soon as it can.

One turn of the loop for each (team, skills, reps who let it lapse) that has somebody waiting:
statements grow with these groups, never with handoffs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    update,
)
from sqlmodel import Session

from handoff import availability as can
from handoff import clocks, turns, wording
from handoff.claims import WHY, give_to
from handoff.offers import offer
from handoff.tables import CLOCK, HANDOFF, MEMBER, REP, RUNNING
from handoff.turns import Circle
from nurture.language.definitions import Definitions
from nurture.language.handoff import HandoffRules
from nurture.ledger.asking import NOW
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.changed import changed
from nurture.ledger.openings import first_open
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

_FLOOD = 1000
QUEUED = and_(among(HANDOFF.c.rep, ("",)), among(HANDOFF.c.state, ("offered",)))
_ACCEPTING = and_(
    CLOCK.c.handoff_id == HANDOFF.c.id,
    CLOCK.c.generation == HANDOFF.c.generation,
    CLOCK.c.kind == "accept",
)


@dataclass(frozen=True)
class Group:
    """Handoffs that may go to the same people: those of `team` with these `skills`, but not who
    let them `lapse`.  Of `waiting` ones a rule names reps for `named`."""

    team: str
    skills: str
    lapsed: str
    waiting: int
    named: int

    @property
    def excluded(self) -> tuple[str, ...]:
        """Reps who let these handoffs lapse."""
        return tuple(self.lapsed.split(",")) if self.lapsed else ()

    def circle(self, rules: HandoffRules) -> Circle:
        """Who takes turns for them."""
        return Circle(self.team, rules.teams[self.team].assign, self.skills, self.excluded)

    def claims(self, rules: HandoffRules) -> Iterator[str]:
        """What is asked before turns, in order."""
        if self.named:
            yield "named"
        yield from rules.teams[self.team].first


def assign(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Give every queued handoff to the rep of its team who has a claim to it (`first`), else to the
    next in turn who is at work and has room.

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
    """Who waits in which queue, in one query."""
    return [Group(*row) for row in session.execute(groups())]


@lru_cache(maxsize=1)
def groups() -> Select[tuple[str, str, str, int, int]]:
    """A row of `Group` for each; leans on `handoff_queue`."""
    lapsed = _lapsed().label("lapsed")
    same = (HANDOFF.c.team, HANDOFF.c.skills, lapsed)
    named = func.count(func.nullif(HANDOFF.c.named, ""))
    return select(*same, func.count(), named).where(QUEUED).group_by(*same).order_by(*same)


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
_TEAM, _SKILLS, _LAPSED = (
    bindparam(name, type_=String()) for name in ("team", "skills", "lapsed")
)


def _members(*columns: Any) -> Select[Any]:
    """The handoffs of a group, by its `team`, `skills` and `lapsed`."""
    mine = and_(HANDOFF.c.team == _TEAM, HANDOFF.c.skills == _SKILLS, _lapsed() == _LAPSED)
    return select(*columns or (HANDOFF.c.id, HANDOFF.c.lead_id)).where(QUEUED, mine)


@lru_cache(maxsize=1)
def _oldest() -> Insert:
    waiting = _members().order_by(HANDOFF.c.opened_at, HANDOFF.c.id).limit(SIZE)
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
    fresh = _members().outerjoin(CLOCK, _ACCEPTING).where(CLOCK.c.id.is_(None))
    return filling(fresh.order_by(HANDOFF.c.id).limit(SIZE))


@lru_cache(maxsize=1)
def _say_why() -> Update:
    why = bindparam("why", type_=String())
    waiting = and_(CLOCK.c.handoff_id.in_(_members(HANDOFF.c.id)), CLOCK.c.rep == "")
    return (
        update(CLOCK)
        .where(waiting, RUNNING, CLOCK.c.kind == "accept", CLOCK.c.reason != why)
        .values(reason=why)
    )


def why_waiting(session: Session, rules: HandoffRules, group: Group, *, now: datetime) -> str:
    """`nobody of smb is at work before Mon 09:00`, in the team's zone."""
    circle = group.circle(rules)
    row = session.execute(_count(circle), {"now": now}).one()
    team = group.team
    opens = wording.clock(row.opens, rules.teams[team].zone, now=now) if row.opens else ""
    if not row.people:
        return f"nobody of {team} is left who has not let it lapse"
    if not row.skilled:
        return f"nobody of {team} who could have it knows {group.skills.replace(',', ' and ')}"
    if row.paused == row.skilled:
        return f"everybody of {team} is paused{f' before {opens}' if opens else ''}"
    if row.working > row.spent:
        return f"everybody of {team} at work has as many open leads as they take"
    if row.working:
        return f"everybody of {team} at work had as many leads today as they take"
    when = f"before {opens}" if opens else "in the time ahead"
    return f"nobody of {team} is at work {when}"


@lru_cache(maxsize=1_000)
def _count(circle: Circle) -> Select[Any]:
    """How many of a team could take a lead of a group, and what keeps them from it."""
    knows = can.skilled(literal(circle.skills))
    works = and_(knows, not_(can.PAUSED), can.AT_WORK)
    opens = case((knows, first_open(can.free_from(), (REP.c.duty, REP.c.zone))))
    columns = {
        "people": func.count(),
        "skilled": func.count().filter(knows),
        "paused": func.count().filter(knows, can.PAUSED),
        "working": func.count().filter(works),
        "spent": func.count().filter(works, can.left_today() < 1),
        "opens": func.min(opens, type_=Instant()),
    }
    return (
        select(*(column.label(name) for name, column in columns.items()))
        .select_from(REP)
        .join(MEMBER, MEMBER.c.rep == REP.c.rep)
        .where(MEMBER.c.team == circle.team, REP.c.active, can.TAKES_TURNS)
        .where(can.eligible(circle.excluded, ""))
    )


def _next_assignment() -> Select[Any]:
    """`:now` for one that no clock runs for yet; else the first working minute of who fits one.

    Few reps have room, many leads may wait: of each rep it is asked whether any would do.
    """
    clock = and_(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.generation == HANDOFF.c.generation)
    unseen = exists().where(
        QUEUED,
        HANDOFF.c.team.in_(select(MEMBER.c.team)),
        not_(exists().where(clock).correlate(HANDOFF)),
    )
    roomy = (
        select(MEMBER.c.team, REP.c.rep, REP.c.skills, REP.c.duty, REP.c.zone,
               can.TAKES_TURNS.label("turns"), can.free_from().label("since"))
        .join(REP, REP.c.rep == MEMBER.c.rep)
        .where(REP.c.active, REP.c.room > can.held())
        .cte("roomy")
        .prefix_with("MATERIALIZED")
    )  # fmt: skip
    fits = exists().where(
        QUEUED,
        HANDOFF.c.team == roomy.c.team,
        or_(roomy.c.turns, HANDOFF.c.named == roomy.c.rep),
        can.skilled(HANDOFF.c.skills, of=roomy.c.skills),
        not_(can.let_lapse(HANDOFF.c.id, roomy.c.rep)),
    ).correlate(roomy)
    begins = first_open(roomy.c.since, (roomy.c.duty, roomy.c.zone))
    free = select(func.min(begins, type_=Instant())).select_from(roomy).where(fits)
    waiting = exists().where(QUEUED)
    return select(case((not_(waiting), null()), (unseen, NOW), else_=free.scalar_subquery()))


NEXT_ASSIGNMENT = _next_assignment()
"""The next instant at which a queued handoff can be given: `:now` when somebody is free already,
or when it came to the queue and nobody looked yet.

NULL when no queue has anybody with room coming to work; room that frees wakes by itself.
"""
