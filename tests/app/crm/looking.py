"""Looks at a CRM, one after the other, until there is nothing more to see."""

from __future__ import annotations

from datetime import datetime, timedelta

from handoff.crm.port import Change, Crm, Pulled
from tests.app.crm.cards import NOW

SECOND = timedelta(seconds=1)


def look(ours: Crm, cursor: str, *, now: datetime = NOW) -> Pulled:
    """One page; it must succeed."""
    pulled = ours.pull(cursor, now=now).result(timeout=20)
    assert pulled.answer.verdict == "done", pulled.answer
    return pulled


def looks(ours: Crm, cursor: str) -> tuple[list[Change], str]:
    """All that is there to see now."""
    seen: list[Change] = []
    for _ in range(400):
        pulled = look(ours, cursor)
        seen += pulled.changes
        cursor = pulled.cursor
        if not pulled.more:
            return seen, cursor
    raise AssertionError("the look does not end")
