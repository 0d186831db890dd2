"""Standing segments that time alone opens: silence, a fading score, a span that runs out.

A lead is asked whenever something new is known of it.  Then also the next instant is stored at
which time alone may change the answer (`lead.look_at`); when it comes the lead is touched, as if
something new were known.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import null, select, update
from sqlmodel import Session

from nurture.language.conditions import AnyOf
from nurture.language.definitions import Definitions
from nurture.language.predicates import next_change
from nurture.ledger import batches, ticks
from nurture.ledger import tables as t
from nurture.ledger.batches import SIZE, batch
from nurture.ledger.upsert import table_of
from nurture.sequences.standing import touched

LEAD = table_of(t.Lead)


def plan_looks(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> None:
    """Store when the tick's leads have to be asked again for the segments applied now."""
    segments = [
        program.entry.when
        for program in definitions.active.values()
        if not program.entry.by_event
    ]
    change = next_change(AnyOf(tuple(segments)), lead=LEAD.c, definitions=definitions, now=now)
    plan = update(LEAD).where(LEAD.c.id.in_(touched(tick)))
    if change is None:
        plan = plan.where(LEAD.c.look_at.is_not(None)).values(look_at=null())
    else:
        plan = plan.values(look_at=change)
    session.execute(plan)


def look_again(session: Session, *, now: datetime) -> int:
    """Touch the leads whose instant has come, at most 20,000 a call; returns how many."""
    due = select(LEAD.c.id, LEAD.c.id.label("lead_id")).where(LEAD.c.look_at <= now)
    oldest = due.order_by(LEAD.c.look_at).limit(SIZE)
    found = batches.fill(session, oldest.with_for_update(skip_locked=True, of=LEAD))
    if found:
        ticks.touch(session, select(batch.c.lead_id))
        mine = LEAD.c.id.in_(select(batch.c.id))
        session.execute(update(LEAD).where(mine).values(look_at=None))
    return found


def next_look(session: Session) -> datetime | None:
    """The earliest such instant, None when time alone lets nobody in."""
    found: datetime | None = session.execute(
        select(LEAD.c.look_at)
        .where(LEAD.c.look_at.is_not(None))
        .order_by(LEAD.c.look_at)
        .limit(1)
    ).scalar()
    return found
