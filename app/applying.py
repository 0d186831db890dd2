"""Applying a workspace: its files become versions, its people rows; leads are looked at anew."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from handoff.people import sync_people
from nurture.delivery.trial import trial
from nurture.language.loading import load_definitions
from nurture.language.versions import Applied, Change, apply
from nurture.ledger import schema
from nurture.ledger.engine import Ledger
from nurture.ledger.ticks import touch_everybody

LOOKED_AT_ANEW = ("scoring", "sequence", "workspace")
"""Kinds whose change may concern leads nothing new is known of: fit, standing segments, topics."""


def apply_workspace(ledger: Ledger, folder: Path, *, now: datetime) -> Applied:
    """Store what changed in the folder's files; the ledger's tables are made when it has none.

    Afterwards reps and members are those of the active handoff.yaml, and every lead is touched
    when scoring, a sequence or the workspace changed.  What `Applied` says was refused changed
    nothing.
    """
    with ledger.engine.connect() as connection:
        empty = schema.ledger_revision(connection) is None
    if empty:
        schema.upgrade(ledger)
    with ledger.begin() as session:
        applied = apply(session, folder, now=now, trial=trial)
        if not applied.refused:
            sync_people(session, load_definitions(session))
            if any(_concerns_everybody(change) for change in applied.changes):
                touch_everybody(session)
    return applied


def _concerns_everybody(change: Change) -> bool:
    return change.kind in LOOKED_AT_ANEW and change.status in ("new", "changed")
