"""Applying a workspace: its files become versions, its people rows; leads are looked at anew."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.changes.consequences import follow
from app.changes.planning import Plan, mark_of, plan_of, ways
from app.shadow.beginning import settle_shadow
from handoff.crm.keeping import keep_crm
from nurture.delivery.mails.trial import trial
from nurture.language.applied.loading import load_definitions
from nurture.language.applied.shadows import in_shadow
from nurture.language.applied.versions import Applied, apply, current
from nurture.ledger import schema
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict
from nurture.sequences.openings import keep_openings


class _Undone(Exception):
    """Ends the transaction of a plan."""


def apply_workspace(
    ledger: Ledger, folder: Path, *, now: datetime, mark: str | None = None, shadows: bool = True
) -> Applied:
    """Store what changed in the folder's files; the ledger's tables are made when it has none.

    Afterwards reps and members are those of the active handoff.yaml, leads on earlier versions are
    where the `edits` of the new ones send them, every lead is touched when scoring, a sequence
    or the workspace changed, and working hours are known as the files say them now.  What `Applied`
    says was refused changed nothing.  With the `mark` of a plan, Conflict when files or versions in
    force are no longer those it was made for.

    With a sequence newly marked `shadow` the ledger is copied, for that to run in; with none left
    the copy is deleted.  Without `shadows` a marked one goes in as any other.
    """
    if not _has_tables(ledger):
        schema.upgrade(ledger)
    with ledger.begin() as session:
        before = current(session) | in_shadow(session)
        applied = apply(session, folder, now=now, trial=trial, shadows=shadows)
        if mark is not None and mark != mark_of(before, current(session) | in_shadow(session)):
            raise Conflict(
                "The plan is no longer true: it was carried out already, a file changed, or "
                "something else was applied since. Nothing was applied now. Look at `nurture plan`."
            )
        follow(session, applied, now=now)
        if shadows and not applied.refused:  # a rehearsal reaches no CRM
            keep_crm(session, load_definitions(session), now=now)
    if shadows and not applied.refused:
        with ledger.begin() as session:  # who is at work is asked before the first tick
            keep_openings(session, load_definitions(session), now=now)
        settle_shadow(ledger, now=now)
    return applied


def plan_workspace(ledger: Ledger, folder: Path, *, now: datetime) -> Plan:
    """What `apply_workspace` would do now, found by doing it in a transaction that is undone."""
    found: list[Plan] = []
    with ExitStack() as stack:
        if not _has_tables(ledger):
            ledger = stack.enter_context(open_memory())
        with suppress(_Undone), ledger.begin() as session:
            before = current(session) | in_shadow(session)
            applied = apply(session, folder, now=now, trial=trial)
            leads = [] if applied.refused else ways(session, load_definitions(session), applied)
            after = current(session) | in_shadow(session)
            plan = plan_of(session, before, after, applied, leads)
            found.append(replace(plan, handoffs=tuple(follow(session, applied, now=now))))
            raise _Undone
    return found[0]


def _has_tables(ledger: Ledger) -> bool:
    with ledger.engine.connect() as connection:
        return schema.ledger_revision(connection) is not None
