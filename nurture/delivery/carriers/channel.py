"""The mail channel out of order: it rests a while, and nobody knocks before its rest is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from nurture.delivery.carriers.transport import ChannelFailed
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of, upsert_values

CHANNEL = "channel:mail"
SHORT_REST = timedelta(minutes=5)
LONG_REST = timedelta(minutes=30)
"""After what does not pass by itself: a refused sign-in, a certificate, a 5xx to MAIL."""
LOCK = table_of(t.Lock).c


def rest(session: Session, failure: ChannelFailed, *, owner: str, now: datetime) -> None:
    """Let the channel rest; the row says until when."""
    until = now + (SHORT_REST if failure.transient else LONG_REST)
    row = {"name": CHANNEL, "owner": owner, "until": until}
    upsert_values(session, t.Lock, ["name"], [row])


def resting_until(session: Session) -> datetime | None:
    """The end of the channel's last rest, which may be over; None if it never had one."""
    found: datetime | None = session.execute(RESTING).scalar()
    return found


RESTING = select(LOCK.until).where(LOCK.name == CHANNEL)
