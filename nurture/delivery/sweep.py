"""What dead senders left behind: claims go back, what was handed over is of unknown fate."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, select, update
from sqlmodel import Session

from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.progress import wait_for_word
from nurture.delivery.settle import NOTICE_TRIES
from nurture.delivery.states import IN_HAND
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.plans import among
from nurture.ledger.tally import Tally


def sweep(session: Session, *, now: datetime) -> Tally:
    """Take care of every message whose lease is over.

    A claim goes back to `due` and no try is counted; what was `handed` is `unknown` and its lead
    waits for word.  A notice of unknown fate goes out once more (a second copy to a rep is
    harmless, a missed lead is not); a nurture mail never does by itself.
    """
    if not session.execute(_ANY, {"now": now}).scalar():
        return Tally()
    over = and_(among(M.state, IN_HAND), M.lease_until <= now)
    again = and_(M.state == "handed", M.kind == "notice", M.attempts < NOTICE_TRIES)
    claims = _freed(session, and_(over, M.state == "claimed"), "its sender died before it went")
    notices = _freed(session, and_(over, again), "its sender died: sent once more")
    unknown = changed(
        session,
        update(MESSAGE)
        .where(over, M.state == "handed")
        .values(
            state="unknown",
            settled_at=now,
            lease_until=None,
            reason="its sender died while handing it over: the mail server may have it",
        ),
    )
    if unknown:
        just_now = and_(among(M.state, ("unknown",)), M.settled_at == now)
        wait_for_word(session, just_now, now=now)
    tally = Tally.of("claims taken back", claims) + Tally.of("fate unknown", unknown)
    return tally + Tally.of("notices sent once more", notices)


_ANY = select(exists().where(among(M.state, IN_HAND), M.lease_until <= NOW))


def _freed(session: Session, which: ColumnElement[bool], reason: str) -> int:
    fewer = case((M.state == "claimed", M.attempts - 1), else_=M.attempts)
    freed = update(MESSAGE).where(which)
    return changed(
        session,
        freed.values(state="due", owner="", lease_until=None, attempts=fewer, reason=reason),
    )
