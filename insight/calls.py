"""Calls to other systems as lists and checks show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.webhooks import SETTLED

CALL = table_of(t.WebhookCall).c
LEAD = table_of(t.Lead).c


@dataclass(frozen=True)
class CallRow:
    """A call, made or not; `status` is the last answer's, 0 for none."""

    id: int
    lead_id: int
    lead: str
    name: str
    host: str
    state: str
    status: int
    attempts: int
    reason: str
    path: str
    due_at: datetime
    settled_at: datetime | None


def calls(
    session: Session, *, states: Sequence[str] = (), lead: int | None = None, limit: int = 50
) -> list[CallRow]:
    """Calls with their lead, the newest first."""
    only: list[ColumnElement[bool]] = []
    if states:
        only.append(CALL.state.in_(states))
    if lead is not None:
        only.append(CALL.lead_id == lead)
    named = func.coalesce(LEAD.email, "id:" + LEAD.external_id)
    rows = session.execute(
        select(
            CALL.id, CALL.lead_id, named, CALL.name, CALL.host, CALL.state, CALL.status,
            CALL.attempts, CALL.reason, CALL.path, CALL.due_at, CALL.settled_at,
        )
        .join(table_of(t.Lead), LEAD.id == CALL.lead_id)
        .where(*only)
        .order_by(CALL.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [CallRow(*row) for row in rows]


def call_states(session: Session) -> dict[str, int]:
    """How many calls are in each state."""
    count = func.count().label("calls")
    rows = session.execute(select(CALL.state, count).group_by(CALL.state).order_by(CALL.state))
    return {row.state: row.calls for row in rows}


@dataclass(frozen=True)
class CallFigures:
    """Calls of one webhook by what became of them; `waiting` are not over yet."""

    webhook: str
    done: int
    failed: int
    cancelled: int
    waiting: int


def call_figures(session: Session) -> list[CallFigures]:
    """Every webhook that was called, or is going to be."""
    rows = session.execute(
        select(CALL.name, CALL.state, func.count()).group_by(CALL.name, CALL.state)
    )
    counts: dict[str, Counter[str]] = {}
    for name, state, count in rows:
        kind = state if state in SETTLED else "waiting"
        counts.setdefault(name, Counter())[kind] += count
    return [
        CallFigures(name, *(of[kind] for kind in (*SETTLED, "waiting")))
        for name, of in sorted(counts.items())
    ]


def failed_since(session: Session, since: datetime) -> dict[str, int]:
    """By webhook: how many calls failed for good since an instant."""
    count = func.count().label("calls")
    rows = session.execute(
        select(CALL.name, count)
        .where(CALL.state == "failed", CALL.settled_at >= since)
        .group_by(CALL.name)
        .order_by(CALL.name)
    )
    return {row.name: row.calls for row in rows}
