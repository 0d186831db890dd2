"""The deadlines of a handoff: a clock for each kind, generation and round, in business time.

`start`, `meet` and `stop` work on `batch` (id: the handoff) and leave a clock's ladder in step:
started with it, void as soon as it is met or stopped.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlmodel import Session

from handoff.sla.deadlines import open_time
from handoff.sla.starting import starting
from handoff.tables import CLOCK, HANDOFF, RUNG, RUNNING
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.ladders import Kind
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

OFFERED: tuple[Kind, ...] = ("accept", "first_touch")
"""The clocks an offer starts."""
TOUCHED: tuple[Kind, ...] = ("close", "next_step")
"""The clocks a touch starts; accepting starts the first of them."""


def start(
    session: Session, definitions: Definitions, rules: HandoffRules, *, why: str, now: datetime,
    kinds: tuple[Kind, ...] = OFFERED,
) -> None:  # fmt: skip
    """Start the clocks of these kinds that the policy has, and their ladders.

    They are of the current generation and run in the hours of its rep, or of the team, as the
    policy says; of a handoff in the queue the accept clock alone runs, in the team's.  One that
    is there already stays as it is.  close counts from the acceptance, next_step from the latest
    touch, each touch starting the next round of it.
    """
    if not any(set(kinds) & sla.clocks.keys() for sla in rules.sla.values()):
        return
    begun, ladders = starting(definitions, *kinds)
    session.execute(begun, {"now": now, "why": f"{why}; "})
    session.execute(ladders)


def meet(
    session: Session, kinds: tuple[Kind, ...], *, at: datetime | ColumnElement[Any], reason: str
) -> None:
    """The running clocks of these kinds are met, in time or late."""
    clocks = _clocks_of_batch(CLOCK.c.kind.in_(kinds))
    for statement in _ending(clocks, {"met_at": at}, literal(reason)):
        session.execute(statement)


def stop(session: Session, *, now: datetime, reason: str, before: bool = False) -> None:
    """Stop the clocks of the working set.

    `before`: of earlier generations only, and of these but what another rep begins anew; the
    others go on with who has the lead now.
    """
    if before:
        session.execute(_GOING_ON)
    for statement in _stop(before=before):
        session.execute(statement, {"now": now, "why": reason})


@lru_cache(maxsize=2)
def _stop(*, before: bool) -> tuple[Update, ...]:
    only = CLOCK.c.generation < HANDOFF.c.generation if before else literal(1) == 1
    why = bindparam("why", type_=String())
    return _ending(_clocks_of_batch(only), {"stopped_at": NOW}, why)


_MINE = select(batch.c.id)
_HELD = and_(RUNNING, CLOCK.c.lapsed_at.is_(None))
_GOING_ON = (
    update(CLOCK)
    .where(CLOCK.c.handoff_id == HANDOFF.c.id, HANDOFF.c.id.in_(_MINE))
    .where(CLOCK.c.generation == HANDOFF.c.generation - 1)
    .where(not_(CLOCK.c.restarts), CLOCK.c.stopped_at.is_(None))
    .where(or_(CLOCK.c.kind != "accept", CLOCK.c.met_at.is_(None)))
    .values(
        generation=HANDOFF.c.generation,
        rep=case((_HELD, HANDOFF.c.rep), else_=CLOCK.c.rep),
        begun_with=case(
            (_HELD, func.coalesce(CLOCK.c.begun_with, CLOCK.c.rep)), else_=CLOCK.c.begun_with
        ),
    )
)
"""Who let a clock run out, or met it, stays its rep; who gets a lead has to accept it anew."""


def _clocks_of_batch(where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(CLOCK.c.id)
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(CLOCK, CLOCK.c.handoff_id == HANDOFF.c.id)
        .where(RUNNING, where)
    )


def _ending(
    clocks: Select[Any], values: dict[str, Any], reason: ColumnElement[str]
) -> tuple[Update, ...]:
    """Rungs first: a clock that has ended no longer says which were waiting for it."""
    waiting = (RUNG.c.clock_id.in_(clocks), RUNG.c.state.in_(("waiting", "held")))
    said = CLOCK.c.reason + "; " + reason
    return (
        update(RUNG).where(*waiting).values(state="void", reason=reason),
        update(CLOCK).where(CLOCK.c.id.in_(clocks)).values(**values, reason=said),
        _measured(),
    )


@lru_cache(maxsize=1)
def _measured() -> Update:
    """Write down how long the clocks of the working set ran that have ended."""
    ended_at = func.coalesce(CLOCK.c.met_at, CLOCK.c.stopped_at, type_=Instant())
    end = Greatest(CLOCK.c.started_at, ended_at)  # a touch may be reported that came before
    took = end - CLOCK.c.started_at
    working = open_time(CLOCK.c.started_at, end, CLOCK.c.calendar, CLOCK.c.zone)
    opened = working - func.coalesce(CLOCK.c.held, 0)
    return (
        update(CLOCK)
        .where(CLOCK.c.handoff_id.in_(_MINE), CLOCK.c.took.is_(None), ended_at.is_not(None))
        .values(took=took, took_open=opened)
    )


def run_clocks(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Mark the clocks that ran out: `lapsed_at` is the first tick that saw it.

    Nothing else happens here; the ladder decides what follows.  `more` after a full batch.
    """
    if definitions.handoff is None:
        return Tally()
    found = fill(session, _LATE, now=now)
    if found:
        session.execute(_LAPSED, {"now": now})
    return Tally.of("clocks lapsed", found, more=found == SIZE)


_LATE = filling(
    select(CLOCK.c.id, HANDOFF.c.lead_id)
    .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
    .where(RUNNING, CLOCK.c.lapsed_at.is_(None), CLOCK.c.held_at.is_(None), CLOCK.c.due_at <= NOW)
    .order_by(CLOCK.c.due_at, CLOCK.c.id)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=CLOCK)
)
_LAPSED = (
    update(CLOCK)
    .where(CLOCK.c.id.in_(select(batch.c.id)), RUNNING, CLOCK.c.lapsed_at.is_(None))
    .values(lapsed_at=NOW)
)
