"""A rep is offered the handoffs of the working set: old clocks stop, new ones start, a notice."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import (
    ColumnElement,
    Insert,
    String,
    and_,
    bindparam,
    case,
    cast,
    literal,
    select,
)
from sqlmodel import Session

from handoff import lifecycle
from handoff.sla import clocks
from handoff.tables import CLOCK, HANDOFF, MESSAGE, REP
from nurture.delivery.states import WAITING
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new

NOTICE = (
    "kind", "notice_key", "handoff_id", "lead_id", "occurrence", "template", "planned_at", "due_at",
    "allowed_at", "recipient", "reason", "path",
)  # fmt: skip
"""The columns of a notice that is to be written."""
DRAFT = "draft"
"""The kind of a notice without its bytes: no sender claims it until `write_notices` made it one."""
DRAFTED = and_(MESSAGE.c.kind == DRAFT, among(MESSAGE.c.state, WAITING))
"""A notice still to be written; leans on `message_due`."""


def offer(
    session: Session, definitions: Definitions, rules: HandoffRules, *, why: str, now: datetime
) -> None:
    """After an assignment wrote rep and generation: start the new generation.

    `batch` holds the handoffs just given.  The notice is a row of this same transaction, so a
    crash never leaves a rep with a lead nobody told them of.
    """
    clocks.stop(session, now=now, reason="offered to somebody else", before=True)
    clocks.start(session, definitions, rules, why=why, now=now)
    session.execute(_offers(), {"now": now, "why": why})
    lifecycle.mark(session)


@lru_cache(maxsize=1)
def _offers() -> Insert:
    had = (
        select(CLOCK.c.id)
        .where(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.generation < HANDOFF.c.generation)
        .where(CLOCK.c.rep != "")
        .exists()
    )
    notices = (
        select(
            literal(DRAFT),
            offer_key(),
            HANDOFF.c.id,
            HANDOFF.c.lead_id,
            HANDOFF.c.generation,
            case((had, "given"), else_="offered"),
            NOW,
            NOW,
            NOW,
            REP.c.email,
            bindparam("why", type_=String()),
            HANDOFF.c.path,
        )
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(REP, REP.c.rep == HANDOFF.c.rep)
        .order_by(HANDOFF.c.id)
    )
    return insert_new(t.Message, NOTICE, notices)


def offer_key() -> ColumnElement[str]:
    """`offer:<handoff>:<generation>`."""
    number = cast(HANDOFF.c.id, String) + ":" + cast(HANDOFF.c.generation, String)
    return literal("offer:") + number
