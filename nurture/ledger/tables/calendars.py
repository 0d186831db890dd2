"""Windows, calendars and zones as rows, so that SQL can join them."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import instant, number
from nurture.ledger.types import Instant


class Opening(SQLModel, table=True):
    """An interval in which a calendar or window (`hours`) is open in a zone.

    Half-open [`opens_at`, `closes_at`), disjoint and sorted per (`hours`, `zone`).  `before` is
    the open time in microseconds in all earlier rows of the same (`hours`, `zone`): business time
    is then a subtraction, and a deadline a look-up.
    """

    __tablename__ = "opening"
    __table_args__ = (Index("opening_close", "hours", "zone", "closes_at", unique=True),)

    hours: str = Field(primary_key=True)
    zone: str = Field(primary_key=True)
    opens_at: datetime = Field(primary_key=True, sa_type=Instant)
    closes_at: datetime = instant()
    before: int = Field(sa_type=Instant.impl)


class ZoneOffset(SQLModel, table=True):
    """The UTC offset (`seconds`) of a zone from `from_at` until `until_at`: local dates in SQL."""

    __tablename__ = "zone_offset"

    zone: str = Field(primary_key=True)
    from_at: datetime = Field(primary_key=True, sa_type=Instant)
    until_at: datetime = instant()
    seconds: int = number()
