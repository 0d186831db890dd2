"""Where the handoffs of a time would have gone by another handoff.yaml."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Insert, Select, and_, bindparam, case, func, or_, select
from sqlmodel import Session

from handoff.routing.routes import PATH, routed
from handoff.tables import HANDOFF
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.types import Instant


@dataclass(frozen=True)
class Going:
    """So many handoffs of a team, that by a rule would go to another team, or to the rep it names
    in place of who had them (`rep`, else '')."""

    team: str
    to: str
    rep: str
    path: str
    rule: str
    handoffs: int


@dataclass(frozen=True)
class Compared:
    """How many handoffs routing decided since then, how many of them would go elsewhere, and
    where: the most first."""

    since: datetime
    handoffs: int
    elsewhere: int
    goings: tuple[Going, ...]


def compare(session: Session, definitions: Definitions, *, since: datetime) -> Compared:
    """Route every handoff opened from `since` on again by these definitions; changes nothing.

    Conditions are asked as of when it was opened, but of what the lead's fields hold today.  Those
    whose team a sequence chose are left out.
    """
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    total, last = 0, 0
    while fill(session, _those(), since=since, last=last):
        for *going, differs, count, highest in session.execute(_where(definitions)):
            total, last = total + count, max(last, highest)
            if differs:
                team, to, rep, path, rule = going
                found[team, to, rep, path, rule] += count
    goings = tuple(Going(*going, count) for going, count in found.most_common())
    return Compared(since, total, sum(found.values()), goings)


@lru_cache(maxsize=1)
def _those() -> Insert:
    since, last = bindparam("since", type_=Instant()), bindparam("last", type_=BigInteger())
    rows = (
        select(HANDOFF.c.id, HANDOFF.c.lead_id)
        .where(HANDOFF.c.opened_at >= since, HANDOFF.c.id > last)
        .where(HANDOFF.c.path.startswith(PATH))
    )
    return filling(rows.order_by(HANDOFF.c.id).limit(SIZE))


@once
def _where(definitions: Definitions) -> Select[Any]:
    """Of the working set: from which team to which, by which rule, whether that is elsewhere, how
    many, and the highest number."""
    at = (
        select(batch.c.id, batch.c.lead_id, HANDOFF.c.opened_at)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .subquery("at")
    )
    new = routed(definitions, at, now=at.c.opened_at)
    other_rep = and_(new.c.named != "", HANDOFF.c.rep != "", new.c.named != HANDOFF.c.rep)
    differs = case((or_(new.c.team != HANDOFF.c.team, other_rep), 1), else_=0)
    moved = (
        select(
            HANDOFF.c.id,
            HANDOFF.c.team.label("was"),
            new.c.team,
            case((other_rep, new.c.named), else_="").label("rep"),
            new.c.path,
            new.c.said,
            differs.label("differs"),
        )
        .join(new, new.c.id == HANDOFF.c.id)
        .subquery("moved")
    )
    same = [column for column in moved.c if column.name != "id"]
    counted = select(*same, func.count(), func.max(moved.c.id)).group_by(*same)
    return counted.order_by(*same)
