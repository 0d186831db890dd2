"""What an apply means for people and leads, in the transaction that stores the versions."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.changes.planning import ways
from handoff.escalation.leaving import Moved, move_on
from handoff.routing.people import sync_people
from handoff.telling.digest import keep_digests
from nurture.language.applied.loading import load_definitions
from nurture.language.applied.versions import Applied, Change
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.ticks import touch_everybody
from nurture.sequences.moving import move

LOOKED_AT_ANEW = ("scoring", "sequence", "workspace")
"""Kinds whose change may concern leads nothing new is known of: fit, standing segments, topics."""
ROUNDS = 3
"""How often leads are looked for that moved on in an earlier version while others were moved."""


def follow(session: Session, applied: Applied, *, now: datetime) -> list[Moved]:
    """Reps as handoff.yaml says, leads where `edits` send them, leads a change may concern
    touched; nothing when it was refused.

    Returns the open handoffs of people who are gone, which were moved on.
    """
    if applied.refused:
        return []
    definitions = load_definitions(session)
    sync_people(session, definitions)
    keep_digests(session, definitions, now=now)
    moved = move_on(session, definitions, now=now)
    for _ in range(ROUNDS):
        if not _move(session, definitions, applied, now=now):
            break
    if any(_concerns_everybody(change) for change in applied.changes):
        touch_everybody(session)
    return moved


def _move(session: Session, definitions: Definitions, applied: Applied, *, now: datetime) -> bool:
    """Move the leads that do not stay; whether there were any."""
    moved = False
    for each in ways(session, definitions, applied):
        for going in each.goings:
            old = definitions.programs[going.standing.definition_id]
            tally = move(session, each.new, old, [going], version=each.version, now=now)
            moved = moved or bool(tally)
    return moved


def _concerns_everybody(change: Change) -> bool:
    return change.kind in LOOKED_AT_ANEW and change.status in ("new", "changed")
