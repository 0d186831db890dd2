"""Whose turn it is, of the reps who are at work and have room.

Turns to come are numbered by how far each brings its rep: a rep's k-th turn from here stands at
`start + k × step`.  Round robin starts everybody at 0, so that nobody gets a second before
everybody with room got a first; by load a rep starts at the number of open handoffs; with weights
where the turns before brought them (`member.passed`), and a turn is the shorter the more a rep
weighs.  Of turns at one place that of the rep who waited longest is first (`rep.turn_at`, then the
place in the team).

With weights a turn is taken only once it is due (its beginning lies before where all would stand
if leads could be divided): so nobody is ever further than one lead from the share.  This is
earliest eligible virtual deadline first, of I. Stoica and H. Abdel-Wahab.  Who was away or full
owes nothing and is owed nothing: `catch_up` brings them to where the others are.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    not_,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlmodel import Session

from handoff.routing import availability as can
from handoff.tables import HANDOFF, MEMBER, REP
from nurture.ledger.openings import local_day_ends
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.types import Instant

TURN = 1_000_000_000
"""How far a turn brings a rep of weight 1."""
NEED = bindparam("need", type_=BigInteger())


class Circle(NamedTuple):
    """Who takes turns: the members of a team with these skills, but not the excluded."""

    team: str
    assign: str
    skills: str = ""
    excluded: tuple[str, ...] = ()


def lock(session: Session) -> datetime | None:
    """Hold all turns until the transaction ends; returns the newest turn taken.

    On PostgreSQL two processes would else give the same rep the same turn; SQLite has one writer.
    """
    turns = select(REP.c.turn_at).order_by(REP.c.rep).with_for_update()
    taken = [turn for (turn,) in session.execute(turns) if turn is not None]
    return max(taken, default=None)


def available(circle: Circle) -> Select[Any]:
    """The reps of a circle whose turn it can be at `NOW`, with where their turns start and how
    long one is."""
    start: ColumnElement[Any] = literal(0, BigInteger())
    step: ColumnElement[Any] = literal(TURN, BigInteger())
    if circle.assign == "least_loaded":
        start = can.held() * step
    elif circle.assign == "weighted":
        start, step = MEMBER.c.passed, _step()
    columns = (REP.c.rep, REP.c.turn_at, MEMBER.c.place, REP.c.weight, can.room().label("room"))
    return (
        select(*columns, start.label("start"), step.label("step"))
        .join(MEMBER, MEMBER.c.rep == REP.c.rep)
        .where(MEMBER.c.team == circle.team, free(circle))
    )


def free(circle: Circle) -> ColumnElement[bool]:
    """A rep takes turns, is here and at work, and such a lead may go to them."""
    here = and_(not_(can.GONE), not_(can.PAUSED), can.AT_WORK)
    return and_(can.TAKES_TURNS, here, can.eligible(circle.excluded, circle.skills))


def _step() -> ColumnElement[Any]:
    """How far a turn brings a rep with a weight; 1 stands in for one who takes none."""
    weight = cast(case((REP.c.weight > 0, REP.c.weight), else_=1), BigInteger)
    return literal(TURN, BigInteger()) // weight


@lru_cache(maxsize=1_000)
def catch_up(circle: Circle) -> Update:
    """Bring the free ones who are more than their last turn and his behind the foremost up to
    there: among those who always took turns nobody ever is."""
    free = available(circle).cte("free")
    line = select(func.max(free.c.start - free.c.step)).where(free.c.room >= 1).scalar_subquery()
    behind = (
        select(free.c.rep, (line - free.c.step).label("line")).where(free.c.room >= 1).cte("behind")
    )
    return (
        update(MEMBER)
        .where(MEMBER.c.team == circle.team, MEMBER.c.rep == behind.c.rep)
        .where(MEMBER.c.passed < behind.c.line)
        .values(passed=behind.c.line)
    )


@lru_cache(maxsize=1_000)
def order(circle: Circle) -> Select[Any]:
    """(rep, number): whose turn it is, from 1 on; asked with `now` and a `need` of 1."""
    slots = _slots(available(circle).cte("free"), by_weight=circle.assign == "weighted")
    return select(slots.c.rep, slots.c.number)


@lru_cache(maxsize=1_000)
def give_out(circle: Circle) -> Update:
    """Give the working set's handoffs, oldest first, to whose turn it is; as many as there is room.

    Asked with `now` and `need`, how many there are.  Writes rep, generation and `offered_at`; the
    others stay in the queue.
    """
    queue = _queue(HANDOFF.c.rep == "").cte("queue")
    slots = _slots(available(circle).cte("free"), by_weight=circle.assign == "weighted")
    # Brought together by sorting: a planner that does not know how many turns there are would
    # compare every handoff with every turn.
    both = union_all(
        select(queue.c.number, queue.c.id, literal(None, String).label("rep")),
        select(slots.c.number, literal(None, BigInteger).label("id"), slots.c.rep),
    ).subquery("both")
    one, who = func.max(both.c.id).label("id"), func.max(both.c.rep).label("rep")
    pairs = select(one, who).group_by(both.c.number).having(one.is_not(None), who.is_not(None))
    return given(pairs.cte("matched"))


def given(matched: CTE) -> Update:
    """Write that handoffs (`id`) go to reps (`rep`).

    `batch` holds them locked: asking again whether they wait would make the planner expect one.
    """
    return (
        update(HANDOFF)
        .where(HANDOFF.c.id == matched.c.id)
        .values(rep=matched.c.rep, generation=HANDOFF.c.generation + 1, offered_at=NOW)
    )


def _queue(where: ColumnElement[bool]) -> Select[Any]:
    """The working set's handoffs numbered from 1, oldest first."""
    place = func.row_number().over(order_by=(HANDOFF.c.opened_at, HANDOFF.c.id))
    return (
        select(HANDOFF.c.id, HANDOFF.c.rep, HANDOFF.c.team, place.label("number"))
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .where(where, HANDOFF.c.state == "offered")
    )


def _slots(free: CTE, *, by_weight: bool) -> CTE:
    """(rep, number): the turns to come in their order, at most `need` of each rep."""
    first = select(*free.c, literal(1).label("turn")).where(free.c.room >= 1)
    turns = first.cte("turns", recursive=True)
    again = [turns.c.turn + 1 if each.name == "turn" else each for each in turns.c]
    turns = turns.union_all(select(*again).where(turns.c.turn < turns.c.room, turns.c.turn < NEED))
    begins = turns.c.start + (turns.c.turn - 1) * turns.c.step
    due = [case((begins < _shared(free), 0), else_=1)] if by_weight else []
    waited = (turns.c.turn_at.asc().nulls_first(), turns.c.place, turns.c.rep)
    order = (*due, begins + turns.c.step, *waited)
    return select(turns.c.rep, func.row_number().over(order_by=order).label("number")).cte("slot")


def _shared(free: CTE) -> ColumnElement[Any]:
    """Where everybody with room would stand after `need` turns if leads could be divided."""
    base = select(func.min(free.c.start)).where(free.c.room >= 1).scalar_subquery()
    apart = (free.c.start - base) * free.c.weight
    line = (func.sum(apart) + NEED * TURN) / func.sum(free.c.weight)
    return select(cast(base + line, BigInteger)).where(free.c.room >= 1).scalar_subquery()


@lru_cache(maxsize=1)
def take() -> Update:
    """Write the turns just taken: a microsecond apart, in the order of assignment, after `base`.

    That is `now`, or the newest turn if it is later: turns given at one `now`, or by a clock set
    back, keep order.  Each counts as taken on this day of the rep's.
    """
    given = _queue(HANDOFF.c.rep != "").cte("given")
    last = (
        select(given.c.rep, func.max(given.c.number).label("number"), func.count().label("turns"))
        .group_by(given.c.rep)
        .cte("last_turn")
    )
    step = type_coerce(last.c.number, BigInteger)
    return (
        update(REP)
        .where(REP.c.rep == last.c.rep)
        .values(
            turn_at=bindparam("base", type_=Instant()) + step,
            taken=can.today() + last.c.turns,
            taken_until=local_day_ends(NOW, REP.c.zone),
        )
    )


def count(session: Session, *, now: datetime) -> None:
    """Who has the working set's handoff was given one more today, though not in turn."""
    session.execute(_counted(), {"now": now})


@lru_cache(maxsize=1)
def _counted() -> Update:
    holder = select(HANDOFF.c.rep).join(batch, batch.c.id == HANDOFF.c.id)
    return (
        update(REP)
        .where(REP.c.rep.in_(holder))
        .values(taken=can.today() + 1, taken_until=local_day_ends(NOW, REP.c.zone))
    )


@lru_cache(maxsize=1)
def pass_on() -> Update:
    """Write how far the turns just taken brought each rep of the team."""
    given = _queue(HANDOFF.c.rep != "").cte("given")
    far = (
        select(
            given.c.team, given.c.rep, func.count().label("turns"), func.max(_step()).label("step")
        )
        .join(REP, REP.c.rep == given.c.rep)
        .group_by(given.c.team, given.c.rep)
        .cte("far")
    )
    return (
        update(MEMBER)
        .where(MEMBER.c.team == far.c.team, MEMBER.c.rep == far.c.rep)
        .values(passed=MEMBER.c.passed + far.c.turns * far.c.step)
    )
