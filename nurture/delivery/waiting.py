"""What the scheduler asks: is there mail to go now, and when is the next?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Select, func, not_, select
from sqlmodel import Session

from nurture.delivery import permission
from nurture.delivery.channel import resting_until
from nurture.delivery.permission import M
from nurture.delivery.states import IN_HAND, WAITING
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.plans import among
from nurture.ledger.types import Instant
from nurture.ledger.upsert import insert_new_values, table_of

LINK = table_of(t.Link).c


def next_due(session: Session, kind: str) -> datetime | None:
    """The earliest instant a mail of this kind may go, or a dead sender's lease ends.

    While the channel rests, not before its rest is over.  Mail of paused sequences does not count,
    nor mail behind another one in hand to its lead.
    """
    due, lease = (session.execute(question).scalar() for question in _questions(kind))
    rest = resting_until(session)
    if due is not None and rest is not None:
        due = max(due, rest)
    return min((instant for instant in (due, lease) if instant is not None), default=None)


@lru_cache(maxsize=2)
def _questions(kind: str) -> tuple[Select[tuple[datetime]], Select[tuple[datetime]]]:
    """When is the first mail due, when does the first lease end?  Built once: asked several times
    a tick, and building costs more than asking."""
    waiting = select(func.min(M.due_at, type_=Instant())).where(
        M.kind == kind, among(M.state, WAITING)
    )
    if kind == "nurture":
        waiting = waiting.where(not_(permission.paused()), not_(permission.another_in_hand()))
    lease = select(func.min(M.lease_until, type_=Instant())).where(
        M.kind == kind, among(M.state, IN_HAND)
    )
    return waiting, lease


def link_keeper(ledger: Ledger) -> Callable[[str], int]:
    """A function that keeps an address mails lead to and answers its number."""
    known: dict[str, int] = {}

    def keep(url: str) -> int:
        if url not in known:
            with ledger.begin() as session:
                insert_new_values(session, t.Link, [{"url": url}])
                number = session.execute(select(LINK.id).where(LINK.url == url)).scalar_one()
            known[url] = int(number)
        return known[url]

    return keep
