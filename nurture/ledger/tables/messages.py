"""Every mail, sent or not, and the links in them."""

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import instant, key, number, refers, words

FINAL = ("sent", "rejected", "suppressed", "expired", "cancelled", "render_failed")
"""States a message never leaves; `unknown` waits for evidence or a person."""

IN_HAND = text("kind = 'nurture' AND state IN ('claimed', 'handed')")
WAITING = text("state IN ('due', 'deferred')")


class Message(SQLModel, table=True):
    """One mail to one person, and its state (nurture.delivery.states has the transitions).

    `kind` nurture: at most once per (`enrolment_id`, `step`, `occurrence`); kind notice: to a rep
    or manager, of a handoff about `handoff_id`, at least once, unique by `notice_key`.  `due_at` is
    the earliest instant it may be handed over, `allowed_at` the first instant the window allowed it
    (late policies count from there), `expires_at` the last.  `generation` fences a claim: whoever
    holds an older one may no longer hand over.  `content` is the frozen bytes from claim to final
    state (of a notice: from its writing).  `topic` is what a mail is about; of a notice that a step
    asked for (`enrolment_id` is set if it keeps the lead there) its team.  `hours` and `zone`
    ('lead' or an IANA name) are the window it has to go in.  `reason` says why it was or was not
    sent, `variant` which of its step's subjects it has, `voice` who it is from where its step
    says so.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_step", "enrolment_id", "step", "occurrence", unique=True),
        Index("message_in_hand", "lead_id", unique=True,
              postgresql_where=IN_HAND, sqlite_where=IN_HAND),
        Index("message_due", "kind", "due_at", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("message_lead", "lead_id", "handed_at"),
        Index("message_lease", "lease_until",
              postgresql_where=text("state IN ('claimed', 'handed')"),
              sqlite_where=text("state IN ('claimed', 'handed')")),
        Index("message_unknown", "settled_at", postgresql_where=text("state = 'unknown'"),
              sqlite_where=text("state = 'unknown'")),
    )

    id: int | None = key()
    kind: str = words("nurture")
    enrolment_id: int | None = refers("enrolment.id", required=False)
    step: str = words()
    occurrence: int = number(1)
    handoff_id: int | None = refers("handoff.id", required=False, index=True)
    notice_key: str | None = Field(default=None, unique=True)
    lead_id: int = refers("lead.id")
    template: str = words()
    topic: str = words()
    state: str = words("due")
    reason: str = words()
    path: str = words()
    planned_at: datetime = instant()
    due_at: datetime = instant()
    allowed_at: datetime | None = instant(required=False)
    expires_at: datetime | None = instant(required=False)
    owner: str = words()
    generation: int = number()
    lease_until: datetime | None = instant(required=False)
    attempts: int = number()
    handed_at: datetime | None = instant(required=False)
    settled_at: datetime | None = instant(required=False)
    hours: str | None = words(None)
    zone: str = words()
    recipient: str = words()
    sender: str = words()
    variant: str = words()
    voice: str = words()
    subject: str = words()
    message_id: str = words()
    reply: str = words()
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class Link(SQLModel, table=True):
    """A web address some mail leads to; tokens carry its number, never the address itself."""

    __tablename__ = "link"

    id: int | None = key()
    url: str = Field(unique=True)
