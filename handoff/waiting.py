"""What a tick asks before it works: does anything wait for this pass?  An index look-up each."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, exists, func, select
from sqlmodel import Session

from handoff.answering.touches import KIND
from handoff.routing.brake import UNTOLD
from handoff.routing.offers import DRAFTED
from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.tables import HANDOFF, OPEN
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, TICK, together
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant

TOUCH = table_of(t.Touch).c
MESSAGE = table_of(t.Message).c
ENGAGEMENT = table_of(t.Engagement).c

NEXT_EPISODE = select(case((exists().where(UNTOLD), NOW)))
"""Now, while somebody crossed the line and nobody in sales was told."""
NEXT_DRAFT = select(func.min(MESSAGE.due_at, type_=Instant())).where(DRAFTED)
"""When the next notice has to be written: those of steps wait for their window."""


class Offers(NamedTuple):
    """Whether there are crossings to open handoffs for, leads in a queue that somebody can take,
    notices to write, and news of the tick that sales touched a lead, or of one it waits for."""

    episodes: bool
    queue: bool
    drafts: bool
    touches: bool
    returns: bool


def offers(session: Session, *, tick: int = 0, now: datetime) -> Offers:
    """What waits for sales to be told, or tells of sales, at `now`."""
    answers = session.execute(_OFFERS, {"now": now, "tick": tick}).one()
    return Offers(*(at is not None and at <= now for at in answers))


_BY_SALES = (
    select(ENGAGEMENT.id)
    .join(table_of(t.Touch), TOUCH.engagement_id == ENGAGEMENT.id)
    .where(TOUCH.tick_id == TICK, ENGAGEMENT.kind == KIND)
)
_WAITED_FOR = (
    select(HANDOFF.c.id)
    .join(table_of(t.Touch), TOUCH.lead_id == HANDOFF.c.lead_id)
    .where(HANDOFF.c.held_until.is_not(None), among(HANDOFF.c.state, OPEN))
    .where(TOUCH.tick_id == TICK)
)
_NEWS = (select(case((rows.exists(), NOW))) for rows in (_BY_SALES, _WAITED_FOR))
_OFFERS = together((NEXT_EPISODE, NEXT_ASSIGNMENT, NEXT_DRAFT, *_NEWS))
