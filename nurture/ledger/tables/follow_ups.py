"""Sequences that start some time after sales said what came of a lead."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from nurture.ledger.tables.columns import instant, key, refers, words

WAITING = text("state = 'waiting'")


class FollowUp(SQLModel, table=True):
    """A sequence that takes the lead of an ended handoff at `due_at`: waiting, started, or dropped
    (`dropped` says why).

    `reason` is what sales said, `path` the entry of `outcomes` in handoff.yaml.
    """

    __tablename__ = "follow_up"
    __table_args__ = (
        Index("follow_up_once", "handoff_id", unique=True),
        Index("follow_up_due", "due_at", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("follow_up_lead", "lead_id"),
    )

    id: int | None = key()
    handoff_id: int = refers("handoff.id")
    lead_id: int = refers("lead.id")
    outcome: str = words()
    sequence: str = words()
    planned_at: datetime = instant()
    due_at: datetime = instant()
    state: str = words("waiting")
    settled_at: datetime | None = instant(required=False)
    reason: str = words()
    dropped: str = words()
    path: str = words()
