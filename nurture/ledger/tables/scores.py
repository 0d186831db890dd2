"""The score ledger."""

from datetime import datetime, timedelta

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import instant, key, number, real, refers, words
from nurture.ledger.types import Duration


class ScoreEntry(SQLModel, table=True):
    """Points a lead got, by which rule, for what evidence.

    `kind` behaviour: a rule of scoring.yaml met `engagement_id`; step: a `score` step of a
    sequence; fit: a rule about the lead's fields holds (at most one standing entry a rule).
    `points` is after the rule's limit (`before_limit` what it would have been).  Worth at `now`:
    0 when withdrawn or `at` > now, else `points * 2 ** -((now - at) / half_life)`, `half_life`
    None meaning no decay.  Withdrawing an engagement withdraws exactly its entries.
    """

    __tablename__ = "score_entry"
    __table_args__ = (
        Index("score_entry_engagement", "engagement_id", "rule", unique=True),
        Index("score_entry_step", "enrolment_id", "step", "occurrence", unique=True),
        Index("score_entry_fit", "lead_id", "rule", unique=True,
              postgresql_where=text("kind = 'fit' AND withdrawn_at IS NULL"),
              sqlite_where=text("kind = 'fit' AND withdrawn_at IS NULL")),
        Index("score_entry_lead", "lead_id", "at"),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id")
    kind: str = words("behaviour")
    rule: str = words()
    points: float = real()
    before_limit: float = real()
    half_life: timedelta | None = Field(default=None, sa_column=Column(Duration, nullable=True))
    at: datetime = instant()
    engagement_id: int | None = refers("engagement.id", required=False)
    enrolment_id: int | None = refers("enrolment.id", required=False)
    step: str = words()
    occurrence: int = number(1)
    reason: str = words()
    path: str = words()
    withdrawn_at: datetime | None = instant(required=False)
    withdrawn_reason: str = words()
