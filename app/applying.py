"""Applying a workspace: its files become versions, its people rows; leads are looked at anew."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from app.planning import Plan, mark_of, plan_of, ways
from handoff.people import sync_people
from nurture.delivery.trial import trial
from nurture.language.definitions import Definitions
from nurture.language.loading import load_definitions
from nurture.language.versions import Applied, Change, apply, current
from nurture.ledger import schema
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict
from nurture.ledger.memory import open_memory
from nurture.ledger.ticks import touch_everybody
from nurture.sequences.moving import move

LOOKED_AT_ANEW = ("scoring", "sequence", "workspace")
"""Kinds whose change may concern leads nothing new is known of: fit, standing segments, topics."""
ROUNDS = 3
"""How often leads are looked for that moved on in an earlier version while others were moved."""


class _Undone(Exception):
    """Ends the transaction of a plan."""


def apply_workspace(
    ledger: Ledger, folder: Path, *, now: datetime, mark: str | None = None
) -> Applied:
    """Store what changed in the folder's files; the ledger's tables are made when it has none.

    Afterwards reps and members are those of the active handoff.yaml, leads on earlier versions are
    where the `edits` of the new ones send them, and every lead is touched when scoring, a sequence
    or the workspace changed.  What `Applied` says was refused changed nothing.  With the `mark` of
    a plan, Conflict when files or versions in force are no longer those it was made for.
    """
    if not _has_tables(ledger):
        schema.upgrade(ledger)
    with ledger.begin() as session:
        before = current(session)
        applied = apply(session, folder, now=now, trial=trial)
        if mark is not None and mark != mark_of(before, current(session)):
            raise Conflict(
                "The plan is no longer true: it was carried out already, a file changed, or "
                "something else was applied since. Nothing was applied now. Look at `nurture plan`."
            )
        _follow(session, applied, now=now)
    return applied


def plan_workspace(ledger: Ledger, folder: Path, *, now: datetime) -> Plan:
    """What `apply_workspace` would do now, found by doing it in a transaction that is undone."""
    found: list[Plan] = []
    with ExitStack() as stack:
        if not _has_tables(ledger):
            ledger = stack.enter_context(open_memory())
        with suppress(_Undone), ledger.begin() as session:
            before = current(session)
            applied = apply(session, folder, now=now, trial=trial)
            leads = [] if applied.refused else ways(session, load_definitions(session), applied)
            found.append(plan_of(session, before, current(session), applied, leads))
            _follow(session, applied, now=now)
            raise _Undone
    return found[0]


def _has_tables(ledger: Ledger) -> bool:
    with ledger.engine.connect() as connection:
        return schema.ledger_revision(connection) is not None


def _follow(session: Session, applied: Applied, *, now: datetime) -> None:
    """What an apply means for people and leads; nothing when it was refused."""
    if applied.refused:
        return
    definitions = load_definitions(session)
    sync_people(session, definitions)
    for _ in range(ROUNDS):
        if not _move(session, definitions, applied, now=now):
            break
    if any(_concerns_everybody(change) for change in applied.changes):
        touch_everybody(session)


def _move(
    session: Session, definitions: Definitions, applied: Applied, *, now: datetime
) -> bool:
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
