"""The fence of a lease: what was taken over meanwhile is somebody else's to settle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from sqlalchemy import Select, Table, select
from sqlmodel import Session

from nurture.ledger.statements.given import in_given


class Taken(Protocol):
    """A row as it was claimed; every claim gives it another generation."""

    @property
    def id(self) -> int: ...

    @property
    def generation(self) -> int: ...


def still_claimed(session: Session, table: Table, taken: Sequence[Taken]) -> set[int]:
    """The numbers of those still claimed as they were taken; on PostgreSQL locked, in order."""
    found = session.execute(_claimed(table), {"numbers": [row.id for row in taken]})
    generations = dict(map(tuple, found))
    return {row.id for row in taken if generations.get(row.id) == row.generation}


@cache
def _claimed(table: Table) -> Select[tuple[int, int]]:
    row = table.c
    return (
        select(row.id, row.generation)
        .where(in_given(row.id, "numbers"), row.state == "claimed")
        .order_by(row.id)
        .with_for_update()
    )
