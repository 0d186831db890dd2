"""Calls that were given up, made once more because somebody asks for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlmodel import Session

from nurture.calendar.nearest import suggestion
from nurture.ledger import tables as t
from nurture.ledger.errors import Conflict, NotFound
from nurture.ledger.statements.changed import changed
from nurture.webhooks.claim import CALL, C
from nurture.webhooks.settle import AGAIN

UNDER_WAY = ("due", "claimed")
MOST = 2**63
"""Beyond it no database has numbers."""
LISTED = "nurture webhooks list shows them."


def retry(session: Session, number: int, *, now: datetime) -> t.WebhookCall:
    """Make a failed call once more, with as many tries as its step says, under its old number.

    Raises NotFound, or Conflict with what became of it.
    """
    if number < MOST and _again(session, C.id == number, now=now) == 1:
        return session.get_one(t.WebhookCall, number)
    found = session.get(t.WebhookCall, number) if number < MOST else None
    if found is None:
        raise NotFound(f"There is no call {number}: {LISTED}")
    said = f"Call {number} to {found.name}"
    if found.state in UNDER_WAY:
        raise Conflict(f"{said} is under way: it is made or tried again by itself.")
    if found.state == "done":
        raise Conflict(f"{said} is done ({found.reason}): nothing is sent again.")
    raise Conflict(f"{said} was cancelled ({found.reason}): only failed ones are sent again.")


def retry_all(session: Session, name: str, *, now: datetime) -> int:
    """Make every failed call of a webhook once more; returns how many there are.

    Raises NotFound, with the nearest name, when nothing was ever called so.
    """
    found = _again(session, C.name == name, now=now)
    if not found:
        known = list(session.execute(select(C.name).distinct().order_by(C.name)).scalars())
        if name not in known:
            near = suggestion(name, known) or " nurture webhooks list shows which were."
            raise NotFound(f"No webhook “{name}” was ever called.{near}")
    return found


def _again(session: Session, which: ColumnElement[bool], *, now: datetime) -> int:
    """When it was given up stays: by that it is known as one that holds nobody."""
    failed = update(CALL).where(which, C.state == "failed")
    return changed(session, failed.values(state="due", due_at=now, attempts=0, reason=AGAIN))
