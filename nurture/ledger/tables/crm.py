"""What a CRM beside the ledger is to be told of leads, was told, and said."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import document, flag, instant, key, number, refers, words

DUE = text("state = 'due'")
CLAIMED = text("state = 'claimed'")


class Crm(SQLModel, table=True):
    """The CRM of the applied handoff.yaml, and how it is; without `crm:` there is no row.

    `system` says which one (another one knows nothing of what this one was told), `mapping` is a
    digest of how things are called there.  `failures` counts tries in a row that failed; out of
    order since `down_since`, and from `probe_at` on one more may try it.  The next look for what it
    says begins at `cursor`, at `pull_at` (None: it calls us); `pulled_at` is when one last
    succeeded, `pull_failures` counts those in a row that did not.  `owner` looks now, until
    `lease_until`; `generation` fences that.
    """

    __tablename__ = "crm"

    name: str = Field(primary_key=True)
    system: str = words()
    mapping: str = words()
    failures: int = number()
    down_since: datetime | None = instant(required=False)
    probe_at: datetime | None = instant(required=False)
    reason: str = words()
    cursor: str = words()
    pull_at: datetime | None = instant(required=False)
    pulled_at: datetime | None = instant(required=False)
    pull_failures: int = number()
    pull_reason: str = words()
    owner: str = words()
    generation: int = number()
    lease_until: datetime | None = instant(required=False)


class CrmMark(SQLModel, table=True):
    """Something the CRM is to hold of a lead changed: written in the transaction that changes it,
    and gone as the lead's `crm_record` becomes due.  Nobody waits for another to write one.
    """

    __tablename__ = "crm_mark"

    id: int | None = key()
    lead_id: int = refers("lead.id")


class CrmRecord(SQLModel, table=True):
    """What the CRM holds of one lead, as far as is known: at least once, the newest state only.

        due ──► claimed ──► told | failed
         ▲         │          │
         ├─────────┘          │  to be tried again, or its sender died; `again`: changed meanwhile
         └────────────────────┘  changed since; a failed one also by hand (`nurture crm push`)

    `handoff_id` is the handoff it was told of last; `ended` that its end was told, so that the
    lead's next handoff comes.  `digest` is of what was told, `told` counts how often something was.
    `refs` are the CRM's own names of its records.  `crm_owner` and `crm_stage` are what the CRM has
    of that handoff, as it was told or said itself (at `heard_at` last): said again they are no
    news.  They stand for `known_rep` and `known_state`: while the handoff has these the CRM keeps
    its own words.  `sent` is what pushes in hand, or without an answer, would make of them: of
    `owner` and `stage` the last few words.  `generation` fences a claim as with messages.
    """

    __tablename__ = "crm_record"
    __table_args__ = (
        Index("crm_record_due", "due_at", postgresql_where=DUE, sqlite_where=DUE),
        Index("crm_record_claimed", "lease_until",
              postgresql_where=CLAIMED, sqlite_where=CLAIMED),
        Index("crm_record_failed", "id", postgresql_where=text("state = 'failed'"),
              sqlite_where=text("state = 'failed'")),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id", unique=True)
    handoff_id: int | None = refers("handoff.id", required=False)
    ended: bool = flag()
    state: str = words("due")
    again: bool = flag()
    due_at: datetime = instant()
    owner: str = words()
    generation: int = number()
    lease_until: datetime | None = instant(required=False)
    attempts: int = number()
    reason: str = words()
    digest: str = words()
    told: int = number()
    told_at: datetime | None = instant(required=False)
    refs: dict[str, Any] = document()
    crm_owner: str = words()
    crm_stage: str = words()
    known_rep: str = words()
    known_state: str = words()
    sent: dict[str, Any] = document()
    heard_at: datetime | None = instant(required=False)


class CrmChange(SQLModel, table=True):
    """One thing the CRM said, once, by its own `identity`; `said` is what came of it.

    `unknown` is an owner or a stage nobody here has a name for.
    """

    __tablename__ = "crm_change"
    __table_args__ = (Index("crm_change_at", "at"),)

    identity: str = Field(primary_key=True)
    handoff_id: int | None = refers("handoff.id", required=False)
    at: datetime = instant()
    said: str = words()
    unknown: str = words()
