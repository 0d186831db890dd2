"""An earlier version of a sequence, back in its file and in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.changes.applying import apply_workspace, plan_workspace
from app.changes.planning import Plan
from nurture.language.applied.loading import load_version
from nurture.language.checks.validate import validate
from nurture.language.reading.closing import without_taken
from nurture.language.text.parts import part, without
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, InputRefused, NotFound


@dataclass(frozen=True)
class RolledBack:
    """What was done: the file, the version it holds again, and the plan that was carried out."""

    file: str
    restored: int
    plan: Plan


def roll_back(
    ledger: Ledger, folder: Path, name: str, *, to: int | None, stay: bool, now: datetime
) -> RolledBack:
    """Write version `to` (else the one before that in force) into the sequence's file, apply it.

    The file says where leads on other versions go (`edits`), so that the plan shows it.  Conflict
    when the workspace holds changes that were never applied: they would come along, or be lost.
    Whatever goes wrong, the file is as it was.
    """
    pending = plan_workspace(ledger, folder, now=now)
    if pending.refused or pending.changes:
        raise Conflict(
            "The workspace holds changes that are not in force. Apply them or take them back "
            "first: `nurture plan` shows them."
        )
    with ledger.looking() as session:
        in_force = load_version(session, name, None)[1]
        wanted = to if to is not None else in_force.version - 1
        if wanted == in_force.version or wanted < 1:
            raise InputRefused(f"{name} has no version before {wanted + 1}, which is in force.")
        source = load_version(session, name, wanted)[1].source
    file = _file(folder, name)
    before = (folder / file).read_bytes()
    again = without_taken(without(source, "edits"), validate(folder).known)
    written = _with_edits(again, stay=stay) + part(before.decode(), "tests")
    try:
        (folder / file).write_text(written, encoding="utf-8", newline="")
        plan = plan_workspace(ledger, folder, now=now)
        applied = apply_workspace(ledger, folder, now=now, mark=plan.mark)
        if applied.refused or applied.errors:
            raise InputRefused(
                f"Version {wanted} of {name} cannot be applied any more: {applied.errors[0]}"
            )
    except BaseException:
        (folder / file).write_bytes(before)
        raise
    return RolledBack(file, wanted, plan)


def _with_edits(text: str, *, stay: bool) -> str:
    if stay:
        return text
    if text.lstrip().startswith("{"):
        raise InputRefused(
            "That version is written as one flow mapping ({sequence: …}): write it in lines, or "
            "roll back with --stay."
        )
    return f"{text.rstrip()}\n\nedits: {{enrolled: move, reason: rolled back}}\n"


def _file(folder: Path, name: str) -> str:
    checked = validate(folder)
    for file in checked.files:
        if file.kind == "sequence" and checked.name_of(file) == name:
            return file.path
    raise NotFound(f"No file of the workspace holds the sequence {name}.")
