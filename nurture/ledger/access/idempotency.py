"""A request with an `Idempotency-Key` is answered once: repeated, it is answered as the first time.

The key belongs to a token and is kept for a day.  Only what was done is kept: a request that was
refused changed nothing, and is judged anew when it comes again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, select, update
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.errors import InputRefused
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.upsert import insert_new_values, table_of

KEPT = timedelta(days=1)
REPEAT = table_of(t.IdempotencyKey)
_FORM = re.compile(r"[!-~]{1,128}", re.ASCII)


@dataclass(frozen=True)
class Repeat:
    """A request under a key: what was answered before (`status` 0: it is the first)."""

    token: str
    key: str
    status: int = 0
    body: str = ""

    @property
    def answered(self) -> bool:
        """It came before, and was done."""
        return self.status != 0


def begin(session: Session, token: str, key: str, request: str, *, now: datetime) -> Repeat:
    """Take the key for this transaction, or say what was answered under it.

    A second process with the same key waits here until the first one is done.  `request` tells one
    request from another: InputRefused when the key came with a different one, or is none.
    """
    if not _FORM.fullmatch(key):
        raise InputRefused("Idempotency-Key is up to 128 letters, digits and signs, no spaces.")
    mine = and_(REPEAT.c.token == token, REPEAT.c.key == key)
    session.execute(delete(REPEAT).where(mine, REPEAT.c.at <= now - KEPT))
    row = {"token": token, "key": key, "request": request, "at": now}
    if insert_new_values(session, t.IdempotencyKey, [row]):
        return Repeat(token, key)
    before = session.execute(select(REPEAT).where(mine)).one()
    if before.request != request:
        raise InputRefused("This Idempotency-Key came with another request. Nothing was changed.")
    return Repeat(token, key, before.status, before.body)


def keep(session: Session, repeat: Repeat, *, status: int, body: str) -> None:
    """Remember the answer for whoever repeats the request."""
    mine = and_(REPEAT.c.token == repeat.token, REPEAT.c.key == repeat.key)
    session.execute(update(REPEAT).where(mine).values(status=status, body=body))


def forget(session: Session, *, now: datetime) -> int:
    """Drop the keys that are older than a day; returns how many."""
    return changed(session, delete(REPEAT).where(REPEAT.c.at <= now - KEPT))
