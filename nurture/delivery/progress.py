"""Where a lead stands behind its mail: rows are how delivery and sequences meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, or_, select, update
from sqlmodel import Session

from nurture.delivery.permission import M
from nurture.ledger import tables as t
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.messages import FINAL
from nurture.ledger.types import Instant

ENROLMENT = table_of(t.Enrolment)
E = ENROLMENT.c
PATIENCE = timedelta(hours=24)
"""How long a lead waits behind a mail of unknown fate: evidence, if any, comes within a day."""


def wake(session: Session, messages: ColumnElement[bool], *, now: datetime) -> None:
    """Let the leads behind final messages go on from `now`."""
    _let_go(session, messages, FINAL, E.due_at.is_(None), due=now)


def wake_behind(session: Session, numbers: Sequence[int], *, now: datetime) -> None:
    """As `wake`, for messages by their numbers: prepared once, asked for every window."""
    session.execute(_BEHIND, {"numbers": numbers, "now": now})


def wait_for_word(session: Session, messages: ColumnElement[bool], *, now: datetime) -> None:
    """Let the leads behind messages of unknown fate go on after `PATIENCE`."""
    _let_go(session, messages, ("unknown",), E.due_at.is_(None), due=now + PATIENCE)


def wake_early(session: Session, message_id: int, *, now: datetime) -> None:
    """The fate became known: the lead, if it still stands behind that mail, goes on from `now`."""
    path = select(M.path).where(M.id == message_id).scalar_subquery()
    waiting = or_(E.due_at.is_(None), E.due_at > now)
    _let_go(session, M.id == message_id, FINAL, waiting, E.path == path, due=now)


def _let_go(
    session: Session,
    messages: ColumnElement[bool],
    states: tuple[str, ...],
    *standing: ColumnElement[bool],
    due: datetime,
) -> None:
    behind = select(M.enrolment_id).where(messages, among(M.state, states))
    session.execute(
        update(ENROLMENT)
        .where(E.id.in_(behind.where(M.enrolment_id.is_not(None))), E.state == "active", *standing)
        .values(due_at=due)
    )


_FINAL_BEHIND = select(M.enrolment_id).where(
    in_given(M.id, "numbers"),
    among(M.state, FINAL),
    M.enrolment_id.is_not(None),
)
_BEHIND = (
    update(ENROLMENT)
    .where(E.id.in_(_FINAL_BEHIND), E.state == "active", E.due_at.is_(None))
    .values(due_at=bindparam("now", type_=Instant()))
)
