"""Who can take a lead at an instant, and what keeps the others from it.

Each obstacle is one predicate over `rep`; what assigns asks that none stands in the way, what
explains asks which do.  All ask at `NOW`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, not_, null, or_, select

from handoff.tables import CLOCK, HANDOFF, MEMBER, OPEN, REP
from nurture.ledger.openings import first_open, is_open
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.extremes import Greatest, Least
from nurture.ledger.statements.plans import among

_PLENTY = 1_000_000
_ON_DUTY = (REP.c.duty, REP.c.zone)

GONE = not_(REP.c.active)
PAUSED = and_(
    REP.c.paused_at.is_not(None), or_(REP.c.paused_until.is_(None), REP.c.paused_until > NOW)
)
AT_WORK = is_open(NOW, *_ON_DUTY)
NEXT_WORK = first_open(NOW, _ON_DUTY)
"""When the rep is at work next, days away left out; NULL when nobody knows."""
AWAY = func.coalesce(
    first_open(NOW, (REP.c.hours, REP.c.zone)) < NEXT_WORK, NEXT_WORK.is_(None), literal(value=True)
)
"""Their working hours come sooner than they do."""
TAKES_TURNS = REP.c.weight > 0


def held() -> ColumnElement[int]:
    """How many open handoffs a rep has; leans on `handoff_rep`."""
    other = HANDOFF.alias("held")
    return (
        select(func.count())
        .select_from(other)
        .where(other.c.rep == REP.c.rep, among(other.c.state, OPEN))
        .correlate_except(other)
        .scalar_subquery()
    )


def today() -> ColumnElement[int]:
    """How many handoffs a rep was given on this one of their days."""
    return case((REP.c.taken_until > NOW, REP.c.taken), else_=0)


def left_today() -> ColumnElement[int]:
    """How many more a rep takes today."""
    return func.coalesce(REP.c.per_day - today(), _PLENTY)


def room() -> ColumnElement[int]:
    """How many more handoffs a rep takes now: open ones and today's both have to fit."""
    return Least(REP.c.room - held(), left_today())


def free_from() -> ColumnElement[Any]:
    """From when on no pause and no full day is in the way; NULL while a pause has no end."""
    resumes = case((PAUSED, REP.c.paused_until), else_=NOW)
    refreshed = case((left_today() < 1, REP.c.taken_until), else_=NOW)
    for_good = and_(PAUSED, REP.c.paused_until.is_(None))
    return case((for_good, null()), else_=Greatest(NOW, resumes, refreshed))


def let_lapse(handoff: Any, rep: Any) -> ColumnElement[bool]:
    """Whether this rep let a clock of this handoff run out; leans on `clock_once`."""
    own = CLOCK.alias("lapse")
    return (
        select(literal(1))
        .where(own.c.handoff_id == handoff, own.c.rep == rep, own.c.lapsed_at.is_not(None))
        .correlate_except(own)
        .exists()
    )


def skilled(wanted: Any, *, of: Any = REP.c.skills) -> ColumnElement[bool]:
    """Whether a rep has all skills of a list that is sorted and joined with commas, as theirs is.

    Each own skill stands between commas of its own, so that the wanted ones are found in their
    order: `%,english,%,german,%` in `,english,,french,,german,`.
    """
    own = literal(",") + func.replace(of, ",", ",,") + ","
    spelt = func.replace(func.replace(wanted, "_", "!_"), ",", ",%,")
    return or_(wanted == "", own.like(literal("%,") + spelt + ",%", escape="!"))


def present(excluded: Iterable[str], skills: str) -> ColumnElement[bool]:
    """A rep who may take such a lead, at work this minute or not, if there is room."""
    return and_(not_(GONE), not_(PAUSED), not_(AWAY), eligible(excluded, skills))


def eligible(excluded: Iterable[str], skills: str) -> ColumnElement[bool]:
    """A rep such a lead may go to at all: with its skills, and who did not let it lapse."""
    listed = list(excluded)
    return and_(
        skilled(literal(skills)) if skills else literal(value=True),
        REP.c.rep.not_in(listed) if listed else literal(value=True),
    )


def somebody_else() -> ColumnElement[bool]:
    """Another member takes turns, has the skills, is not paused, and has not let this handoff lapse
    (a queue gives on by itself)."""
    other = (
        select(literal(1))
        .select_from(MEMBER.join(REP, REP.c.rep == MEMBER.c.rep))
        .where(MEMBER.c.team == HANDOFF.c.team, REP.c.active, REP.c.rep != HANDOFF.c.rep)
        .where(TAKES_TURNS, skilled(HANDOFF.c.skills), not_(PAUSED))
        .where(~let_lapse(HANDOFF.c.id, REP.c.rep))
        .correlate(HANDOFF)
        .exists()
    )
    return and_(HANDOFF.c.rep != "", other)
