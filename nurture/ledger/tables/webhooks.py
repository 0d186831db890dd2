"""Calls to other systems that sequences make, and what became of each."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from nurture.ledger.tables.columns import instant, key, number, refers, words

SETTLED = ("done", "failed", "cancelled")
"""States a call never leaves by itself; a failed one somebody may ask for once more."""
STATES = ("due", "claimed", *SETTLED)
DUE = text("state = 'due'")
CLAIMED = text("state = 'claimed'")


class WebhookCall(SQLModel, table=True):
    """One call of a `webhook` step for one lead: at least once per (`enrolment_id`, `step`).

        due ──► claimed ──► done | failed
         ▲         │
         └─────────┘  asked to come again, no answer, or its caller died
        due ──► cancelled
        failed ──► due  by hand (`nurture webhooks retry`)

    `host` is whom it goes to (several calls at once to one host are few), `retry` how often it may
    be made once more.  `generation` fences a claim as with messages.  `body` is what is sent, the
    same at every try, from the first claim to the final state; `status` the last answer's (0: none
    came).  A due or claimed one with `settled_at` was given up then and is made once more: its lead
    went on long ago, so it holds nobody, and is made whether its enrolment lasts or not.  `hours`
    and `zone` ('lead' or an IANA name) are the window it has to be made in.
    """

    __tablename__ = "webhook_call"
    __table_args__ = (
        Index("webhook_call_step", "enrolment_id", "step", unique=True),
        Index("webhook_call_due", "due_at", postgresql_where=DUE, sqlite_where=DUE),
        Index("webhook_call_claimed", "host", "lease_until",
              postgresql_where=CLAIMED, sqlite_where=CLAIMED),
        Index("webhook_call_lead", "lead_id", "planned_at"),
    )

    id: int | None = key()
    enrolment_id: int = refers("enrolment.id")
    lead_id: int = refers("lead.id")
    step: str = words()
    name: str = words()
    url: str = words()
    host: str = words()
    retry: int = number()
    state: str = words("due")
    reason: str = words()
    path: str = words()
    planned_at: datetime = instant()
    due_at: datetime = instant()
    hours: str | None = words(None)
    zone: str = words()
    owner: str = words()
    generation: int = number()
    lease_until: datetime | None = instant(required=False)
    attempts: int = number()
    status: int = number()
    settled_at: datetime | None = instant(required=False)
    body: str | None = words(None)
