"""What a tick asks before it works: does anything wait for this pass?  An index look-up each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, bindparam, exists, func, select
from sqlmodel import Session

from handoff.assignment import next_assignment_at
from handoff.offers import DRAFTED
from handoff.opening import fresh
from handoff.touches import KIND
from nurture.ledger import tables as t
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of

TOUCH = table_of(t.Touch).c
MESSAGE = table_of(t.Message).c
ENGAGEMENT = table_of(t.Engagement).c


def episodes(session: Session) -> bool:
    """Somebody crossed the line and nobody in sales was told."""
    return session.execute(_FRESH).first() is not None


def queue(session: Session, *, now: datetime) -> bool:
    """A lead in a team's queue that somebody can take now."""
    due = next_assignment_at(session, now=now)
    return due is not None and due <= now


def drafts(session: Session, *, now: datetime) -> bool:
    """A notice to be written now."""
    due = next_draft(session)
    return due is not None and due <= now


def next_draft(session: Session) -> datetime | None:
    """When the next notice has to be written: those of steps wait for their window."""
    found: datetime | None = session.execute(_DRAFTS).scalar()
    return found


def touched_by_sales(session: Session, tick: int) -> bool:
    """The tick brings word that sales touched a lead."""
    return bool(session.execute(_TOUCHED, {"tick": tick}).scalar())


# Built once: asked several times a tick, and building costs more than asking.
_FRESH = fresh().limit(1)
_DRAFTS = select(func.min(MESSAGE.due_at, type_=Instant())).where(DRAFTED)
_TOUCHED = select(
    exists(
        select(ENGAGEMENT.id)
        .join(table_of(t.Touch), TOUCH.engagement_id == ENGAGEMENT.id)
        .where(TOUCH.tick_id == bindparam("tick", type_=BigInteger()), ENGAGEMENT.kind == KIND)
    )
)
