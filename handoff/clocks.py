"""The deadlines of a handoff: one clock for each kind and generation, in business time.

`start`, `meet` and `stop` work on `batch` (id: the handoff) and leave a clock's ladder in step:
started with it, void as soon as it is met or stopped.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Insert,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlmodel import Session

from handoff import terms
from handoff.deadlines import due
from handoff.tables import CLOCK, HANDOFF, REP, RUNG
from nurture.language.definitions import Definitions
from nurture.language.handoff import HandoffRules
from nurture.language.once import once
from nurture.ledger import tables as t
from nurture.ledger.asking import NOW
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import insert_new

RUNNING = and_(CLOCK.c.met_at.is_(None), CLOCK.c.stopped_at.is_(None))
"""Nobody has met the clock and nothing stopped it (it may be late)."""

_CLOCK = (
    "handoff_id", "kind", "generation", "rep", "calendar", "zone", "started_at", "due_at", "reason",
)  # fmt: skip
_RUNG = ("clock_id", "rung", "action", "due_at", "path")


def start(
    session: Session, definitions: Definitions, rules: HandoffRules, *, why: str, now: datetime
) -> None:
    """Start the clocks of the current generation, and their ladders.

    Of a handoff with a rep both clocks run, in the rep's hours; of one in the queue the accept
    clock alone, in the team's.  A clock that is there already stays as it is.
    """
    begun, ladders = _start(definitions)
    session.execute(begun, {"now": now, "why": f"{why}; "})
    session.execute(ladders)


@once
def _start(definitions: Definitions) -> tuple[Insert, Insert]:
    """The clocks, and their ladders."""
    rules = definitions.handoff
    assert rules is not None
    holder = _holders(definitions, rules)
    window = terms.windows(rules)
    keys = (
        select(holder.c.hours, holder.c.zone, window.c.amount, window.c.business)
        .join(window, window.c.team == holder.c.team)
        .distinct()
        .cte("window_key")
    )
    ends_at = due(NOW, keys.c.amount, keys.c.business, keys.c.hours, keys.c.zone)
    ends = select(*keys.c, ends_at.label("due_at")).distinct().cte("window_end")
    rows = (
        select(
            holder.c.id,
            window.c.kind,
            holder.c.generation,
            holder.c.rep,
            holder.c.hours,
            holder.c.zone,
            NOW,
            ends.c.due_at,
            bindparam("why", type_=String()) + window.c.said,
        )
        .join(window, window.c.team == holder.c.team)
        .join(
            ends,
            and_(*(ends.c[name] == holder.c[name] for name in ("hours", "zone"))),
        )
        .where(ends.c.amount == window.c.amount, ends.c.business == window.c.business)
        .where(or_(holder.c.rep != "", window.c.kind == "accept"))
        .order_by(holder.c.id, window.c.kind)
    )
    return insert_new(t.Clock, _CLOCK, rows), insert_new(t.Rung, _RUNG, _ladders(rules))


def _holders(definitions: Definitions, rules: HandoffRules) -> CTE:
    """The handoffs of the working set with whose hours count: the rep's, else the team's."""
    team = terms.teams(definitions, rules)
    return (
        select(
            HANDOFF.c.id,
            HANDOFF.c.team,
            HANDOFF.c.rep,
            HANDOFF.c.generation,
            func.coalesce(REP.c.hours, team.c.hours).label("hours"),
            func.coalesce(REP.c.zone, team.c.zone).label("zone"),
        )
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(team, team.c.team == HANDOFF.c.team)
        .outerjoin(REP, REP.c.rep == HANDOFF.c.rep)
        .cte("holder")
    )


def _current() -> Select[Any]:
    """The running clocks of the working set's current generation."""
    return (
        select(CLOCK, HANDOFF.c.team)
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(
            CLOCK,
            and_(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.generation == HANDOFF.c.generation),
        )
        .where(RUNNING)
    )


def _ladders(rules: HandoffRules) -> Select[Any]:
    """The rungs of the running clocks; in the queue there is nobody to remind."""
    clock = _current().cte("running")
    rung = terms.rungs(rules)
    fits = and_(rung.c.team == clock.c.team, rung.c.kind == clock.c.kind)
    wanted = or_(clock.c.rep != "", rung.c.action != "remind")
    shared = ("calendar", "zone", "started_at", "due_at")
    said = ("share", "after", "business")
    keys = (
        select(*(clock.c[name] for name in shared), *(rung.c[name] for name in said))
        .join(rung, fits)
        .where(wanted)
        .distinct()
        .cte("rung_key")
    )
    falls = _falls(keys)
    at = select(*keys.c, falls.label("falls_at")).distinct().cte("rung_end")
    return (
        select(clock.c.id, rung.c.rung, rung.c.action, at.c.falls_at, rung.c.path)
        .join(rung, fits)
        .join(
            at,
            and_(
                *(at.c[name] == clock.c[name] for name in shared),
                *(at.c[name].is_not_distinct_from(rung.c[name]) for name in said),
            ),
        )
        .where(wanted)
        .order_by(clock.c.id, rung.c.rung)
    )


def _falls(keys: CTE) -> ColumnElement[Any]:
    """When a rung falls due: a share of the window after its start, or a time after its end."""
    start_at = case((keys.c.share.is_not(None), keys.c.started_at), else_=keys.c.due_at)
    amount = func.coalesce(keys.c.share, keys.c.after)
    return due(start_at, amount, keys.c.business, keys.c.calendar, keys.c.zone)


def meet(
    session: Session, kinds: tuple[str, ...], *, at: datetime | ColumnElement[Any], reason: str
) -> None:
    """The running clocks of these kinds are met, in time or late."""
    clocks = _clocks_of_batch(CLOCK.c.kind.in_(kinds))
    for statement in _ending(clocks, {"met_at": at}, literal(reason)):
        session.execute(statement)


def stop(session: Session, *, now: datetime, reason: str, before: bool = False) -> None:
    """Stop the clocks of the working set; `before`: of earlier generations only."""
    for statement in _stop(before=before):
        session.execute(statement, {"now": now, "why": reason})


@lru_cache(maxsize=2)
def _stop(*, before: bool) -> tuple[Update, Update]:
    only = CLOCK.c.generation < HANDOFF.c.generation if before else literal(1) == 1
    why = bindparam("why", type_=String())
    return _ending(_clocks_of_batch(only), {"stopped_at": NOW}, why)


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
) -> tuple[Update, Update]:
    """Rungs first: a clock that has ended no longer says which were waiting for it."""
    waiting = (RUNG.c.clock_id.in_(clocks), RUNG.c.state == "waiting")
    said = CLOCK.c.reason + "; " + reason
    return (
        update(RUNG).where(*waiting).values(state="void", reason=reason),
        update(CLOCK).where(CLOCK.c.id.in_(clocks)).values(**values, reason=said),
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
    .where(RUNNING, CLOCK.c.lapsed_at.is_(None), CLOCK.c.due_at <= NOW)
    .order_by(CLOCK.c.due_at, CLOCK.c.id)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=CLOCK)
)
_LAPSED = (
    update(CLOCK)
    .where(CLOCK.c.id.in_(select(batch.c.id)), RUNNING, CLOCK.c.lapsed_at.is_(None))
    .values(lapsed_at=NOW)
)
