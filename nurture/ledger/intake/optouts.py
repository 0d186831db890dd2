"""What other systems and sales tell of opt-outs, bounces and complaints counts at once.

What engagements tell is written in the intake's own transaction: no mail is handed over after the
engagement was accepted.  An engagement `subscribed` lifts nothing: only the lead's own word on our
pages does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, not_, or_, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new, table_of, upsert_from
from nurture.ledger.types import Instant

ENGAGEMENT = table_of(t.Engagement).c
LEAD = table_of(t.Lead).c
KINDS = {
    "unsubscribed": "unsubscribed",
    "email_bounced": "bounce",
    "email_complained": "complaint",
}
"""Kind of engagement → kind of suppression."""
PASSING = ("soft", "transient", "temporary")
"""Bounces whose property `type` says that the address is good."""

_SUPPRESSION = ("email_key", "kind", "since", "reason")


def heed(session: Session, engagements: Sequence[int]) -> None:
    """Suppress the addresses of leads that opted out, bounced or complained, by these engagements.

    `unsubscribed` with a property `topic` ends that topic alone.  Others of the numbers given
    change nothing; done twice it leaves the same rows.
    """
    topic = ENGAGEMENT.properties["topic"].as_string()
    passing = func.lower(func.coalesce(ENGAGEMENT.properties["type"].as_string(), ""))
    mine = and_(ENGAGEMENT.id.in_(engagements), ENGAGEMENT.lead_id.is_not(None))
    one_topic = and_(ENGAGEMENT.kind == "unsubscribed", topic.is_not(None))
    words = (
        select(
            ENGAGEMENT.lead_id,
            topic,
            literal(value=False),
            func.max(ENGAGEMENT.occurred_at),
            literal("told by ") + func.max(ENGAGEMENT.source),
        )
        .where(mine, one_topic)
        .group_by(ENGAGEMENT.lead_id, topic)
    )
    consent = ("lead_id", "topic", "subscribed", "decided_at", "reason")
    session.execute(upsert_from(t.Consent, ("lead_id", "topic"), consent, words))
    ends = select(
        LEAD.email_key,
        case(KINDS, value=ENGAGEMENT.kind),
        ENGAGEMENT.occurred_at,
        literal("told by ") + ENGAGEMENT.source,
    ).where(
        mine,
        ENGAGEMENT.kind.in_(list(KINDS)),
        or_(ENGAGEMENT.kind != "unsubscribed", topic.is_(None)),
        not_(and_(ENGAGEMENT.kind == "email_bounced", passing.in_(PASSING))),
        LEAD.id == ENGAGEMENT.lead_id,
        LEAD.email_key.is_not(None),
    )
    session.execute(insert_new(t.Suppression, _SUPPRESSION, ends))


def suppress(session: Session, leads: Select[Any], *, reason: str, now: datetime) -> None:
    """No nurture mail goes to these leads (a query of their ids) any more, as if they had said so
    themselves; those nobody may write to already keep their reason."""
    ends = select(
        LEAD.email_key, literal("unsubscribed"), literal(now, Instant()), literal(reason)
    ).where(LEAD.id.in_(leads), LEAD.email_key.is_not(None))
    session.execute(insert_new(t.Suppression, _SUPPRESSION, ends))
