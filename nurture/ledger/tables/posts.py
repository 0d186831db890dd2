"""Notices on their way through channels, and how the channels are."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import instant, key, number, refers, words

DUE = text("state = 'due'")
CLAIMED = text("state = 'claimed'")


class Post(SQLModel, table=True):
    """One notice through one channel, at least once, unique by `key`.

        due ──► claimed ──► sent | passed | failed
         ▲         │
         └─────────┘  to be tried again, or its sender died
        due ──► passed | cancelled

    `kind` notice: what the notice `message_id` says, told through a channel of nurture.yaml; if
    that is out of order the post is `passed`, and the notice goes by the next.  Kinds digest and
    alarm are mail of the office's own (`channel` is email), about no lead.  `identity` is the same
    at every try: what the other side knows repeats by.  `text` and `html` are kept until the final
    state; nothing here says where a channel leads.  `generation` fences a claim as with messages.
    """

    __tablename__ = "post"
    __table_args__ = (
        Index("post_due", "due_at", postgresql_where=DUE, sqlite_where=DUE),
        Index("post_claimed", "lease_until", postgresql_where=CLAIMED, sqlite_where=CLAIMED),
    )

    id: int | None = key()
    key: str = Field(unique=True)
    kind: str = words("notice")
    message_id: int | None = refers("message.id", required=False, index=True)
    channel: str = words()
    recipient: str = words()
    subject: str = words()
    text: str = words()
    html: str = words()
    identity: str = words()
    state: str = words("due")
    reason: str = words()
    planned_at: datetime = instant()
    due_at: datetime = instant()
    owner: str = words()
    generation: int = number()
    lease_until: datetime | None = instant(required=False)
    attempts: int = number()
    settled_at: datetime | None = instant(required=False)


class Digest(SQLModel, table=True):
    """When a manager is to get the next digest: at `at` (`08:00`) of each day in `zone`."""

    __tablename__ = "digest"

    recipient: str = Field(primary_key=True)
    at: str = words()
    zone: str = words()
    due_at: datetime = instant()


class Channel(SQLModel, table=True):
    """How a channel of nurture.yaml is, as far as posts have shown; no row: never used.

    `failures` counts tries in a row that failed.  Out of order since `down_since`; from `probe_at`
    on one more post may try it.
    """

    __tablename__ = "channel"

    name: str = Field(primary_key=True)
    failures: int = number()
    down_since: datetime | None = instant(required=False)
    probe_at: datetime | None = instant(required=False)
    reason: str = words()
