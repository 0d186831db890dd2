"""Taking points back: an engagement that should not have counted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlmodel import Session

from nurture.ledger import ticks
from nurture.ledger.statements.changed import changed
from nurture.scoring.visit import ENTRY


def withdraw(session: Session, engagements: Select[Any], *, now: datetime, reason: str) -> int:
    """Withdraw the entries of the engagements a query names (a bot's, an erased or merged lead's).

    The scores fall by exactly what these entries are worth, at once for every decision and with
    the next tick, which looks at the leads, for their cached sums and episodes.  Entries
    withdrawn before keep their instant and reason.  Returns how many were withdrawn.
    """
    standing = (ENTRY.c.engagement_id.in_(engagements), ENTRY.c.withdrawn_at.is_(None))
    ticks.touch(session, select(ENTRY.c.lead_id).where(*standing).distinct())
    taken = update(ENTRY).where(*standing).values(withdrawn_at=now, withdrawn_reason=reason)
    return changed(session, taken)
