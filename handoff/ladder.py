"""What happens as a clock runs out: remind the rep, tell the manager, give on, back to nurture.

Of a clock with several rungs due at once (an outage, a long quantum) only the last fires; the
others are `collapsed`.  Where two clocks of one handoff fire together, recycling goes before
giving, giving before telling: what stops the clocks leaves the other's rungs void.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    delete,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlmodel import Session

from handoff import clocks, closing, turns
from handoff.assignment import assign
from handoff.offers import DRAFT, NOTICE
from handoff.tables import CLOCK, HANDOFF, MEMBER, OPEN, REP, RUNG
from handoff.terms import teams
from nurture.language.definitions import Definitions
from nurture.language.handoff import HandoffRules
from nurture.ledger import tables as t
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.upsert import insert_new

ORDER = ("recycle", "give", "tell", "remind")
"""What stops the clocks comes first."""

TEMPLATES = {"remind": "reminder", "tell": "manager-late", "recycle": "recycled"}
"""What each rung says; giving on says it with the next rep's offer."""

_LIVE = and_(
    among(RUNG.c.state, ("waiting",)),
    clocks.RUNNING,
    HANDOFF.c.state.in_(OPEN),
    CLOCK.c.generation == HANDOFF.c.generation,
)


def climb(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Fire every rung that is due: once each, never early, never after its clock was met.

    What is given on goes through `assign` at once; what is recycled enters its sequence.
    """
    rules = definitions.handoff
    if rules is None:
        return Tally()
    tally = _collapse(session, now=now)
    if tally.more:
        return tally
    for action in _due_actions(session, now=now):
        verb, _, sequence = action.partition(":")
        if verb == "recycle":
            tally += _recycle(session, definitions, rules, action, sequence, now=now)
        elif verb == "give":
            tally += _give(session, definitions, rules, now=now)
        else:
            tally += _say(session, definitions, rules, action, now=now)
    return tally


def _rungs(now: datetime) -> ColumnElement[bool]:
    return and_(_LIVE, RUNG.c.due_at <= now)


def _joined(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(RUNG)
        .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
        .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
    )


def _due_actions(session: Session, *, now: datetime) -> list[str]:
    """The actions that are due, in the order they are done; leans on `rung_due`."""
    found = session.execute(_joined(RUNG.c.action).where(_rungs(now)).distinct()).scalars()
    return sorted(found, key=lambda action: (ORDER.index(action.partition(":")[0]), action))


def _collapse(session: Session, *, now: datetime) -> Tally:
    """Set aside the rungs a later one of the same clock has overtaken."""
    later, number = RUNG.alias("later"), RUNG.c.rung
    overtaken = (
        select(literal(1))
        .where(later.c.clock_id == RUNG.c.clock_id, later.c.state == "waiting")
        .where(later.c.due_at <= now)
        .where(
            or_(
                later.c.due_at > RUNG.c.due_at,
                and_(later.c.due_at == RUNG.c.due_at, later.c.rung > number),
            )
        )
        .exists()
    )
    rows = _joined(RUNG.c.id, HANDOFF.c.lead_id).where(_rungs(now), overtaken)
    locked = rows.order_by(RUNG.c.id).limit(SIZE).with_for_update(skip_locked=True, of=RUNG)
    found = fill(session, filling(locked))
    if found:
        session.execute(
            update(RUNG)
            .where(RUNG.c.id.in_(select(batch.c.id)), RUNG.c.state == "waiting")
            .values(state="collapsed", reason="overtaken: a later rung was due as well")
        )
    return Tally.of("rungs collapsed", found, more=found == SIZE)


def _take(session: Session, action: str, only: ColumnElement[bool], *, now: datetime) -> int:
    """Put the handoffs with a due rung of this action into `batch`, locked on PostgreSQL."""
    due = _joined(HANDOFF.c.id).where(_rungs(now), RUNG.c.action == action).correlate(None)
    rows = (
        select(HANDOFF.c.id, HANDOFF.c.lead_id)
        .where(HANDOFF.c.id.in_(due), only)
        .order_by(HANDOFF.c.id)
        .limit(SIZE)
        .with_for_update(skip_locked=True, of=HANDOFF)
    )
    return fill(session, filling(rows))


def _fire(
    session: Session, definitions: Definitions, rules: HandoffRules, action: str, reason: str,
    *, now: datetime,
) -> int:  # fmt: skip
    """Mark the due rungs of `batch` fired, write their notices, and leave in `batch` whose fired.

    A rung whose clock was met after `batch` was filled does not fire.
    """
    mine = (
        _joined(RUNG.c.id)
        .join(batch, batch.c.id == HANDOFF.c.id)
        .where(_rungs(now), RUNG.c.action == action)
    )
    done = session.execute(
        update(RUNG)
        .where(RUNG.c.id.in_(mine.correlate(None)))
        .values(state="fired", fired_at=now, reason=reason)
    )
    fired = and_(RUNG.c.state == "fired", RUNG.c.fired_at == now, RUNG.c.action == action)
    current = and_(fired, CLOCK.c.generation == HANDOFF.c.generation)
    kept = _joined(HANDOFF.c.id).where(current).where(HANDOFF.c.id.in_(select(batch.c.id)))
    session.execute(delete(batch).where(batch.c.id.not_in(kept)))
    if action.partition(":")[0] in TEMPLATES:
        drafts = _notices(definitions, rules, current, action, now=now)
        session.execute(insert_new(t.Message, NOTICE, drafts))
    count: int = done.rowcount  # type: ignore[attr-defined]
    return count


def _notices(
    definitions: Definitions, rules: HandoffRules, fired: ColumnElement[bool], action: str,
    *, now: datetime,
) -> Select[Any]:
    """One notice a rung: to the manager if told, or if nobody has the lead; else to the rep."""
    team = teams(definitions, rules)
    verb = action.partition(":")[0]
    manager = team.c.manager
    to = manager if verb == "tell" else case((CLOCK.c.rep == "", manager), else_=REP.c.email)
    at = literal(now, Instant())
    key = literal("rung:") + cast(RUNG.c.id, String)
    row = (
        literal(DRAFT), key, HANDOFF.c.id, HANDOFF.c.lead_id, HANDOFF.c.generation,
        literal(TEMPLATES[verb]), at, at, at, to, RUNG.c.reason, RUNG.c.path,
    )  # fmt: skip
    return (
        _joined(*row)
        .join(batch, batch.c.id == HANDOFF.c.id)
        .join(team, team.c.team == HANDOFF.c.team)
        .outerjoin(REP, REP.c.rep == CLOCK.c.rep)
        .where(fired)
        .order_by(RUNG.c.id)
    )


_SAID = {"remind": "the window is running out", "tell": "the window ran out"}


def _say(
    session: Session, definitions: Definitions, rules: HandoffRules, action: str, *, now: datetime
) -> Tally:
    found = _take(session, action, literal(1) == 1, now=now)
    fired = _fire(session, definitions, rules, action, _SAID[action], now=now) if found else 0
    return Tally.of(f"rungs {action}", fired, more=found == SIZE)


def _give(
    session: Session, definitions: Definitions, rules: HandoffRules, *, now: datetime
) -> Tally:
    """Take the lead from who let it lapse and offer it to the next; without one it stays."""
    found = _take(session, "give", _somebody_else(), now=now)
    tally = Tally()
    if found:
        fired = _fire(session, definitions, rules, "give", "given on: the window ran out", now=now)
        release(session, now=now, reason="the window ran out")
        tally += Tally.of("rungs give", fired, more=found == SIZE)
    left = _take(session, "give", not_(_somebody_else()), now=now) if found < SIZE else 0
    if left:
        why = "nobody else of the team is left: it stays where it is"
        tally += Tally.of("rungs give", _fire(session, definitions, rules, "give", why, now=now))
    return tally + assign(session, definitions, now=now) if found else tally


def release(session: Session, *, now: datetime, reason: str) -> None:
    """Put the working set's handoffs back into their team's queue, under a new generation.

    The clocks of whoever had them stop; `assign` starts new ones.
    """
    session.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(select(batch.c.id)), HANDOFF.c.state.in_(OPEN))
        .values(
            rep="", state="offered", generation=HANDOFF.c.generation + 1,
            offered_at=None, accepted_at=None,
        )
    )  # fmt: skip
    clocks.stop(session, now=now, reason=f"given on: {reason}", before=True)


def _somebody_else() -> ColumnElement[bool]:
    """Another active member has not let this handoff lapse (a queue gives on by itself)."""
    other = (
        select(literal(1))
        .select_from(MEMBER.join(REP, REP.c.rep == MEMBER.c.rep))
        .where(MEMBER.c.team == HANDOFF.c.team, REP.c.active, REP.c.rep != HANDOFF.c.rep)
        .where(~turns.let_lapse(HANDOFF.c.id, REP.c.rep))
        .correlate(HANDOFF)
        .exists()
    )
    return and_(HANDOFF.c.rep != "", other)


def _recycle(
    session: Session, definitions: Definitions, rules: HandoffRules, action: str, sequence: str,
    *, now: datetime,
) -> Tally:  # fmt: skip
    """Close the handoff as lapsed and send the lead back to nurture, into the rung's sequence."""
    found = _take(session, action, literal(1) == 1, now=now)
    if not found:
        return Tally()
    why = "nobody in sales acted in time: back to nurture"
    fired = _fire(session, definitions, rules, action, why, now=now)
    closing.close(session, "lapsed", reason=why, now=now)
    closing.send_back(session, definitions, sequence, reason=why, now=now)
    return Tally.of("rungs recycle", fired, path=sequence, more=found == SIZE)
