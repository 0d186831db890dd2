"""Whose turn it is: a true round robin over the reps who are at work and have room.

The one who waited longest is next (`rep.turn_at`, then the place in the team).  Many handoffs at
once go round by round: nobody gets a second before everybody with room got a first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Update,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlmodel import Session

from handoff.tables import CLOCK, HANDOFF, MEMBER, OPEN, REP
from nurture.ledger.asking import NOW
from nurture.ledger.batches import batch
from nurture.ledger.openings import is_open
from nurture.ledger.types import Instant


def lock(session: Session) -> datetime | None:
    """Hold all turns until the transaction ends; returns the newest turn taken.

    On PostgreSQL two processes would else give the same rep the same turn; SQLite has one writer.
    """
    turns = select(REP.c.turn_at).order_by(REP.c.rep).with_for_update()
    taken = [turn for (turn,) in session.execute(turns) if turn is not None]
    return max(taken, default=None)


def room() -> ColumnElement[int]:
    """How many more handoffs fit a rep; leans on `handoff_rep`."""
    other = HANDOFF.alias("held")
    held = (
        select(func.count())
        .select_from(other)
        .where(other.c.rep == REP.c.rep, other.c.state.in_(OPEN))
        .correlate_except(other)
        .scalar_subquery()
    )
    return REP.c.room - held


def let_lapse(handoff: Any, rep: Any) -> ColumnElement[bool]:
    """Whether this rep let a clock of this handoff run out; leans on `clock_once`."""
    own = CLOCK.alias("lapse")
    return (
        select(literal(1))
        .where(own.c.handoff_id == handoff, own.c.rep == rep, own.c.lapsed_at.is_not(None))
        .correlate_except(own)
        .exists()
    )


def available(team: str, excluded: Sequence[str]) -> Select[Any]:
    """Active members of a team who are at work at `NOW`, in the order of their turns."""
    at_work = is_open(NOW, REP.c.hours, REP.c.zone)
    return (
        select(REP.c.rep, REP.c.turn_at, MEMBER.c.place, room().label("room"))
        .join(MEMBER, MEMBER.c.rep == REP.c.rep)
        .where(MEMBER.c.team == team, REP.c.active, REP.c.rep.not_in(excluded), at_work)
    )


@lru_cache(maxsize=1_000)
def give_out(team: str, excluded: tuple[str, ...]) -> Update:
    """Give the working set's handoffs, oldest first, to whose turn it is; as many as there is room.

    Asked with `now` and `need`, how many there are.  Writes rep, generation and `offered_at`; the
    others stay in the queue.
    """
    queue = _queue(HANDOFF.c.rep == "").cte("queue")
    slots = _slots(available(team, excluded).cte("free"), bindparam("need", type_=BigInteger()))
    # Brought together by sorting: a planner that does not know how many turns there are would
    # compare every handoff with every turn.
    both = union_all(
        select(queue.c.number, queue.c.id, literal(None, String).label("rep")),
        select(slots.c.number, literal(None, BigInteger).label("id"), slots.c.rep),
    ).subquery("both")
    one, who = func.max(both.c.id).label("id"), func.max(both.c.rep).label("rep")
    pairs = select(one, who).group_by(both.c.number).having(one.is_not(None), who.is_not(None))
    matched = pairs.cte("matched")
    # `batch` holds them locked: asking again whether they wait would make the planner expect one.
    return (
        update(HANDOFF)
        .where(HANDOFF.c.id == matched.c.id)
        .values(rep=matched.c.rep, generation=HANDOFF.c.generation + 1, offered_at=NOW)
    )


def _queue(where: ColumnElement[bool]) -> Select[Any]:
    """The working set's handoffs numbered from 1, oldest first."""
    place = func.row_number().over(order_by=(HANDOFF.c.opened_at, HANDOFF.c.id))
    return (
        select(HANDOFF.c.id, HANDOFF.c.rep, place.label("number"))
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .where(where, HANDOFF.c.state == "offered")
    )


def _slots(free: CTE, need: ColumnElement[int]) -> CTE:
    """(rep, number): the turns to come, round by round, at most `need` of each rep."""
    first = select(*free.c, literal(1).label("round")).where(free.c.room >= 1)
    turns = first.cte("turns", recursive=True)
    following = select(
        turns.c.rep, turns.c.turn_at, turns.c.place, turns.c.room, turns.c.round + 1
    ).where(turns.c.round < turns.c.room, turns.c.round < need)
    turns = turns.union_all(following)
    order = (turns.c.round, turns.c.turn_at.asc().nulls_first(), turns.c.place, turns.c.rep)
    return select(turns.c.rep, func.row_number().over(order_by=order).label("number")).cte("slot")


@lru_cache(maxsize=1)
def take() -> Update:
    """Write the turns just taken: a microsecond apart, in the order of assignment, after `base`.

    That is `now`, or the newest turn if it is later: turns given at one `now`, or by a clock set
    back, keep order.
    """
    given = _queue(HANDOFF.c.rep != "").cte("given")
    last = (
        select(given.c.rep, func.max(given.c.number).label("number"))
        .group_by(given.c.rep)
        .cte("last_turn")
    )
    step = type_coerce(last.c.number, BigInteger)
    return (
        update(REP)
        .where(REP.c.rep == last.c.rep)
        .values(turn_at=bindparam("base", type_=Instant()) + step)
    )
