"""Who waits in a team's queue, in groups that may go to the same people, and why they wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)
from sqlmodel import Session

from handoff import wording
from handoff.routing import availability as can
from handoff.routing.turns import Circle
from handoff.tables import CLOCK, HANDOFF, MEMBER, REP
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.openings import first_open
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.plans import among
from nurture.ledger.types import Instant

QUEUED = and_(among(HANDOFF.c.rep, ("",)), among(HANDOFF.c.state, ("offered",)))
_TEAM, _SKILLS, _LAPSED = (
    bindparam(name, type_=String()) for name in ("team", "skills", "lapsed")
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


def queued(session: Session) -> list[Group]:
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


def members(*columns: Any) -> Select[Any]:
    """The handoffs of a group, by its `team`, `skills` and `lapsed`."""
    mine = and_(HANDOFF.c.team == _TEAM, HANDOFF.c.skills == _SKILLS, _lapsed() == _LAPSED)
    return select(*columns or (HANDOFF.c.id, HANDOFF.c.lead_id)).where(QUEUED, mine)


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
