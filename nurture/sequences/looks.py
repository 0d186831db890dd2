"""Entry that time alone opens: silence, a fading score, a span that runs out, a date.

A lead is asked whenever something new is known of it.  Then also the next instant is stored at
which time alone may change the answer (`lead.look_at`); when it comes the lead is touched, as if
something new were known.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, null, select, update
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.grammar.conditions import AllOf, AnyOf
from nurture.language.sql.predicates import next_change
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.batches import SIZE, batch
from nurture.ledger.statements.extremes import earliest
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.dates import later_instant
from nurture.sequences.standing import TOUCHED

LEAD = table_of(t.Lead)


def plan_looks(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> None:
    """Store when the tick's leads have to be asked again for the segments applied now."""
    Asking(session, tick, now).run(_plan(definitions))


@once
def _plan(definitions: Definitions) -> Update:
    segments = [
        AllOf((program.entry.when, program.entry.excluded or AllOf(())))
        for program in definitions.active.values()
        if not program.entry.by_event
    ]
    change = next_change(AnyOf(tuple(segments)), lead=LEAD.c, definitions=definitions, now=NOW)
    dates = [later_instant(definitions, program) for program in definitions.active.values()]
    change = earliest([each for each in (change, *dates) if each is not None])
    plan = update(LEAD).where(LEAD.c.id.in_(TOUCHED))
    if change is None:
        return plan.where(LEAD.c.look_at.is_not(None)).values(look_at=null())
    return plan.values(look_at=change)


def look_again(session: Session, *, now: datetime) -> int:
    """Touch the leads whose instant has come, at most 20,000 a call; returns how many."""
    found = batches.fill(session, _OLDEST, now=now)
    if found:
        ticks.touch(session, select(batch.c.lead_id))
        mine = LEAD.c.id.in_(select(batch.c.id))
        session.execute(update(LEAD).where(mine).values(look_at=None))
    return found


_OLDEST = batches.filling(
    select(LEAD.c.id, LEAD.c.id.label("lead_id"))
    .where(LEAD.c.look_at <= NOW)
    .order_by(LEAD.c.look_at)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=LEAD)
)


NEXT_LOOK = (
    select(LEAD.c.look_at).where(LEAD.c.look_at.is_not(None)).order_by(LEAD.c.look_at).limit(1)
)
"""The earliest such instant, NULL when time alone lets nobody in."""
