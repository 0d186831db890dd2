"""Whose turn it is, and which leads a tick looks at.

Single flight spares work, no more: a tick whose turn was taken over, or two that run at once, do
the same idempotent work.  What is never lost is a touch: it is deleted only by the tick that holds
it when it ends, and what a dead tick held is held again by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, TICK, Asking
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.locks import alone
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant

TURN = "tick"
CLAIM = "claim"
LEASE = timedelta(seconds=60)
TOUCH, ENGAGEMENT, TICKS, LOCK = (
    table_of(each).c for each in (t.Touch, t.Engagement, t.Tick, t.Lock)
)


@dataclass(frozen=True)
class Claim:
    """A tick begun: its number, how many touches it holds, and whether more are waiting."""

    tick_id: int
    touches: int
    more: bool


def take_turn(
    ledger: Ledger,
    *,
    owner: str,
    clock: Callable[[], datetime],
    lease: timedelta = LEASE,
    alive: Callable[[str], bool] = lambda _owner: True,
) -> bool:
    """Take the turn for `lease`, or prolong it when `owner` has it already; True on success.

    It is free when nobody has it, when its lease has ended, or when `alive` says of its owner's
    name that the process is gone.  `owner` names one run: two runs of one process need two names.
    `clock` is one for all who ask, or whoever is ahead takes the turn from the others (ADR 025).
    """
    with ledger.begin() as session:
        now = clock()
        wanted = {"by": owner, "now": now, "end": now + lease}
        if changed(session, _TAKE, wanted):
            return True
        alone(session, TURN)
        row = session.get_one(t.Lock, TURN)
        if row.owner and alive(row.owner):
            return False
        row.owner, row.until = owner, clock() + lease
        return True


def release(ledger: Ledger, *, owner: str) -> None:
    """Give the turn back; nothing happens when somebody else has taken it over."""
    with ledger.begin() as session:
        session.execute(_RELEASE, {"by": owner})


def begin_tick(session: Session, *, now: datetime, owner: str, limit: int = batches.SIZE) -> Claim:
    """Begin a tick and put its number on the oldest waiting touches, those of at most `limit`
    leads; every waiting touch of such a lead is among them.

    An engagement dated after `now` (the skew of a source, a rehearsal of the past) waits until
    it has happened.  Touches held by ticks that never ended are waiting again first.  Call once
    more while `more`.
    """
    alone(session, CLAIM)  # on PostgreSQL: two claims at once would wait for each other's rows
    tick = t.Tick(now=now, owner=owner)
    session.add(tick)
    session.flush()
    assert tick.id is not None
    asking = Asking(session, tick.id, now)
    asking.run(_TAKE_BACK)
    touches = asking.run(_CLAIM, most=limit)
    return Claim(tick.id, touches, fresh(session, now=now))


def held_by_others(tick: ColumnElement[int]) -> Select[tuple[int]]:
    """The leads of whom a tick other than this one holds something new; leans on `touch_tick`.

    A tick that died holds them until the next one takes them over (`begin_tick`).  What no tick
    has taken yet is not among them: it came after the look, and might as well have come later.
    """
    return select(TOUCH.lead_id).where(TOUCH.tick_id.is_not(None), TOUCH.tick_id != tick)


def waiting(session: Session, *, now: datetime) -> bool:
    """Something new is known of some lead: claimed by nobody, or by a tick that never ended."""
    return session.execute(NEXT_NEWS, {"now": now}).scalar() is not None


def fresh(session: Session, *, now: datetime) -> bool:
    """The same, of touches no tick has claimed."""
    return bool(session.execute(_FRESH, {"now": now}).scalar())


def _happened(at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The touch is about a change, or about an engagement that has happened by then."""
    occurred = (
        select(ENGAGEMENT.occurred_at)
        .where(ENGAGEMENT.id == TOUCH.engagement_id)
        .correlate(table_of(t.Touch))
        .scalar_subquery()
    )
    return or_(TOUCH.engagement_id.is_(None), occurred <= at)


# Built once: asked several times a tick, and building costs more than asking.
_FRESH = select(exists().where(TOUCH.tick_id.is_(None), _happened(NOW)))
NEXT_NEWS = select(case((exists().where(_happened(NOW)), NOW)))
"""Now, while something new is known of some lead (`waiting`)."""
NEXT_HAPPENING = (
    select(func.min(ENGAGEMENT.occurred_at, type_=Instant()))
    .join_from(table_of(t.Touch), table_of(t.Engagement), TOUCH.engagement_id == ENGAGEMENT.id)
    .where(ENGAGEMENT.occurred_at > NOW)
)
"""The earliest instant after `:now` of an engagement that is known and has yet to happen."""
_TAKE_BACK = (  # what other unfinished ticks hold; leans on `touch_tick` and `tick_unfinished`
    update(table_of(t.Touch))
    .where(TOUCH.tick_id.in_(select(TICKS.id).where(TICKS.finished_at.is_(None), TICKS.id != TICK)))
    .values(tick_id=None)
)
_OLDEST = (
    select(TOUCH.lead_id)
    .where(TOUCH.tick_id.is_(None), _happened(NOW))
    .order_by(TOUCH.id)
    .limit(bindparam("most", type_=Integer()))
)
_CLAIM = (
    update(table_of(t.Touch))
    .where(TOUCH.tick_id.is_(None), TOUCH.lead_id.in_(_OLDEST), _happened(NOW))
    .values(tick_id=TICK)
)
_DROP = delete(table_of(t.Touch)).where(TOUCH.tick_id == TICK)
_ECHO = insert(table_of(t.Echo)).from_select(  # while a version runs in shadow
    ["lead_id", "engagement_id"],
    select(TOUCH.lead_id, TOUCH.engagement_id)
    .where(TOUCH.tick_id == TICK, exists().where(table_of(t.Definition).c.shadow))
    .order_by(TOUCH.id),
)
_FINISH = (  # not NOW: the table has a column of that name
    update(table_of(t.Tick))
    .where(TICKS.id == TICK)
    .values(finished_at=bindparam("at", type_=Instant()))
)
_FREE = or_(
    LOCK.owner == "", LOCK.owner == bindparam("by"), LOCK.until.is_(None), LOCK.until <= NOW
)
_TAKE = (
    update(table_of(t.Lock))
    .where(LOCK.name == TURN, _FREE)
    .values(owner=bindparam("by"), until=bindparam("end", type_=Instant()))
)
_RELEASE = (
    update(table_of(t.Lock))
    .where(LOCK.name == TURN, LOCK.owner == bindparam("by"))
    .values(owner="", until=None)
)


def end_tick(session: Session, tick_id: int, *, now: datetime) -> int:
    """Delete the touches the tick still holds and mark it finished; returns how many they were.

    Touches another tick has taken over meanwhile stay that tick's.  While a version runs in
    shadow, what is deleted is kept for it (`Echo`).
    """
    alone(session, CLAIM)  # as `begin_tick`: whoever takes over goes through the same touches
    asking = Asking(session, tick_id, now)
    asking.run(_ECHO)
    dropped = asking.run(_DROP)
    session.execute(_FINISH, {"tick": tick_id, "at": now})
    return dropped


def touching(leads: Select[Any]) -> Insert:
    """Say that something is new about the leads of a query of their numbers.

    The next tick looks at them; a tick in progress does not.
    """
    return insert(table_of(t.Touch)).from_select(["lead_id"], leads)


def touch(session: Session, leads: Select[Any]) -> int:
    """The same at once; returns how many leads."""
    return changed(session, touching(leads))


def touch_everybody(session: Session) -> int:
    """The same of every lead: something changed for all of them."""
    return touch(session, select(col(t.Lead.id)))


def count_waiting(session: Session) -> int:
    """How many news of leads wait for a tick, or are in the hands of one."""
    return int(session.execute(select(func.count()).select_from(t.Touch)).scalar_one())


def whose_turn(session: Session) -> tuple[str, datetime | None]:
    """Who took the turn and did not give it back ('' for nobody), and until when it has it."""
    row = session.get(t.Lock, TURN)
    return (row.owner, row.until) if row is not None else ("", None)
