"""How sales kept its word: handoffs by team and state, clocks met, late and lapsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, literal, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant

H = table_of(t.Handoff).c
C = table_of(t.Clock).c
R = table_of(t.Rung).c


@dataclass(frozen=True)
class TeamLine:
    """Handoffs of a team in one state."""

    team: str
    state: str
    count: int


@dataclass(frozen=True)
class ClockLine:
    """One kind of clock of a team: met in time, met late, lapsed (it ran out and nobody ever met
    it, whether it still stands or was given on since), running, stopped before it ran out."""

    team: str
    clock: str
    in_time: int
    late: int
    lapsed: int
    running: int
    stopped: int
    mean_late: timedelta | None


@dataclass(frozen=True)
class RungLine:
    """What ladders did: one action in one state."""

    action: str
    state: str
    count: int


def handoffs(session: Session) -> list[TeamLine]:
    """Handoffs by team and state."""
    rows = session.execute(
        select(H.team, H.state, func.count()).group_by(H.team, H.state).order_by(H.team, H.state)
    )
    return [TeamLine(*row) for row in rows]


def clocks(session: Session, *, now: datetime) -> list[ClockLine]:
    """Every clock ever started, judged as of `now`; each stands in exactly one column."""
    at = literal(now, Instant())
    until = func.coalesce(C.stopped_at, at, type_=Instant())
    unmet, ran_out = C.met_at.is_(None), C.due_at < until
    columns = {
        "in_time": C.met_at <= C.due_at,
        "late": C.met_at > C.due_at,
        "lapsed": unmet & ran_out,
        "running": unmet & ~ran_out & C.stopped_at.is_(None),
        "stopped": unmet & ~ran_out & C.stopped_at.is_not(None),
    }
    late = case((C.met_at > C.due_at, C.met_at - C.due_at))
    rows = session.execute(
        select(
            H.team,
            C.kind,
            *(func.sum(case((test, 1), else_=0)) for test in columns.values()),
            func.avg(late),
        )
        .join(table_of(t.Handoff), H.id == C.handoff_id)
        .group_by(H.team, C.kind)
        .order_by(H.team, C.kind)
    )
    return [
        ClockLine(*counts, None if mean is None else _duration(mean))  # type: ignore[call-arg]
        for *counts, mean in (tuple(row) for row in rows)
    ]


def rungs(session: Session) -> list[RungLine]:
    """What the ladders did."""
    rows = session.execute(
        select(R.action, R.state, func.count())
        .where(R.state.in_(("fired", "collapsed")))
        .group_by(R.action, R.state)
        .order_by(R.action, R.state)
    )
    return [RungLine(*row) for row in rows]


def closed_at(session: Session, lead_id: int) -> datetime | None:
    """When sales was done with a lead, the last time; None while it never was."""
    last = select(func.max(H.closed_at, type_=Instant())).where(H.lead_id == lead_id)
    found: datetime | None = session.execute(last).scalar()
    return found


def _duration(micros: object) -> timedelta:
    whole = micros if isinstance(micros, timedelta) else timedelta(microseconds=float(str(micros)))
    return timedelta(seconds=round(whole.total_seconds()))
