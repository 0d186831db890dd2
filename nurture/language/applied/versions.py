"""`nurture apply`: a workspace's files become versions in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import func, select, tuple_, update
from sqlmodel import Session

from nurture.language.applied.shadows import SHADOW, in_shadow
from nurture.language.checks.validate import Checked, validate
from nurture.language.checks.view import Trial
from nurture.language.reading.folder import SourceFile
from nurture.language.text.problems import Problem
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of

DEFINITION = table_of(t.Definition)
D = DEFINITION.c
Status = Literal["new", "changed", "same", "removed", "kept", "shadow", "shadow ends"]


@dataclass(frozen=True)
class Change:
    """What became of one definition; `kept`: its file has errors, the last good version runs on.

    `shadow`: from now on it runs beside the version in force; `shadow ends`: no more.
    """

    kind: str
    name: str
    version: int
    status: Status


@dataclass(frozen=True)
class Applied:
    """What an apply did.  `refused`: nothing was stored, the problems say why."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    refused: bool = False

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that kept something from being applied."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def apply(
    session: Session, folder: Path, *, now: datetime, trial: Trial | None = None,
    shadows: bool = True,
) -> Applied:  # fmt: skip
    """Store what is new or changed, as versions active from `now`; the caller commits.

    Errors in nurture.yaml, scoring.yaml, handoff.yaml or between files refuse everything.  An error
    in a sequence or a mail keeps back that file alone (and new sequences that send a mail which
    has never been good): its last good version stays active.  A file that is gone makes its
    definition inactive; enrolments finish on the version they began with.  Applying the same
    files again changes nothing.  `trial` as in `validate`.

    A sequence marked `shadow` becomes a version beside the one in force, which stays in force;
    without `shadows` it goes in as any other.
    """
    checked = validate(folder, trial)
    files = checked.files
    if any(p.severity == "error" and not checked.confined(p) for p in checked.problems):
        return Applied((), checked.problems, refused=True)
    before = current(session)
    held = _held_back(checked, before)
    beside = checked.shadows if shadows else frozenset()
    good = [(file, name) for file in files if (name := checked.name_of(file)) is not None
            and file.path not in held]  # fmt: skip
    _deactivate(session, [
        (file.kind, name) for file, name in good
        if file.path not in beside and not _same(file, before.get((file.kind, name)))
    ])  # fmt: skip
    last = _last_versions(session)
    changes = [
        _shadow(session, file, name, last, now) if file.path in beside
        else _store(session, file, name, before, last, now)
        for file, name in good
    ]  # fmt: skip
    changes += _kept(files, checked, held, before)
    changes += _remove(session, files, checked, before)
    changes += _end_shadows(session, checked, held) if shadows else []
    session.flush()
    return Applied(tuple(changes), checked.problems)


def current(session: Session) -> dict[tuple[str, str], t.Definition]:
    """The rows in force by kind and name, as they are now; empty before the first apply."""
    rows = session.execute(select(t.Definition).where(D.active)).scalars().all()
    for row in rows:
        session.expunge(row)  # an apply changes them beside the session
    return {(row.kind, row.name): row for row in rows}


def applied_hashes(session: Session) -> list[str]:
    """The hashes of the files in force, in order; empty before the first apply."""
    return sorted(session.execute(select(D.hash).where(D.active)).scalars())


def _held_back(checked: Checked, in_force: dict[tuple[str, str], t.Definition]) -> set[str]:
    """Files with errors, and sequences that send a mail of which there is no good version."""
    held = {problem.file for problem in checked.problems if problem.severity == "error"}
    # An HTML part and its text part are one mail: neither goes in without the other.
    for path in list(held):
        stem = path.rpartition(".")[0]
        if path.startswith("templates/"):
            held |= {f"{stem}.html", f"{stem}.txt"}
    missing = {
        path.removeprefix("templates/").rpartition(".")[0]
        for path in held
        if path.endswith(".html") and ("template", path.removeprefix("templates/")) not in in_force
    }
    return held | {path for path, mails in checked.mails.items() if mails & missing}


def _store(
    session: Session,
    file: SourceFile,
    name: str,
    in_force: dict[tuple[str, str], t.Definition],
    last: Mapping[tuple[str, str], int],
    now: datetime,
) -> Change:
    before = in_force.get((file.kind, name))
    if before is not None and _same(file, before):
        return Change(file.kind, name, before.version, "same")
    version = _add(session, file, name, last, now, active=True, shadow=False)
    return Change(file.kind, name, version, "changed" if before else "new")


def _shadow(
    session: Session, file: SourceFile, name: str, last: Mapping[tuple[str, str], int],
    now: datetime,
) -> Change:  # fmt: skip
    before = in_shadow(session).get((SHADOW, name))
    if before is not None and _same(file, before):
        return Change(file.kind, name, before.version, "same")
    session.execute(update(DEFINITION).where(D.shadow, D.name == name).values(shadow=False))
    version = _add(session, file, name, last, now, active=False, shadow=True)
    return Change(file.kind, name, version, "shadow")


def _add(
    session: Session, file: SourceFile, name: str, last: Mapping[tuple[str, str], int],
    now: datetime, *, active: bool, shadow: bool,
) -> int:  # fmt: skip
    """Let the text become the next version, written with the others; returns its number."""
    version = last.get((file.kind, name), 0) + 1
    row = t.Definition(
        kind=file.kind, name=name, version=version, hash=file.hash, source=file.definition,
        applied_at=now, active=active, shadow=shadow,
    )  # fmt: skip
    session.add(row)
    return version


def _last_versions(session: Session) -> dict[tuple[str, str], int]:
    """The number of the newest version by kind and name, also of what is no longer in force."""
    newest = select(D.kind, D.name, func.max(D.version)).group_by(D.kind, D.name)
    return {(kind, name): version for kind, name, version in session.execute(newest)}


def _same(file: SourceFile, version: t.Definition | None) -> bool:
    return version is not None and version.hash == file.hash


def _deactivate(session: Session, keys: Collection[tuple[str, str]]) -> None:
    """Take what has these kinds and names out of force."""
    if keys:
        named = tuple_(D.kind, D.name).in_(keys)
        session.execute(update(DEFINITION).where(D.active, named).values(active=False))


def _kept(
    files: Iterable[SourceFile],
    checked: Checked,
    held: set[str],
    in_force: dict[tuple[str, str], t.Definition],
) -> list[Change]:
    kept = []
    for file in files:
        name = checked.name_of(file)
        row = in_force.get((file.kind, name)) if name and file.path in held else None
        if row is not None:
            kept.append(Change(row.kind, row.name, row.version, "kept"))
    return kept


def _remove(
    session: Session,
    files: Iterable[SourceFile],
    checked: Checked,
    in_force: dict[tuple[str, str], t.Definition],
) -> list[Change]:
    """Make inactive what has no file any more.

    While a sequence file is too broken to say its name, no sequence counts as removed: it might
    be the one.
    """
    here = {(file.kind, checked.name_of(file)) for file in files}
    unclear = ("sequence", None) in here
    removed = []
    for (kind, name), row in in_force.items():
        if (kind, name) in here or (kind == "sequence" and unclear):
            continue
        removed.append(Change(kind, name, row.version, "removed"))
    _deactivate(session, [(each.kind, each.name) for each in removed])
    return removed


def _end_shadows(session: Session, checked: Checked, held: set[str]) -> list[Change]:
    """End the shadows whose file is gone or no longer marked; one with errors goes on."""
    going_on = {
        checked.name_of(file)
        for file in checked.files
        if file.path in checked.shadows or file.path in held
    }
    ended = []
    for (_, name), row in in_shadow(session).items():
        if name not in going_on and None not in going_on:
            session.execute(update(DEFINITION).where(D.id == row.id).values(shadow=False))
            ended.append(Change("sequence", name, row.version, "shadow ends"))
    return ended
