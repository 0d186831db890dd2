"""Reps and teams that are gone from handoff.yaml: what they had goes on to others.

Handoffs of a team that is gone go where routing sends their leads now, those of a rep who is gone
to the queue of their team: accepted or not, under a new generation whose clocks `assign` starts.
Each leaves its reason in the lead's timeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    Update,
    and_,
    case,
    func,
    literal,
    select,
    update,
)
from sqlmodel import Session

from handoff import lifecycle
from handoff.escalation.ladder import release
from handoff.routing.routes import routed
from handoff.tables import HANDOFF, OPEN, REP
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.plans import among

_OPEN = among(HANDOFF.c.state, OPEN)
_GONE = and_(_OPEN, REP.c.active.is_(False))
_REP = HANDOFF.join(REP, REP.c.rep == HANDOFF.c.rep)


@dataclass(frozen=True)
class Moved:
    """So many open handoffs of a team and a rep ('' while in the queue) go to a team's queue."""

    team: str
    rep: str
    handoffs: int
    to: str


def move_on(session: Session, definitions: Definitions, *, now: datetime) -> list[Moved]:
    """Move what people who are gone had; returns from whom to whom, teams that are gone first."""
    rules = definitions.handoff
    if rules is None:
        return []
    lost = and_(_OPEN, HANDOFF.c.team.not_in(list(rules.teams)))
    found: list[Moved] = []
    while fill(session, _those(HANDOFF, lost)):
        to = routed(definitions)
        found += _moved(session, _per(to.c.team).join(to, to.c.id == HANDOFF.c.id), now=now)
        why = literal("the team ") + HANDOFF.c.team + literal(" is gone from handoff.yaml")
        lifecycle.note(session, now=now, old=_HOLDER, new="queue", reason=why)
        session.execute(_sent_to(to), {"now": now})
        release(session, now=now, reason="its team is gone")
    while fill(session, _those(_REP, _GONE)):
        found += _moved(session, _per(HANDOFF.c.team), now=now)
        why = HANDOFF.c.rep + literal(" is gone from handoff.yaml")
        lifecycle.note(session, now=now, old=_HOLDER, new="queue", reason=why)
        release(session, now=now, reason="its rep is gone")
    return found


_HOLDER = case((HANDOFF.c.rep == "", "queue"), else_=HANDOFF.c.rep)


def _those(source: FromClause, where: ColumnElement[bool]) -> Insert:
    rows = select(HANDOFF.c.id, HANDOFF.c.lead_id).select_from(source).where(where)
    ordered = rows.order_by(HANDOFF.c.id).limit(SIZE)
    return filling(ordered.with_for_update(of=HANDOFF))


def _per(to: ColumnElement[str]) -> Select[Any]:
    """How many of the working set each team's reps have, by the team they go `to`."""
    same = (HANDOFF.c.team, HANDOFF.c.rep, to)
    counted = select(*same, func.count()).select_from(batch)
    return counted.join(HANDOFF, HANDOFF.c.id == batch.c.id).group_by(*same).order_by(*same)


def _moved(session: Session, counted: Select[Any], *, now: datetime) -> list[Moved]:
    rows = session.execute(counted, {"now": now})
    return [Moved(team, rep, count, to) for team, rep, to, count in rows]


def _sent_to(to: CTE) -> Update:
    said = HANDOFF.c.reason + literal("; then ") + to.c.said
    return (
        update(HANDOFF)
        .where(HANDOFF.c.id == to.c.id)
        .values(
            team=to.c.team, path=to.c.path, rule=to.c.said, skills=to.c.skills,
            named=to.c.named, reason=said,
        )
    )
