"""Leads, what they are tagged with, what they allow us, and what changed about them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import document, instant, key, real, refers, words
from nurture.ledger.types import Key


class Lead(SQLModel, table=True):
    """A person we may write to, known by an address, by an external id, or by both.

    `email` is the address as we write to it (domain lower-cased, IDNA); `email_key` its
    casefolded form, unique.  `attributes` holds the workspace's own fields by name; their
    types stand in nurture.yaml.  `timezone` is an IANA name or None (the workspace's zone then).
    `behaviour` and `fit` are the score as of `scored_at`, kept for lists and reports only:
    every decision sums `score_entry` at its own instant.  `look_at` is the next instant at which
    time alone may let the lead into a sequence with a standing segment.
    """

    __tablename__ = "lead"
    __table_args__ = (
        Index("lead_lifecycle", "lifecycle"),
        Index("lead_timezone", "timezone"),
        Index("lead_look", "look_at", postgresql_where=text("look_at IS NOT NULL"),
              sqlite_where=text("look_at IS NOT NULL")),
    )

    id: int | None = key()
    email: str | None = words(None)
    email_key: str | None = Field(default=None, unique=True)
    external_id: str | None = Field(default=None, unique=True)
    first_name: str = words()
    last_name: str = words()
    company: str = words()
    job_title: str = words()
    phone: str = words()
    country: str = words()
    language: str = words()
    timezone: str | None = words(None)
    attributes: dict[str, Any] = document()
    lifecycle: str = words("lead")
    behaviour: float = real()
    fit: float = real()
    scored_at: datetime | None = instant(required=False)
    look_at: datetime | None = instant(required=False)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class LeadTag(SQLModel, table=True):
    """One tag of one lead."""

    __tablename__ = "lead_tag"

    lead_id: int = Field(foreign_key="lead.id", primary_key=True, sa_type=Key)
    tag: str = Field(primary_key=True)
    added_at: datetime = instant()
    reason: str = words()


class Consent(SQLModel, table=True):
    """What a lead said about one topic; no row means the topic's default."""

    __tablename__ = "consent"

    lead_id: int = Field(foreign_key="lead.id", primary_key=True, sa_type=Key)
    topic: str = Field(primary_key=True)
    subscribed: bool = Field()
    decided_at: datetime = instant()
    reason: str = words()


class Suppression(SQLModel, table=True):
    """An address no nurture mail goes to, whatever lead carries it (all topics).

    `kind`: unsubscribed, bounce, complaint, erased.
    """

    __tablename__ = "suppression"

    email_key: str = Field(primary_key=True)
    kind: str = words()
    since: datetime = instant()
    reason: str = words()


class Change(SQLModel, table=True):
    """One field of one lead changed, and why; `at` is when, `path` the YAML that did it."""

    __tablename__ = "change"
    __table_args__ = (Index("change_lead", "lead_id", "at"),)

    id: int | None = key()
    lead_id: int = refers("lead.id")
    at: datetime = instant()
    field: str = words()
    old: str = words()
    new: str = words()
    reason: str = words()
    path: str = words()
