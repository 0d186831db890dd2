"""What the scheduler asks: is there mail to go now, and when is the next?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import case, func, literal, not_, select
from sqlmodel import Session

from nurture.delivery import permission
from nurture.delivery.carriers.channel import RESTING
from nurture.delivery.permission import M
from nurture.delivery.states import IN_HAND, WAITING
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.asking import Question, soonest, together
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new_values, table_of
from nurture.ledger.types import EPOCH, Instant

LINK = table_of(t.Link).c


def next_due(session: Session, kind: str) -> datetime | None:
    """The earliest instant a mail of this kind may go, or a dead sender's lease ends.

    While the channel rests, not before its rest is over.  Mail of paused sequences does not count,
    nor mail behind another one in hand to its lead.
    """
    return soonest(session, _NEXT[kind])


def _questions(kind: str) -> tuple[Question, Question]:
    """When may the first mail go, when does the first lease end?"""
    first = func.min(M.due_at, type_=Instant())
    rest = func.coalesce(RESTING.scalar_subquery(), literal(EPOCH, Instant()))
    due = select(case((first.is_not(None), Greatest(first, rest)))).where(
        M.kind == kind, among(M.state, WAITING)
    )
    if kind == "nurture":
        due = due.where(not_(permission.paused()), not_(permission.another_in_hand()))
    lease = select(func.min(M.lease_until, type_=Instant())).where(
        M.kind == kind, among(M.state, IN_HAND)
    )
    return due, lease


QUESTIONS = {kind: _questions(kind) for kind in ("nurture", "notice")}
_NEXT = {kind: together(questions) for kind, questions in QUESTIONS.items()}


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
