"""What is where: read by commands and pages, and by the scheduler for its next instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select, true
from sqlmodel import Session

from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.sla.pauses import NEXT_END
from handoff.tables import CLOCK, HANDOFF, LEAD, OPEN, REP, RUNG, RUNNING
from nurture.language.files.ladders import KINDS
from nurture.ledger.statements.asking import Question, soonest, together
from nurture.ledger.statements.plans import among
from nurture.ledger.types import Instant

_LISTED = (
    HANDOFF.c.id, HANDOFF.c.lead_id, HANDOFF.c.team, HANDOFF.c.rep,
    func.coalesce(REP.c.name, "").label("rep_name"), HANDOFF.c.state, HANDOFF.c.generation,
    HANDOFF.c.reason, HANDOFF.c.path, HANDOFF.c.outcome, HANDOFF.c.amount, HANDOFF.c.opened_at,
    HANDOFF.c.offered_at, HANDOFF.c.held_until, HANDOFF.c.snoozed, HANDOFF.c.closed_at,
    LEAD.c.email, LEAD.c.external_id, LEAD.c.first_name, LEAD.c.last_name, LEAD.c.company,
)  # fmt: skip


DUE = (
    select(func.min(CLOCK.c.due_at, type_=Instant()))
    .where(CLOCK.c.handoff_id == HANDOFF.c.id, RUNNING)
    .where(or_(CLOCK.c.held_at.is_(None), CLOCK.c.lapsed_at.is_not(None)))
    .correlate(HANDOFF)
    .scalar_subquery()
)
"""The next deadline of a handoff, or the one that ran out first, of those that do not wait for the
lead; leans on `clock_once`."""
_PLACE = case({kind: place for place, kind in enumerate(KINDS)}, value=CLOCK.c.kind)


@dataclass(frozen=True)
class ClockRow:
    """One deadline; `late` is how long after it the clock was met, or has been running since."""

    handoff: int
    kind: str
    generation: int
    round: int
    rep: str
    zone: str
    allowed: timedelta | None
    business: bool
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    lapsed_at: datetime | None
    stopped_at: datetime | None
    held_at: datetime | None
    took: timedelta | None
    took_open: timedelta | None
    reason: str
    late: timedelta

    @property
    def late_open(self) -> timedelta | None:
        """How late in business time, once it has ended; None where that is not counted."""
        if self.took_open is None or self.allowed is None or not self.business:
            return None
        return max(timedelta(), self.took_open - self.allowed)

    @property
    def running(self) -> bool:
        """Neither met nor stopped."""
        return self.met_at is None and self.stopped_at is None

    @property
    def state(self) -> str:
        """running, waiting (for the lead), late, met, met late, or stopped."""
        if self.stopped_at:
            return "stopped"
        late = self.late > timedelta()
        if self.held_at and self.running and not late:
            return "waiting"
        if self.met_at:
            return "met late" if late else "met"
        return "late" if late else "running"


@dataclass(frozen=True)
class HandoffRow:
    """One handoff with its lead, its rep and the clocks of its current generation."""

    id: int
    lead_id: int
    team: str
    rep: str
    rep_name: str
    state: str
    generation: int
    reason: str
    path: str
    outcome: str
    amount: float | None
    opened_at: datetime
    offered_at: datetime | None
    held_until: datetime | None
    snoozed: int
    closed_at: datetime | None
    email: str | None
    external_id: str | None
    first_name: str
    last_name: str
    company: str
    clocks: tuple[ClockRow, ...] = ()

    @property
    def lead(self) -> str:
        """The lead as a person would name it."""
        name = f"{self.first_name} {self.last_name}".strip()
        return name or self.email or f"id:{self.external_id}"

    @property
    def next_clock(self) -> ClockRow | None:
        """The clock that runs out next, or ran out first; one that waits does neither."""
        running = (clock for clock in self.clocks if clock.state in ("running", "late"))
        return min(running, key=lambda clock: clock.due_at, default=None)

    @property
    def due_at(self) -> datetime | None:
        """The next deadline still running."""
        return self.next_clock.due_at if self.next_clock else None

    @property
    def late(self) -> timedelta:
        """How late the handoff is by its worst running clock."""
        return max((clock.late for clock in self.clocks if clock.running), default=timedelta())


def handoffs(
    session: Session, *, now: datetime, states: Sequence[str] = (), team: str = "", rep: str = "",
    lead: int | None = None, handoff: int | None = None, late: bool = False, limit: int = 200,
) -> list[HandoffRow]:  # fmt: skip
    """Handoffs with their current clocks: the nearest deadline first, closed ones last.

    `late`: those past a deadline that does not wait for the lead.
    """
    order = (case((HANDOFF.c.state.in_(OPEN), 0), else_=1), DUE.asc().nulls_last())
    asked = {
        HANDOFF.c.team: team or None, HANDOFF.c.rep: rep or None, HANDOFF.c.lead_id: lead,
        HANDOFF.c.id: handoff,
    }  # fmt: skip
    only = [column == value for column, value in asked.items() if value is not None]
    only += [HANDOFF.c.state.in_(states)] if states else []
    only += [now > DUE] if late else []
    return listed(session, *only, order=(*order, HANDOFF.c.id.desc()), now=now, limit=limit)


def listed(
    session: Session, *only: ColumnElement[bool], order: Sequence[Any], now: datetime, limit: int
) -> list[HandoffRow]:
    """The first handoffs, in this order, of those for which all of `only` holds."""
    rows = session.execute(
        select(*_LISTED)
        .join(LEAD, LEAD.c.id == HANDOFF.c.lead_id)
        .outerjoin(REP, REP.c.rep == HANDOFF.c.rep)
        .where(true(), *only)
        .order_by(*order)
        .limit(limit)
    ).mappings().all()
    clocks = clocks_of(session, [row["id"] for row in rows], now=now)
    return [
        HandoffRow(
            **row,
            clocks=tuple(
                c for c in clocks.get(row["id"], ()) if c.generation == row["generation"]
            ),
        )
        for row in rows
    ]


def clocks_of(
    session: Session, handoffs: Sequence[int], *, now: datetime
) -> dict[int, list[ClockRow]]:
    """Every clock of the handoffs a page shows, oldest first, with how late it is."""
    c = CLOCK.c
    rows = session.execute(
        select(
            c.handoff_id.label("handoff"), c.kind, c.generation, c.round, c.rep, c.zone, c.allowed,
            c.business, c.started_at, c.due_at, c.met_at, c.lapsed_at, c.stopped_at,
            c.held_at, c.took, c.took_open, c.reason,
        )
        .where(c.handoff_id.in_(handoffs))
        .order_by(c.handoff_id, c.generation, _PLACE, c.round)
    ).mappings()  # fmt: skip
    found: dict[int, list[ClockRow]] = {}
    for row in rows:
        until = row["met_at"] or row["stopped_at"] or now
        if row["held_at"] and row["due_at"] > row["held_at"]:  # it stands still
            until = row["due_at"]
        late = max(timedelta(), until - row["due_at"])
        found.setdefault(row["handoff"], []).append(ClockRow(**row, late=late))
    return found


def running_clocks(session: Session) -> dict[str, int]:
    """How many clocks of each kind run, by the order they should be met in."""
    kind = CLOCK.c.kind
    rows = session.execute(
        select(kind, func.count()).where(RUNNING).group_by(kind).order_by(_PLACE)
    )
    return {str(name): int(count) for name, count in rows}


@dataclass(frozen=True)
class RungRow:
    """One rung of a handoff's ladders."""

    kind: str
    generation: int
    rung: int
    repetition: int
    action: str
    due_at: datetime
    state: str
    fired_at: datetime | None
    reason: str
    path: str


def rungs_of(session: Session, handoff: int) -> list[RungRow]:
    """Every rung of a handoff, in the order they fall due."""
    r = RUNG.c
    rows = session.execute(
        select(
            CLOCK.c.kind, CLOCK.c.generation, r.rung, r.repetition, r.action, r.due_at, r.state,
            r.fired_at, r.reason, r.path,
        )
        .join(CLOCK, CLOCK.c.id == r.clock_id)
        .where(CLOCK.c.handoff_id == handoff)
        .order_by(CLOCK.c.generation, r.due_at, CLOCK.c.kind, r.rung, r.repetition)
    )  # fmt: skip
    return [RungRow(*row) for row in rows]


def next_due(session: Session, *, now: datetime) -> datetime | None:
    """When sales needs the next tick: a clock, a rung, or a queue somebody can take from."""
    return soonest(session, _NEXT, now=now)


QUESTIONS: tuple[Question, ...] = (
    select(func.min(CLOCK.c.due_at, type_=Instant())).where(
        RUNNING, CLOCK.c.lapsed_at.is_(None), CLOCK.c.held_at.is_(None)
    ),
    select(func.min(RUNG.c.due_at, type_=Instant())).where(among(RUNG.c.state, ("waiting",))),
    NEXT_ASSIGNMENT,
    NEXT_END,
)
_NEXT = together(QUESTIONS)
