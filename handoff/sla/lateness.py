"""Which deadlines of sales are late, or run out soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from handoff.tables import CLOCK, HANDOFF, LEAD, RUNNING


@dataclass(frozen=True)
class RunningOut:
    """A clock that is late or will be soon; `left` is below zero when it is late."""

    handoff: int
    lead: str
    team: str
    rep: str
    state: str
    kind: str
    round: int
    due_at: datetime
    left: timedelta


def running_out(
    session: Session, *, now: datetime, within: timedelta, team: str = "", rep: str = "",
    limit: int = 200,
) -> list[RunningOut]:  # fmt: skip
    """Clocks that are late, or run out within this time: the most urgent first."""
    asked = {HANDOFF.c.team: team, HANDOFF.c.rep: rep}
    name = (LEAD.c.first_name + " " + LEAD.c.last_name).label("name")
    rows = session.execute(
        select(
            HANDOFF.c.id, name, LEAD.c.email, LEAD.c.external_id, HANDOFF.c.team, HANDOFF.c.rep,
            HANDOFF.c.state, CLOCK.c.kind, CLOCK.c.round, CLOCK.c.due_at,
        )
        .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
        .join(LEAD, LEAD.c.id == HANDOFF.c.lead_id)
        .where(RUNNING, CLOCK.c.held_at.is_(None), CLOCK.c.due_at <= now + within)
        .where(*(column == value for column, value in asked.items() if value))
        .order_by(CLOCK.c.due_at, CLOCK.c.id)
        .limit(limit)
    )  # fmt: skip
    return [
        RunningOut(
            row.id, row.name.strip() or row.email or f"id:{row.external_id}", row.team, row.rep,
            row.state, row.kind, row.round, row.due_at, row.due_at - now,
        )
        for row in rows
    ]
