"""The gate between new leads and engagements of leads not known yet.

Whoever makes a lead adopts the engagements parked for it; whoever parks one has looked for the
lead before.  On PostgreSQL both could happen at once, each blind to the other, and the engagement
would stay parked for ever: so makers close the gate until they commit, and parkers pass it
together.  SQLite has one writer anyway.
"""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.statements import upsert

GATE = "leads"


def close(session: Session) -> None:
    """Before making leads: wait for parkers and makers, and keep them out until the end."""
    if session.get_bind().dialect.name == "sqlite":
        return
    _make(session)
    session.execute(_row().with_for_update())


def enter(session: Session) -> None:
    """Before parking: wait for makers to end; afterwards their leads can be seen."""
    if session.get_bind().dialect.name == "sqlite":
        return
    _make(session)
    session.execute(_row().with_for_update(read=True))


def _make(session: Session) -> None:
    if session.execute(_row()).first() is None:
        upsert.insert_new_values(session, t.Lock, [{"name": GATE, "owner": ""}])


def _row() -> Select[tuple[str]]:
    return select(col(t.Lock.name)).where(col(t.Lock.name) == GATE)
