"""Rungs that are due: collapsed, taken with their handoffs, fired, and said.

All work on `batch` (id: the handoff, but for what is collapsed: the rung).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Insert,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    literal,
    not_,
    select,
    true,
    tuple_,
    update,
)
from sqlmodel import Session

from handoff.routing import availability as can
from handoff.routing.offers import DRAFT, NOTICE
from handoff.tables import CLOCK, HANDOFF, OPEN, REP, RUNG, RUNNING
from handoff.terms import teams
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new
from nurture.ledger.tally import Tally

ORDER = ("unavailable", "recycle", "give", "tell", "remind")
"""Who takes no more leads is not given one; then what stops the clocks."""

TEMPLATES = {"remind": "reminder", "tell": "manager-late", "recycle": "recycled"}
"""What each rung says; giving on says it with the next rep's offer."""

_LIVE = and_(
    among(RUNG.c.state, ("waiting",)),
    RUNNING,
    among(HANDOFF.c.state, OPEN),
    CLOCK.c.generation == HANDOFF.c.generation,
)


def joined(*columns: Any) -> Select[Any]:
    """Columns of rungs, with their clocks and handoffs."""
    return (
        select(*columns)
        .select_from(RUNG)
        .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
        .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
    )


ACTION = bindparam("verb", type_=String())
_DUE = and_(_LIVE, RUNG.c.due_at <= NOW)
_DUE_ACTIONS = joined(RUNG.c.action).where(_DUE).distinct()  # leans on `rung_due`
_COLLAPSED = (
    update(RUNG)
    .where(RUNG.c.id.in_(select(batch.c.id)), RUNG.c.state == "waiting")
    .values(state="collapsed", reason="overtaken: a later rung was due as well")
)
_MINE = joined(RUNG.c.id).join(batch, batch.c.id == HANDOFF.c.id)
_FIRED = (
    update(RUNG)
    .where(RUNG.c.id.in_(_MINE.where(_DUE, RUNG.c.action == ACTION).correlate(None)))
    .values(state="fired", fired_at=NOW, reason=bindparam("why", type_=String()))
)
JUST_FIRED = and_(
    RUNG.c.state == "fired",
    RUNG.c.fired_at == NOW,
    RUNG.c.action == ACTION,
    CLOCK.c.generation == HANDOFF.c.generation,
)
_STILL = joined(HANDOFF.c.id).where(JUST_FIRED, HANDOFF.c.id.in_(select(batch.c.id)))
_KEPT = delete(batch).where(batch.c.id.not_in(_STILL))


def due_actions(session: Session, *, now: datetime) -> list[str]:
    """The actions that are due, in the order they are done."""
    found = session.execute(_DUE_ACTIONS, {"now": now}).scalars()
    return sorted(found, key=lambda action: (ORDER.index(action.partition(":")[0]), action))


def collapse(session: Session, *, now: datetime) -> Tally:
    """Set aside the rungs a later one of the same clock has overtaken."""
    found = fill(session, _overtaken(), now=now)
    if found:
        session.execute(_COLLAPSED)
    return Tally.of("rungs collapsed", found, more=found == SIZE)


@lru_cache(maxsize=1)
def _overtaken() -> Insert:
    later, order = RUNG.alias("later"), ("due_at", "rung", "repetition")
    mine, others = (tuple_(*(each.c[name] for name in order)) for each in (RUNG, later))
    overtaken = (
        select(literal(1))
        .where(later.c.clock_id == RUNG.c.clock_id, later.c.state == "waiting")
        .where(later.c.due_at <= NOW, others > mine)
        .exists()
    )
    rows = joined(RUNG.c.id, HANDOFF.c.lead_id).where(_DUE, overtaken)
    locked = rows.order_by(RUNG.c.id).limit(SIZE).with_for_update(skip_locked=True, of=RUNG)
    return filling(locked)


def take(session: Session, action: str, *, now: datetime, others: bool | None = None) -> int:
    """Put the handoffs with a due rung of this action into `batch`, locked on PostgreSQL.

    With `others` only those somebody else of the team could have, or only the rest.
    """
    return fill(session, _taken(others), now=now, verb=action)


@lru_cache(maxsize=3)
def _taken(others: bool | None) -> Insert:
    due = joined(HANDOFF.c.id).where(_DUE, RUNG.c.action == ACTION).correlate(None)
    rows = select(HANDOFF.c.id, HANDOFF.c.lead_id).where(HANDOFF.c.id.in_(due))
    if others is not None:
        rows = rows.where(can.somebody_else() if others else not_(can.somebody_else()))
    ordered = rows.order_by(HANDOFF.c.id).limit(SIZE)
    return filling(ordered.with_for_update(skip_locked=True, of=HANDOFF))


def fire(
    session: Session, definitions: Definitions, action: str, reason: str, *, now: datetime
) -> int:
    """Mark the due rungs of `batch` fired, write their notices, and leave in `batch` whose fired.

    A rung whose clock was met after `batch` was filled does not fire.
    """
    asked = {"now": now, "verb": action}
    fired = changed(session, _FIRED, asked | {"why": reason})
    session.execute(_KEPT, asked)
    verb = action.partition(":")[0]
    if verb in TEMPLATES:
        session.execute(_notices(definitions, verb), asked)
    return fired


@once
def _notices(definitions: Definitions, verb: str) -> Insert:
    """One notice a rung: to the manager if told, or if nobody has the lead; else to the rep.  Where
    nobody has it there is nobody to remind."""
    assert definitions.handoff is not None
    team = teams(definitions, definitions.handoff)
    manager = team.c.manager
    to = manager if verb == "tell" else case((HANDOFF.c.rep == "", manager), else_=REP.c.email)
    key = literal("rung:") + cast(RUNG.c.id, String)
    row = (
        literal(DRAFT), key, HANDOFF.c.id, HANDOFF.c.lead_id, HANDOFF.c.generation,
        literal(TEMPLATES[verb]), NOW, NOW, NOW, to, RUNG.c.reason, RUNG.c.path,
    )  # fmt: skip
    rows = (
        joined(*row)
        .join(batch, batch.c.id == HANDOFF.c.id)
        .join(team, team.c.team == HANDOFF.c.team)
        .outerjoin(REP, REP.c.rep == HANDOFF.c.rep)
        .where(JUST_FIRED, HANDOFF.c.rep != "" if verb == "remind" else true())
        .order_by(RUNG.c.id)
    )
    return insert_new(t.Message, NOTICE, rows)
