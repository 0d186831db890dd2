"""Versions that run in shadow: which are marked, and what is in force in the copy they run in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values, table_of

DEFINITION = table_of(t.Definition)
D = DEFINITION.c
SHADOW = "shadow"


def in_shadow(session: Session) -> dict[tuple[str, str], t.Definition]:
    """The versions that run beside those in force, as ("shadow", name)."""
    rows = session.execute(select(t.Definition).where(D.shadow)).scalars().all()
    for row in rows:
        session.expunge(row)
    return {(SHADOW, row.name): row for row in rows}


def marked(session: Session) -> dict[int, str]:
    """The versions that are to run in shadow: their numbers and sequences."""
    return {row.id: row.name for row in session.execute(select(D.id, D.name).where(D.shadow))}


def begin(target: Session, *, now: datetime) -> list[tuple[str, int]]:
    """Put the marked versions in force in a copy, from `now` on; returns names and versions."""
    rows = target.execute(select(D.id, D.name, D.version).where(D.shadow)).all()
    for row in rows:
        old = (D.kind == "sequence", D.name == row.name, D.active)
        target.execute(update(DEFINITION).where(*old).values(active=False))
        new = {"active": True, "applied_at": now}
        target.execute(update(DEFINITION).where(D.id == row.id).values(**new))
    return [(row.name, row.version) for row in rows]


def follow_versions(source: Session, target: Session) -> bool:
    """Put in force in a copy what is in force in its `source`, but for the sequences that run
    there in shadow; whether that changed anything."""
    here = {row.id: row.active for row in target.execute(select(D.id, D.active))}
    there = {
        row.id: (row.kind, row.name, row.active)
        for row in source.execute(select(D.id, D.kind, D.name, D.active))
    }
    own = set(target.execute(select(D.name).where(D.shadow)).scalars())
    wanted = {
        number: here.get(number, False) if kind == "sequence" and name in own else active
        for number, (kind, name, active) in there.items()
    }
    if wanted == here:
        return False
    target.execute(update(DEFINITION).where(D.active).values(active=False))
    new = source.execute(select(DEFINITION).where(D.id.not_in(here))).mappings()
    rows = [dict(row) | {"active": False, "shadow": False} for row in new]
    insert_new_values(target, t.Definition, rows)
    active = [number for number, so in wanted.items() if so]
    target.execute(update(DEFINITION).where(D.id.in_(active)).values(active=True))
    return True
