"""One transaction at a time for what two would do twice; SQLite has one writer anyway."""

from __future__ import annotations

from sqlalchemy import String, bindparam, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values, table_of

LOCK = table_of(t.Lock).c


def alone(session: Session, name: str) -> None:
    """Wait until nobody else is at it, and be alone with it until the transaction ends."""
    insert_new_values(session, t.Lock, [{"name": name, "owner": ""}])
    session.execute(_WAIT, {"lock": name})


_WAIT = select(LOCK.name).where(LOCK.name == bindparam("lock", type_=String())).with_for_update()
