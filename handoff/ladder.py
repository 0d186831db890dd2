"""What happens as a clock runs out: remind the rep, tell somebody, give on, back to nurture.

Of a clock with several rungs due at once (an outage, a long quantum) only the last fires; the
others are `collapsed`.  Where two clocks of one handoff fire together, recycling goes before
giving, giving before telling: what stops the clocks leaves the other's rungs void.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    not_,
    select,
    true,
    tuple_,
    update,
)
from sqlmodel import Session

from handoff import availability as can
from handoff import clocks, closing, follow_ups, lifecycle, pauses, turns
from handoff.assignment import assign
from handoff.offers import DRAFT, NOTICE
from handoff.tables import CLOCK, HANDOFF, MEMBER, OPEN, REP, RUNG, RUNNING
from handoff.terms import teams
from nurture.language.definitions import Definitions
from nurture.language.once import once
from nurture.ledger import tables as t
from nurture.ledger.asking import NOW
from nurture.ledger.batches import SIZE, batch, fill, filling
from nurture.ledger.changed import changed
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import insert_new

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


def climb(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Fire every rung that is due: once each, never early, never after its clock was met.

    What is given on goes through `assign` at once; what is recycled enters its sequence.
    """
    if definitions.handoff is None:
        return Tally()
    tally = _collapse(session, now=now)
    if tally.more:
        return tally
    actions = _due_actions(session, now=now)
    if any(action.startswith(("give", "unavailable")) for action in actions):
        turns.lock(session)  # before any handoff, as an apply that moves them does
    for action in actions:
        verb, _, about = action.partition(":")
        if verb == "recycle":
            tally += _recycle(session, definitions, action, about, now=now)
        elif verb == "unavailable":
            tally += _unavailable(session, definitions, action, int(about), now=now)
        elif verb == "give":
            tally += _give(session, definitions, now=now)
        else:
            tally += _say(session, definitions, action, now=now)
    return tally


def _joined(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(RUNG)
        .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
        .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
    )


ACTION = bindparam("verb", type_=String())
_DUE = and_(_LIVE, RUNG.c.due_at <= NOW)
_DUE_ACTIONS = _joined(RUNG.c.action).where(_DUE).distinct()  # leans on `rung_due`
_COLLAPSED = (
    update(RUNG)
    .where(RUNG.c.id.in_(select(batch.c.id)), RUNG.c.state == "waiting")
    .values(state="collapsed", reason="overtaken: a later rung was due as well")
)
_MINE = _joined(RUNG.c.id).join(batch, batch.c.id == HANDOFF.c.id)
_FIRED = (
    update(RUNG)
    .where(RUNG.c.id.in_(_MINE.where(_DUE, RUNG.c.action == ACTION).correlate(None)))
    .values(state="fired", fired_at=NOW, reason=bindparam("why", type_=String()))
)
_JUST_FIRED = and_(
    RUNG.c.state == "fired",
    RUNG.c.fired_at == NOW,
    RUNG.c.action == ACTION,
    CLOCK.c.generation == HANDOFF.c.generation,
)
_STILL = _joined(HANDOFF.c.id).where(_JUST_FIRED, HANDOFF.c.id.in_(select(batch.c.id)))
_KEPT = delete(batch).where(batch.c.id.not_in(_STILL))


def _due_actions(session: Session, *, now: datetime) -> list[str]:
    """The actions that are due, in the order they are done."""
    found = session.execute(_DUE_ACTIONS, {"now": now}).scalars()
    return sorted(found, key=lambda action: (ORDER.index(action.partition(":")[0]), action))


def _collapse(session: Session, *, now: datetime) -> Tally:
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
    rows = _joined(RUNG.c.id, HANDOFF.c.lead_id).where(_DUE, overtaken)
    locked = rows.order_by(RUNG.c.id).limit(SIZE).with_for_update(skip_locked=True, of=RUNG)
    return filling(locked)


def _take(session: Session, action: str, *, now: datetime, others: bool | None = None) -> int:
    """Put the handoffs with a due rung of this action into `batch`, locked on PostgreSQL.

    With `others` only those somebody else of the team could have, or only the rest.
    """
    return fill(session, _taken(others), now=now, verb=action)


@lru_cache(maxsize=3)
def _taken(others: bool | None) -> Insert:
    due = _joined(HANDOFF.c.id).where(_DUE, RUNG.c.action == ACTION).correlate(None)
    rows = select(HANDOFF.c.id, HANDOFF.c.lead_id).where(HANDOFF.c.id.in_(due))
    if others is not None:
        rows = rows.where(_somebody_else() if others else not_(_somebody_else()))
    ordered = rows.order_by(HANDOFF.c.id).limit(SIZE)
    return filling(ordered.with_for_update(skip_locked=True, of=HANDOFF))


def _fire(
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
        _joined(*row)
        .join(batch, batch.c.id == HANDOFF.c.id)
        .join(team, team.c.team == HANDOFF.c.team)
        .outerjoin(REP, REP.c.rep == HANDOFF.c.rep)
        .where(_JUST_FIRED, HANDOFF.c.rep != "" if verb == "remind" else true())
        .order_by(RUNG.c.id)
    )
    return insert_new(t.Message, NOTICE, rows)


_SAID = {"remind": "the window is running out", "tell": "the window ran out"}


def _say(session: Session, definitions: Definitions, action: str, *, now: datetime) -> Tally:
    """Remind or tell; a channel that is told stands behind the verb (`tell:<channel>`)."""
    verb = action.partition(":")[0]
    found = _take(session, action, now=now)
    fired = _fire(session, definitions, action, _SAID[verb], now=now) if found else 0
    return Tally.of(f"rungs {verb}", fired, more=found == SIZE)


def _give(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Take the lead from who let it lapse and offer it to the next; without one it stays."""
    found = _take(session, "give", now=now, others=True)
    tally = Tally()
    if found:
        fired = _fire(session, definitions, "give", "given on: the window ran out", now=now)
        release(session, now=now, reason="the window ran out")
        tally += Tally.of("rungs give", fired, more=found == SIZE)
    left = _take(session, "give", now=now, others=False) if found < SIZE else 0
    if left:
        why = "nobody else of the team is left: it stays where it is"
        tally += Tally.of("rungs give", _fire(session, definitions, "give", why, now=now))
    return tally + assign(session, definitions, now=now) if found else tally


def release(session: Session, *, now: datetime, reason: str) -> None:
    """Put the working set's handoffs back into their team's queue, under a new generation.

    The clocks of whoever had them stop; `assign` starts new ones.
    """
    pauses.go_on(session, now=now)  # who had them waited for the lead, the next one does not
    session.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(select(batch.c.id)), HANDOFF.c.state.in_(OPEN))
        .values(
            rep="", state="offered", generation=HANDOFF.c.generation + 1,
            offered_at=None, accepted_at=None,
        )
    )  # fmt: skip
    clocks.stop(session, now=now, reason=f"given on: {reason}", before=True)
    lifecycle.mark(session)


def _somebody_else() -> ColumnElement[bool]:
    """Another member takes turns, has the skills, is not paused, and has not let this handoff lapse
    (a queue gives on by itself)."""
    other = (
        select(literal(1))
        .select_from(MEMBER.join(REP, REP.c.rep == MEMBER.c.rep))
        .where(MEMBER.c.team == HANDOFF.c.team, REP.c.active, REP.c.rep != HANDOFF.c.rep)
        .where(can.TAKES_TURNS, can.skilled(HANDOFF.c.skills), not_(can.PAUSED))
        .where(~can.let_lapse(HANDOFF.c.id, REP.c.rep))
        .correlate(HANDOFF)
        .exists()
    )
    return and_(HANDOFF.c.rep != "", other)


def _unavailable(
    session: Session, definitions: Definitions, action: str, most: int, *, now: datetime
) -> Tally:
    """Pause the reps of the handoffs who let so many clocks run out since they last met one."""
    found = _take(session, action, now=now)
    if not found:
        return Tally()
    lapses = f"{most} deadline{'s' if most > 1 else ''} in a row"
    few = f"its rep takes leads still: fewer than {lapses} ran out"
    fired = _fire(session, definitions, action, few, now=now)
    asked = {"now": now, "verb": action, "most": most, "why": f"let {lapses} run out"}
    session.execute(_PAUSED, asked)
    session.execute(_SAID_SO, asked | {"why": f"its rep takes no more leads: {lapses} ran out"})
    return Tally.of("rungs unavailable", fired, more=found == SIZE)


def _in_a_row() -> ColumnElement[int]:
    """How many clocks a rep let run out since they last met one in time; leans on `clock_rep`."""
    own, last = CLOCK.alias("lapse"), CLOCK.alias("met")
    met = (
        select(func.max(last.c.met_at))
        .where(last.c.rep == REP.c.rep, last.c.met_at.is_not(None), last.c.lapsed_at.is_(None))
        .correlate(REP)
        .scalar_subquery()
    )
    return (
        select(func.count())
        .select_from(own)
        .where(own.c.rep == REP.c.rep, own.c.lapsed_at > func.coalesce(met, 0))
        .correlate(REP)
        .scalar_subquery()
    )


_WHY = bindparam("why", type_=String())
_HOLDING = select(HANDOFF.c.rep).where(HANDOFF.c.id.in_(select(batch.c.id)))
_PAUSED = (
    update(REP)
    .where(REP.c.rep.in_(_HOLDING), not_(can.PAUSED))
    .where(_in_a_row() >= bindparam("most", type_=BigInteger()))
    .values(paused_at=NOW, paused_until=None, pause_reason=_WHY)
)
_SAID_SO = (
    update(RUNG)
    .where(
        RUNG.c.id.in_(
            _joined(RUNG.c.id)
            .join(REP, REP.c.rep == HANDOFF.c.rep)
            .where(_JUST_FIRED, HANDOFF.c.id.in_(select(batch.c.id)), can.PAUSED)
            .correlate(None)
        )
    )
    .values(reason=_WHY)
)


def _recycle(
    session: Session, definitions: Definitions, action: str, sequence: str, *, now: datetime
) -> Tally:
    """Close the handoff as lapsed and send the lead back to nurture, into the rung's sequence."""
    found = _take(session, action, now=now)
    if not found:
        return Tally()
    why = "nobody in sales acted in time: back to nurture"
    fired = _fire(session, definitions, action, why, now=now)
    closing.close(session, "lapsed", reason=why, now=now)
    follow_ups.send_back(session, definitions, sequence, reason=why, now=now)
    return Tally.of("rungs recycle", fired, path=sequence, more=found == SIZE)
