"""What the page of a handoff shows, as plain values; see templates/pages/handoff.html."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from app.reading import looking
from handoff import standing
from handoff.answering import answers
from handoff.desk import board, brief
from handoff.desk.board import HandoffRow
from handoff.routing import roster
from handoff.telling.notices import said
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NotFound
from nurture.ledger.timeline import timeline

ALLOWED = {
    "offered": ("accept", "reject", "touch", "give"),
    "accepted": ("reject", "touch", "give"),
    "working": ("reject", "give"),
}
"""Answers a handoff takes in each state; in others none."""
TO_DO = {
    "accept": "Accept", "first_touch": "Get in touch", "next_step": "Take the next step",
    "close": "Bring it to an end",
}  # fmt: skip
"""What a clock waits for."""
LENGTHS = (30, 60, 120, 240, 480, 1440, 2880)
"""Minutes a lead may be put off for, as far as its team's policy goes."""
FREE = "taking leads"


def values(
    ledger: Ledger, definitions: Definitions, handoff: int, generation: int, *, now: datetime,
    zone: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The page's values, and `allowed`: the answers this generation's links may still give.

    Instants are said in `zone`, else in that of the handoff's clocks.
    """
    with looking(ledger) as session:
        rows = board.handoffs(session, now=now, handoff=handoff)
        if not rows:
            raise NotFound
        row = rows[0]
        facts = brief.lead_of(session, definitions, handoff, now=now)
        clocks = next((clock.zone for clock in row.clocks), definitions.workspace.zone)
        at = zone or clocks
        rules = definitions.handoff
        current = generation == row.generation
        allowed = ALLOWED.get(row.state, ()) if current else ()
        if current and any(c.kind == "next_step" and c.running for c in row.clocks):
            allowed = (*allowed, "touch") if "touch" not in allowed else allowed
        lengths = _lengths(definitions, row) if allowed else []
        allowed = (*allowed, "snooze") if lengths else allowed
        return facts | {
            "allowed": allowed,
            "handoff": {
                "id": row.id, "team": row.team, "reason": row.reason, "state": row.state,
            },
            "rep": {"name": row.rep_name or row.rep},
            "due": said(row.due_at, at) if current else "",
            "to_do": TO_DO[row.next_clock.kind] if row.next_clock else "",
            "deadlines": _deadlines(row, zone) if current else [],
            "history": _history(session, row, at),
            "lengths": lengths,
            "colleagues": _colleagues(session, row, now=now) if "give" in allowed else [],
            "reasons": list(rules.recycle.reasons) if rules else [],
        }  # fmt: skip


def _lengths(definitions: Definitions, row: HandoffRow) -> list[tuple[int, str]]:
    """For how many minutes the rep may put the lead off, and how that is said; [] if not at all."""
    longest = answers.snoozes(definitions, row.team)
    waits = row.held_until is not None or row.snoozed == row.generation
    if longest is None or waits or not row.rep or row.next_clock is None:
        return []
    most = int(longest.total_seconds() // 60)
    minutes = [*(each for each in LENGTHS if each < most), most]
    return [(each, standing.length(timedelta(minutes=each))) for each in minutes]


def _colleagues(session: Session, row: HandoffRow, *, now: datetime) -> list[tuple[str, str]]:
    """Who else could have it: everybody of the team by name, with what keeps them from it now."""
    others = [each for each, _ in roster.members(session, row.team, "", now=now)]
    return [
        (each.rep, each.name + (f" ({each.said(now=now)})" if each.state != FREE else ""))
        for each in others
        if each.rep != row.rep and each.state != "gone"
    ]


def _deadlines(row: HandoffRow, zone: str | None) -> list[dict[str, str]]:
    """The clocks that run, in the order they run out, each by its own zone unless one is named."""
    running = sorted((c for c in row.clocks if c.running), key=lambda clock: clock.due_at)
    return [
        {"what": TO_DO[c.kind], "due": said(c.due_at, zone or c.zone), "state": c.state}
        for c in running
    ]


def _history(session: Session, row: HandoffRow, zone: str) -> list[dict[str, str]]:
    """What happened to the handoff, oldest first: opened, answered, and what its ladder did."""
    found = [(row.opened_at, f"opened for {row.team}")]
    if row.offered_at is not None and row.rep:
        found.append((row.offered_at, f"offered to {row.rep_name or row.rep}"))
    about = f"handoff {row.id}:"
    found += [
        (line.at, line.reason or line.text)
        for line in timeline(session, row.lead_id)
        if line.what == "change" and line.text.startswith(about)
    ]
    found += [
        (rung.fired_at, rung.reason or rung.action)
        for rung in board.rungs_of(session, row.id)
        if rung.fired_at is not None
    ]
    return [
        {"at": said(at, zone), "text": text} for at, text in sorted(found, key=lambda line: line[0])
    ]
