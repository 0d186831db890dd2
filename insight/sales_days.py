"""Handoffs of a simulated time, team by team and day by day, against the room there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.handoffs import OPEN_STATES

H = table_of(t.Handoff).c
R = table_of(t.Rep).c
MEMBER = table_of(t.Member).c
Standing = Mapping[str, tuple[int, int]]
"""By team: open handoffs with reps, and in the queue."""
NONE = (0, 0)


@dataclass(frozen=True)
class SalesDay:
    """A team's day: handoffs opened and closed, and at its end those with reps and in the queue."""

    opened: int
    closed: int
    with_reps: int
    waiting: int


@dataclass(frozen=True)
class TeamFigures:
    """A team: the room of its reps for open handoffs, what came of its handoffs, and its days.

    `days_full` counts evenings on which somebody waited in the queue or no room was left.
    """

    team: str
    room: int
    opened: int
    states: dict[str, int]
    most_with_reps: int
    most_waiting: int
    days_full: int
    days: dict[str, SalesDay]


def standing(session: Session) -> Standing:
    """How many open handoffs each team has now; leans on `handoff_lead`."""
    rows = session.execute(_STANDING)
    return {team: (int(reps), int(queue)) for team, reps, queue in rows}


_STANDING = (
    select(
        H.team,
        func.sum(case((H.rep != "", 1), else_=0)),
        func.sum(case((H.rep == "", 1), else_=0)),
    )
    .where(H.state.in_(OPEN_STATES))
    .group_by(H.team)
)


def teams(
    session: Session, evenings: Mapping[date, Standing], *, zone: str
) -> list[TeamFigures]:
    """Every team with reps, by name; days are those of `evenings`, in the zone."""
    room = session.execute(
        select(MEMBER.team, func.sum(R.room))
        .join(table_of(t.Rep), R.rep == MEMBER.rep)
        .group_by(MEMBER.team)
        .order_by(MEMBER.team)
    )
    opened, closed = _by_day(session, H.opened_at, zone), _by_day(session, H.closed_at, zone)
    states: dict[str, dict[str, int]] = {}
    for team, state, count in session.execute(
        select(H.team, H.state, func.count()).group_by(H.team, H.state).order_by(H.state)
    ):
        states.setdefault(team, {})[state] = count
    found = []
    for team, places in room:
        days = {
            day.isoformat(): SalesDay(
                opened[team, day], closed[team, day], *evening.get(team, NONE)
            )
            for day, evening in evenings.items()
        }
        found.append(_figures(team, int(places), states.get(team, {}), days))
    return found


def _figures(
    team: str, room: int, states: dict[str, int], days: dict[str, SalesDay]
) -> TeamFigures:
    return TeamFigures(
        team=team,
        room=room,
        opened=sum(states.values()),
        states=states,
        most_with_reps=max((day.with_reps for day in days.values()), default=0),
        most_waiting=max((day.waiting for day in days.values()), default=0),
        days_full=sum(day.waiting > 0 or day.with_reps >= room for day in days.values()),
        days=days,
    )


def _by_day(session: Session, at: Any, zone: str) -> Counter[tuple[str, date]]:
    """Handoffs by team and local date."""
    found: Counter[tuple[str, date]] = Counter()
    place = ZoneInfo(zone)
    for team, instant, count in session.execute(
        select(H.team, at, func.count()).where(at.is_not(None)).group_by(H.team, at)
    ):
        found[team, instant.astimezone(place).date()] += count
    return found
