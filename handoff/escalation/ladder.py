"""What happens as a clock runs out: remind the rep, tell somebody, give on, back to nurture.

Of a clock with several rungs due at once (an outage, a long quantum) only the last fires; the
others are `collapsed`.  Where two clocks of one handoff fire together, recycling goes before
giving, giving before telling: what stops the clocks leaves the other's rungs void.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, String, bindparam, func, not_, select, update
from sqlmodel import Session

from handoff import lifecycle
from handoff.answering import closing, follow_ups
from handoff.escalation.rungs import JUST_FIRED, collapse, due_actions, fire, joined, take
from handoff.routing import availability as can
from handoff.routing import turns
from handoff.routing.assignment import assign
from handoff.sla import clocks, pauses
from handoff.tables import CLOCK, HANDOFF, OPEN, REP, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE, batch
from nurture.ledger.tally import Tally


def climb(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Fire every rung that is due: once each, never early, never after its clock was met.

    What is given on goes through `assign` at once; what is recycled enters its sequence.
    """
    if definitions.handoff is None:
        return Tally()
    actions = due_actions(session, now=now)
    if any(action.startswith(("give", "unavailable")) for action in actions):
        turns.lock(session)  # before any handoff or rung: who has the turns may wait for those
    tally = collapse(session, now=now)
    if tally.more:
        return tally
    for action in due_actions(session, now=now) if tally else actions:
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


_SAID = {"remind": "the window is running out", "tell": "the window ran out"}


def _say(session: Session, definitions: Definitions, action: str, *, now: datetime) -> Tally:
    """Remind or tell; a channel that is told stands behind the verb (`tell:<channel>`)."""
    verb = action.partition(":")[0]
    found = take(session, action, now=now)
    fired = fire(session, definitions, action, _SAID[verb], now=now) if found else 0
    return Tally.of(f"rungs {verb}", fired, more=found == SIZE)


def _give(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Take the lead from who let it lapse and offer it to the next; without one it stays."""
    found = take(session, "give", now=now, others=True)
    tally = Tally()
    if found:
        fired = fire(session, definitions, "give", "given on: the window ran out", now=now)
        release(session, now=now, reason="the window ran out")
        tally += Tally.of("rungs give", fired, more=found == SIZE)
    left = take(session, "give", now=now, others=False) if found < SIZE else 0
    if left:
        why = "nobody else of the team is left: it stays where it is"
        tally += Tally.of("rungs give", fire(session, definitions, "give", why, now=now))
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


def _unavailable(
    session: Session, definitions: Definitions, action: str, most: int, *, now: datetime
) -> Tally:
    """Pause the reps of the handoffs who let so many clocks run out since they last met one."""
    found = take(session, action, now=now)
    if not found:
        return Tally()
    lapses = f"{most} deadline{'s' if most > 1 else ''} in a row"
    few = f"its rep takes leads still: fewer than {lapses} ran out"
    fired = fire(session, definitions, action, few, now=now)
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
            joined(RUNG.c.id)
            .join(REP, REP.c.rep == HANDOFF.c.rep)
            .where(JUST_FIRED, HANDOFF.c.id.in_(select(batch.c.id)), can.PAUSED)
            .correlate(None)
        )
    )
    .values(reason=_WHY)
)


def _recycle(
    session: Session, definitions: Definitions, action: str, sequence: str, *, now: datetime
) -> Tally:
    """Close the handoff as lapsed and send the lead back to nurture, into the rung's sequence."""
    found = take(session, action, now=now)
    if not found:
        return Tally()
    why = "nobody in sales acted in time: back to nurture"
    fired = fire(session, definitions, action, why, now=now)
    closing.close(session, "lapsed", reason=why, now=now)
    follow_ups.send_back(session, definitions, sequence, reason=why, now=now)
    return Tally.of("rungs recycle", fired, path=sequence, more=found == SIZE)
