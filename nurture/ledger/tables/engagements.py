"""What happened, and the queue of leads something new is known of."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import document, instant, key, refers, words


class Engagement(SQLModel, table=True):
    """One thing that happened; (`source`, `key`) makes its intake idempotent.

    `lead_id` is None while parked: `identity` (an address or `id:<external id>`) is of no lead we
    know yet, and the lead's import adopts the row.  `message_id` is the mail it answers, if any.
    A withdrawn one (bot, merge, erasure) is kept as a record and counts for nothing.
    """

    __tablename__ = "engagement"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("engagement_lead", "lead_id", "kind", "occurred_at"),
        Index("engagement_parked", "identity", postgresql_where=text("lead_id IS NULL"),
              sqlite_where=text("lead_id IS NULL")),
        Index("engagement_message", "message_id", postgresql_where=text("message_id IS NOT NULL"),
              sqlite_where=text("message_id IS NOT NULL")),
    )

    id: int | None = key()
    source: str = Field()
    key: str = Field()
    kind: str = Field()
    lead_id: int | None = refers("lead.id", required=False)
    identity: str = words()
    message_id: int | None = refers("message.id", required=False)
    occurred_at: datetime = instant()
    received_at: datetime = instant()
    properties: dict[str, Any] = document()
    withdrawn_at: datetime | None = instant(required=False)


class Touch(SQLModel, table=True):
    """Something new about a lead that no tick has looked at: gates, exits and scores look here.

    `engagement_id` names the new engagement, or is None when a field, tag or consent changed.
    A tick claims rows by writing its number into `tick_id` and deletes them when it ends; rows of
    a tick that died are claimed again.
    """

    __tablename__ = "touch"
    __table_args__ = (Index("touch_tick", "tick_id", "lead_id"),)

    id: int | None = key()
    lead_id: int = refers("lead.id")
    engagement_id: int | None = refers("engagement.id", required=False)
    tick_id: int | None = refers("tick.id", required=False)


class Echo(SQLModel, table=True):
    """A touch a tick has looked at and the shadow has not: kept only while there is one."""

    __tablename__ = "echo"

    id: int | None = key()
    lead_id: int = refers("lead.id")
    engagement_id: int | None = refers("engagement.id", required=False)
