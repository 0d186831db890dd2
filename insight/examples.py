"""Leads whose way through sales is worth telling: sold, sent back, or left until nobody was left.

Each is the first that shows the most; None where nothing of the kind happened.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant

H, C, R = table_of(t.Handoff).c, table_of(t.Clock).c, table_of(t.Rung).c
E, F = table_of(t.Enrolment).c, table_of(t.FollowUp).c
_FIRED = (
    select(C.handoff_id, func.count(R.action.distinct()).label("actions"))
    .join(table_of(t.Rung), R.clock_id == C.id)
    .where(R.state == "fired")
    .group_by(C.handoff_id)
    .subquery()
)


def sold(session: Session) -> int | None:
    """The lead won by sales, after a ladder had to climb if there is one; else any with sales."""
    won = select(H.lead_id).where(H.state == "won").order_by(H.id)
    climbed = won.where(H.id.in_(select(_FIRED.c.handoff_id)))
    return _first(session, climbed, won, select(H.lead_id).order_by(H.id))


def lapsed(session: Session) -> int | None:
    """The lead sales let lapse after the most different rungs of its ladder fired."""
    return _first(
        session,
        select(H.lead_id)
        .join(_FIRED, _FIRED.c.handoff_id == H.id)
        .where(H.state == "lapsed")
        .order_by(_FIRED.c.actions.desc(), H.id),
    )


def returned(session: Session) -> int | None:
    """The lead sales rejected that nurture took up again; first one whose time had to come."""
    rejected = select(H.lead_id).where(H.state == "rejected").order_by(H.id)
    waited = select(F.id).where(F.handoff_id == H.id, F.state == "started")
    taken = select(E.id).where(E.lead_id == H.lead_id, E.entered_at >= H.closed_at)
    return _first(session, rejected.where(waited.exists()), rejected.where(taken.exists()))


def offered_at(session: Session, lead_id: int) -> datetime | None:
    """When the lead's newest handoff was opened; None if it never was with sales."""
    opened = select(func.max(H.opened_at, type_=Instant())).where(H.lead_id == lead_id)
    found: datetime | None = session.execute(opened).scalar()
    return found


def offers(session: Session, team: str, *, begin: datetime, end: datetime) -> dict[str, int]:
    """How many offers each rep of a team got from `begin` up to `end`, by the rep's name."""
    rows = session.execute(
        select(C.rep, func.count())
        .join(table_of(t.Handoff), H.id == C.handoff_id)
        .where(H.team == team, C.kind == "accept", C.rep != "")
        .where(C.started_at >= begin, C.started_at < end)
        .group_by(C.rep)
    )
    return {str(rep): int(count) for rep, count in rows}


def _first(session: Session, *queries: Select[tuple[int]]) -> int | None:
    found = (session.execute(query.limit(1)).scalar() for query in queries)
    return next((int(lead) for lead in found if lead is not None), None)
