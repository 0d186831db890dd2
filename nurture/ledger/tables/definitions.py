"""Applied versions of what the workspace says."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import flag, instant, key, number, words


class Definition(SQLModel, table=True):
    """One applied version of one file: sequence, scoring, handoff, workspace or template.

    `source` is the file's text, `hash` its SHA-256; at most one version of a (`kind`, `name`) is
    `active`, and enrolments and handoffs keep the version they began with.  One more may be a
    `shadow`: it runs in a copy of this ledger, and nowhere else.
    """

    __tablename__ = "definition"
    __table_args__ = (
        UniqueConstraint("kind", "name", "version"),
        Index("definition_active", "kind", "name", unique=True,
              postgresql_where=text("active"), sqlite_where=text("active")),
        Index("definition_shadow", "name", unique=True,
              postgresql_where=text("shadow"), sqlite_where=text("shadow")),
    )

    id: int | None = key()
    kind: str = Field()
    name: str = Field()
    version: int = number(1)
    hash: str = words()
    source: str = words()
    applied_at: datetime = instant()
    active: bool = flag(default=True)
    shadow: bool = flag()
