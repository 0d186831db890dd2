"""Whether a flow has work at an instant, and when the next one has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from flows.runtime import Runtime
from handoff import waiting as handoffs_waiting
from handoff.board import next_due as next_handoff_due
from nurture.delivery import waiting
from nurture.ledger import following, ticks
from nurture.ledger.upkeep import next_upkeep
from nurture.scoring.rescore import next_due as next_score_due
from nurture.sequences import standing
from nurture.sequences.arrivals import next_room
from nurture.sequences.looks import next_look
from nurture.webhooks import claim as calls


def _deliver_due(session: Session, runtime: Runtime, now: datetime) -> bool:
    due = [waiting.next_due(session, kind) for kind in ("nurture", "notice")]
    due.append(calls.next_due(session))
    return any(each is not None and each <= now for each in due)


def _escalate_due(session: Session, runtime: Runtime, now: datetime) -> bool:
    due = next_handoff_due(session, now=now)
    handing_off = runtime.definitions().handoff is not None
    return (due is not None and due <= now) or (handing_off and _sales_wait(session, now))


def _sales_wait(session: Session, now: datetime) -> bool:
    return handoffs_waiting.episodes(session) or handoffs_waiting.drafts(session, now=now)


def _upkeep_due(session: Session, runtime: Runtime, now: datetime) -> bool:
    due = next_upkeep(session)
    return due is None or due <= now


DUE: dict[str, Callable[[Session, Runtime, datetime], bool]] = {
    "deliver": _deliver_due,
    "escalate": _escalate_due,
    "upkeep": _upkeep_due,
}


def next_due(session: Session, runtime: Runtime, *, now: datetime) -> datetime | None:
    """The next instant any flow has work, as far as rows say; `now` when touches wait."""
    definitions = runtime.definitions()
    if ticks.waiting(session, now=now) or (definitions.handoff and _sales_wait(session, now)):
        return now
    instants = [
        next_score_due(session),
        standing.next_due(session, definitions),
        next_look(session),
        next_room(session, definitions, now=now),
        waiting.next_due(session, "nurture"),
        waiting.next_due(session, "notice"),
        calls.next_due(session),
        next_handoff_due(session, now=now),
        handoffs_waiting.next_draft(session) if definitions.handoff else None,
        next_upkeep(session),
        ticks.next_happening(session, now=now),
    ]
    return min((instant for instant in instants if instant is not None), default=None)


def next_due_beside(runtime: Runtime, beside: Runtime, *, now: datetime) -> datetime | None:
    """The same of the copy in which versions run in shadow; `now` when it has news to hear."""
    with runtime.ledger.looking() as session:
        if following.waiting(session):
            return now
    with beside.ledger.looking() as session:
        return next_due(session, beside, now=now)


def next_wake(runtime: Runtime, *, now: datetime) -> datetime | None:
    """The next instant there is work in the ledger or in the copy beside it."""
    with runtime.ledger.looking() as session:
        due = next_due(session, runtime, now=now)
    beside = runtime.shadow()
    other = None if beside is None else next_due_beside(runtime, beside, now=now)
    return min(filter(None, (due, other)), default=None)
