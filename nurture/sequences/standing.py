"""Who stands where and is due: the questions a tick and the scheduler ask before they work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    join,
    literal,
    select,
    true,
)
from sqlmodel import Session

from nurture.language.definitions import Definitions
from nurture.language.program import Gate, Program, WaitFor
from nurture.ledger import tables as t
from nurture.ledger.plans import among
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of

E = table_of(t.Enrolment).c
DEFINITION = table_of(t.Definition).c
TOUCH = table_of(t.Touch).c
PAUSE = table_of(t.Pause).c

ACTIVE = among(E.state, ("active",))

LISTENING = (Gate, WaitFor)
"""Steps at which something new about a lead may move it before its time."""

Place = tuple[int, int]
"""A definition id and a position in its program."""


@dataclass(frozen=True)
class DueStage:
    """A stage of one version of a sequence with leads to look at, and the steps they stand at.

    Positions beyond the program's last step are of leads whose step is gone (`lost`).
    """

    definition_id: int
    sequence: str
    stage: str
    positions: frozenset[int]


def touched(tick: int) -> Select[tuple[int]]:
    """The leads something new is known of in this tick."""
    return select(TOUCH.lead_id).where(TOUCH.tick_id == tick)


def not_paused() -> ColumnElement[bool]:
    """The enrolment's sequence is not paused (a handful of rows, asked once a statement)."""
    return E.sequence.not_in(select(PAUSE.sequence))


def lost(program: Program) -> ColumnElement[bool]:
    """The enrolment stands at a step its version does not have; leans on `enrolment_due`."""
    return and_(E.definition_id == program.definition_id, E.position >= len(program.steps))


def due_stages(
    session: Session, definitions: Definitions, *, tick: int | None, now: datetime
) -> list[DueStage]:
    """Every (version, stage) with leads to look at, in the order of the programs.

    Leads are looked at when due, when a recheck or a look at the exit rules is, and (with a tick)
    when touched while they stand at a gate or wait for an event.  Costs one look into the index
    a step, however many leads there are.
    """
    places = {place for place, due in _first_due(session, definitions) if due <= now}
    standing = select(E.definition_id, E.position)
    for column_ in (E.recheck_at, E.watch_at):
        places |= _rows(session, standing.where(column_ <= now))
    for program in definitions.programs.values():
        places |= _rows(session, standing.where(lost(program)))
    if tick:
        listening = standing.where(E.lead_id.in_(touched(tick)))
        places |= _rows(session, listening) & set(_places(definitions, LISTENING))
    found: dict[tuple[int, str], set[int]] = {}
    for number, position in places:
        if number in definitions.programs:
            steps = definitions.programs[number].steps
            stage = steps[min(position, len(steps) - 1)].stage
            found.setdefault((number, stage), set()).add(position)
    stages = [
        DueStage(number, definitions.programs[number].sequence, stage, frozenset(positions))
        for (number, stage), positions in found.items()
    ]
    return sorted(stages, key=lambda each: (each.sequence, each.definition_id, min(each.positions)))


def next_due(session: Session, definitions: Definitions) -> datetime | None:
    """The next instant an enrolment has to be looked at, None when nobody waits for time."""
    instants = [due for _, due in _first_due(session, definitions)]
    for column_ in (E.recheck_at, E.watch_at):
        earliest = select(func.min(column_, type_=Instant())).where(
            ACTIVE,
            E.definition_id.in_(list(definitions.programs)),
            column_.is_not(None),
            not_paused(),
        )
        found = session.execute(earliest).scalar()
        if found is not None:
            instants.append(found)
    return min(instants, default=None)


def _places(definitions: Definitions, kinds: tuple[type, ...] = (object,)) -> list[Place]:
    return [
        (number, step.position)
        for number, program in definitions.programs.items()
        for step in program.steps
        if isinstance(step, kinds)
    ]


def _rows(session: Session, rows: Select[tuple[int, int]]) -> set[Place]:
    active = rows.where(ACTIVE, not_paused()).distinct()
    return {(number, position) for number, position in session.execute(active)}


def _first_due(session: Session, definitions: Definitions) -> Iterable[tuple[Place, datetime]]:
    """The earliest due instant at every step somebody stands at: a look into the index each."""
    if not definitions.programs:
        return []
    most = max(len(program.steps) for program in definitions.programs.values())
    first = select(literal(0).label("position")).cte("place", recursive=True)
    place = first.union_all(select(first.c.position + 1).where(first.c.position < most - 1))
    earliest = (
        select(func.min(E.due_at, type_=Instant()))
        .where(
            E.definition_id == DEFINITION.id,
            E.position == place.c.position,
            ACTIVE,
            not_paused(),
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(DEFINITION.id, place.c.position, earliest)
        .select_from(join(table_of(t.Definition), place, true()))
        .where(DEFINITION.id.in_(list(definitions.programs)))
    )
    return [((number, position), due) for number, position, due in rows if due is not None]
