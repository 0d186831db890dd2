"""Housekeeping once a day: what nobody asks about any more is dropped."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.access import idempotency, signing_in
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.upsert import table_of, upsert_values
from nurture.ledger.tally import Tally

EVERY = timedelta(days=1)
KEEP_TICKS = timedelta(days=7)
KEEP_CHANGES = timedelta(days=90)
UPKEEP = "upkeep"
LOCK = table_of(t.Lock).c
TICK = table_of(t.Tick).c
CHANGE = table_of(t.CrmChange)


NEXT_UPKEEP = select(
    func.coalesce(select(LOCK.until).where(LOCK.name == UPKEEP).scalar_subquery(), NOW)
)
"""When the next upkeep is due; before the first, now."""


def upkeep(session: Session, *, now: datetime) -> Tally:
    """Drop the record of ticks ended a week ago, of sign-ins that are over, of requests a day old
    and of what a CRM said three months ago, and set the next upkeep a day ahead."""
    old = and_(TICK.finished_at.is_not(None), TICK.finished_at < now - KEEP_TICKS)
    forgotten = changed(session, delete(table_of(t.Tick)).where(old))
    signed = signing_in.drop_old(session, now=now)
    requests = idempotency.forget(session, now=now)
    said = changed(session, delete(CHANGE).where(CHANGE.c.at < now - KEEP_CHANGES))
    postpone(session, until=now + EVERY)
    counts = {
        "ticks": forgotten, "sign-ins": signed, "requests": requests, "changes of the CRM": said,
    }  # fmt: skip
    return sum((Tally.of(f"{what} forgotten", n) for what, n in counts.items()), Tally())


def postpone(session: Session, *, until: datetime) -> None:
    """No upkeep before `until`."""
    upsert_values(session, t.Lock, ["name"], [{"name": UPKEEP, "owner": "", "until": until}])
