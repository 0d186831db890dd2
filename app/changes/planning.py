"""What an apply will do, said before it is done: versions, what they change, and where leads go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from sqlmodel import Session

from handoff.answering.follow_ups import waiting_for
from handoff.desk.board import running_clocks
from handoff.escalation.leaving import Moved
from nurture.language.applied.differences import Difference, differences, step_differences
from nurture.language.applied.loading import load_version
from nurture.language.applied.shadows import SHADOW
from nurture.language.applied.versions import Applied, Change
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program
from nurture.language.reading.folder import Kind
from nurture.language.text.problems import Problem
from nurture.ledger import tables as t
from nurture.ledger.errors import NurtureError
from nurture.sequences.moving import Going, going, standing

InForce = Mapping[tuple[str, str], t.Definition]
"""By kind and name, and as ("shadow", name) what runs beside it."""


@dataclass(frozen=True)
class Move:
    """So many leads of a version, where people see them now, and what becomes of them."""

    version: int
    path: str
    step: str
    leads: int
    way: str
    to: str
    why: str


@dataclass(frozen=True)
class Planned:
    """One definition that will be new, changed or removed; `before` is the version in force."""

    kind: str
    name: str
    status: str
    before: int | None
    version: int
    differences: tuple[Difference, ...] = ()
    moves: tuple[Move, ...] = ()
    clocks: dict[str, int] = field(default_factory=dict)
    """By kind: how many clocks run, and keep what they were started with, where an edit is about
    windows, ladders or calendars."""
    starts: int = 0
    """Of a sequence that is removed: how many leads were to enter it some time after an outcome."""


@dataclass(frozen=True)
class Plan:
    """What an apply would do now.  `mark` changes with the files and with what is in force.

    `handoffs` are open ones of reps and teams that are gone, and where they go.
    """

    changes: tuple[Planned, ...]
    problems: tuple[Problem, ...]
    refused: bool
    mark: str
    handoffs: tuple[Moved, ...] = ()


@dataclass(frozen=True)
class Ways:
    """Where the leads of earlier versions of one sequence go."""

    new: Program
    version: int
    goings: tuple[Going, ...]


def ways(session: Session, definitions: Definitions, applied: Applied) -> list[Ways]:
    """Of every sequence that is new or changed, with the definitions after the apply.

    Leads on a version this program cannot read stay where they are.
    """
    found = []
    for change in applied.changes:
        program = definitions.active.get(change.name)
        if change.kind != "sequence" or program is None or change.status not in ("new", "changed"):
            continue
        places = [
            going(definitions.programs[each.definition_id], program, each)
            for each in standing(session, program)
            if each.definition_id in definitions.programs
        ]
        found.append(Ways(program, change.version, tuple(places)))
    return found


def plan_of(
    session: Session, before: InForce, after: InForce, applied: Applied, leads: Iterable[Ways]
) -> Plan:
    """The plan of an apply whose transaction is still open: `before` was in force, `after` is."""
    by_name = {each.new.sequence: each for each in leads}
    changes = tuple(
        _planned(session, change, before, after, by_name.get(change.name))
        for change in applied.changes
        if change.status not in ("same", "kept")
    )
    return Plan(changes, applied.problems, applied.refused, mark_of(before, after))


def _planned(
    session: Session, change: Change, before: InForce, after: InForce, leads: Ways | None
) -> Planned:
    place = (change.kind, change.name)
    old, new = before.get(place), after.get(place)
    if change.status == "shadow":
        new = after[SHADOW, change.name]
    found: list[Difference] = []
    if old is not None and new is not None:
        found = differences(cast("Kind", change.kind), old.source, new.source)
        if new is not old and change.kind == "sequence":
            found += _steps(session, old, new)
    return Planned(
        kind=change.kind,
        name=change.name,
        status=change.status,
        before=old.version if old is not None else None,
        version=change.version,
        differences=tuple(found),
        moves=tuple(_moves(session, leads)) if leads is not None else (),
        clocks=running_clocks(session) if any(map(_of_clocks, found)) else {},
        starts=waiting_for(session, change.name) if change.status == "removed" else 0,
    )


def _of_clocks(each: Difference) -> bool:
    return each.place.split("/")[0] in ("sla", "ladders", "calendars")


def _steps(session: Session, old: t.Definition, new: t.Definition) -> list[Difference]:
    try:
        before, after = (load_version(session, each.name, each.version)[0] for each in (old, new))
        return step_differences(before, after)
    except NurtureError:  # a version this program cannot read
        return [Difference("~", "stages", "a version that cannot be read any more", "")]


def _moves(session: Session, leads: Ways) -> Iterable[Move]:
    for each in leads.goings:
        row = session.get(t.Definition, each.standing.definition_id)
        assert row is not None
        yield Move(
            version=row.version,
            path=each.seen.path,
            step=each.seen.key,
            leads=each.standing.leads,
            way=each.way,
            to=to.path if (to := each.rest or each.to) is not None else "",
            why=each.why,
        )


def mark_of(before: InForce, after: InForce) -> str:
    """What a plan is told by: it changes with any text that was in force or will be."""
    said = [sorted((*place, row.hash) for place, row in each.items()) for each in (before, after)]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]
