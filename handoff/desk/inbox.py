"""What somebody in sales has before them: their open handoffs, the most urgent first.

Each question is a statement or two through the indexes of open handoffs (`handoff_rep`,
`handoff_queue`, `handoff_lead`), however many are closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, union_all
from sqlmodel import Session

from handoff.desk.board import DUE, HandoffRow, listed
from handoff.desk.seats import Seat
from handoff.tables import HANDOFF, LEAD, OPEN
from nurture.ledger.statements.plans import among, one_of

H = HANDOFF.c
LONGEST_TEXT = 80
LOOK_BACK = timedelta(days=30)
"""So long what was closed can be looked up."""


@dataclass(frozen=True)
class Wanted:
    """Which handoffs: `mine` with what I could take, only what I could take (`queue`), what I had
    and is `closed` since `LOOK_BACK`, or all open ones of the `teams` I manage; of those, the ones
    that fit everything else that is said."""

    whose: str = "mine"
    state: str = ""
    team: str = ""
    rep: str = ""
    text: str = ""
    late: bool = False
    waiting: bool = False


@dataclass(frozen=True)
class Counts:
    """How many there are, whatever else is wanted of them."""

    total: int
    late: int
    waiting: int


def urgent(
    session: Session, seat: Seat, wanted: Wanted, *, now: datetime, limit: int
) -> list[HandoffRow]:
    """What is late first, then by the next deadline; what waits for its lead comes after those.
    Of closed ones the latest first."""
    order: tuple[Any, ...] = (DUE.asc().nulls_last(), H.held_until.asc().nulls_last(), H.id)
    if wanted.whose == "closed":
        order = (H.closed_at.desc(), H.id.desc())
    only = (_of(seat, wanted.whose, now), *_narrowed(wanted, now))
    return listed(session, *only, order=order, now=now, limit=limit)


def count(session: Session, seat: Seat, whose: str, *, now: datetime) -> Counts:
    """How many there are to see."""
    late = func.coalesce(func.sum(case((now > DUE, 1), else_=0)), 0)
    waiting = func.count(H.held_until)
    asked = select(func.count(), late, waiting).select_from(HANDOFF).where(_of(seat, whose, now))
    return Counts(*session.execute(asked).one())


def loads(session: Session, seat: Seat, *, now: datetime) -> dict[tuple[str, str], Counts]:
    """The same of every rep in the teams a seat manages, by (team, rep); '' is the queue."""
    rows = session.execute(
        select(H.team, H.rep, *_counts(now)).where(_of(seat, "teams", now)).group_by(H.team, H.rep)
    )
    return {(team, rep): Counts(*counted) for team, rep, *counted in rows}


def _counts(now: datetime) -> tuple[ColumnElement[int], ...]:
    late = func.coalesce(func.sum(case((now > DUE, 1), else_=0)), 0)
    return func.count(H.id), late, func.count(H.held_until)


def _of(seat: Seat, whose: str, now: datetime) -> ColumnElement[bool]:
    """The handoffs of a seat, the open ones by number: each part leans on an index of its own."""
    if whose == "closed":
        return and_(one_of(H.rep, seat.reps), H.closed_at > now - LOOK_BACK)
    held = (one_of(H.rep, seat.reps), among(H.state, OPEN))
    queued = (among(H.rep, ("",)), among(H.state, ("offered",)), one_of(H.team, seat.teams))
    if whose == "teams":
        return and_(one_of(H.team, seat.managed), among(H.state, OPEN))
    if whose == "queue":
        return and_(*queued)
    return H.id.in_(union_all(select(H.id).where(*held), select(H.id).where(*queued)))


def _narrowed(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    asked: list[tuple[Any, ColumnElement[bool]]] = [
        (wanted.state, H.state == wanted.state),
        (wanted.team, H.team == wanted.team),
        (wanted.rep, H.rep == wanted.rep),
        (wanted.late, now > DUE),
        (wanted.waiting, H.held_until.is_not(None)),
        (wanted.text, _named(wanted.text)),
    ]
    return [holds for said, holds in asked if said]


def _named(text: str) -> ColumnElement[bool]:
    """The lead's name, address or company holds these words."""
    name = LEAD.c.first_name + " " + LEAD.c.last_name
    words = text[:LONGEST_TEXT].lower()
    if not words:
        return false()
    places = (name, func.coalesce(LEAD.c.email, ""), LEAD.c.company)
    return or_(*(func.lower(each).contains(words, autoescape=True) for each in places))
