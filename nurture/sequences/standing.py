"""Who stands where and is due: the questions a tick and the scheduler ask before they work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    func,
    join,
    literal,
    literal_column,
    select,
    true,
    union_all,
)
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Gate, Program, WaitFor
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.statements.asking import NOW, TICK, Question
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant

E = table_of(t.Enrolment).c
DEFINITION = table_of(t.Definition).c
TOUCH = table_of(t.Touch).c
PAUSE = table_of(t.Pause).c

ACTIVE = among(E.state, ("active",))

LISTENING = (Gate, WaitFor)
"""Steps at which something new about a lead may move it before its time."""

Place = tuple[int, int]
"""A definition id and a position in its program."""

Sizes = tuple[tuple[int, int], ...]
"""Definition ids, each with the number of steps of its program."""


@dataclass(frozen=True)
class DueStage:
    """A stage of one version of a sequence with leads to look at, and the steps they stand at.

    Positions beyond the program's last step are of leads whose step is gone (`lost`).
    """

    definition_id: int
    sequence: str
    stage: str
    positions: frozenset[int]

    @property
    def places(self) -> set[Place]:
        """Where they stand."""
        return {(self.definition_id, position) for position in self.positions}


TOUCHED = select(TOUCH.lead_id).where(TOUCH.tick_id == TICK)
"""The leads something new is known of in this tick."""


def unjudged() -> ColumnElement[bool]:
    """Another tick holds something new about the enrolment's lead: it may have to leave first.

    So is what this tick held, when its own look at goals and exits failed (`tick` is 0 then).
    """
    return E.lead_id.in_(ticks.held_by_others(TICK))


def not_paused() -> ColumnElement[bool]:
    """The enrolment's sequence is not paused (a handful of rows, asked once a statement)."""
    return E.sequence.not_in(select(PAUSE.sequence))


def lost(program: Program) -> ColumnElement[bool]:
    """The enrolment stands at a step its version does not have; leans on `enrolment_due`."""
    return _beyond(program.definition_id, len(program.steps))


def _beyond(definition_id: int, size: int) -> ColumnElement[bool]:
    return and_(E.definition_id == definition_id, E.position >= size)


def due_stages(
    session: Session, definitions: Definitions, *, tick: int | None, now: datetime
) -> list[DueStage]:
    """Every (version, stage) with leads to look at, in the order of the programs.

    Leads are looked at when due, when a recheck or a look at the exit rules is, and (with a tick)
    when touched while they stand at a gate or wait for an event.  Costs one look into the index
    a step, however many leads there are.
    """
    if not definitions.programs:
        return []
    listening = set(_places(definitions, LISTENING))
    rows = session.execute(_looked_at(_sizes(definitions)), {"now": now, "tick": tick or 0})
    places = {
        (number, position)
        for number, position, news in rows
        if not news or (number, position) in listening
    }
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


def questions(definitions: Definitions) -> tuple[Question, ...]:
    """The earliest instants at which an enrolment is due, rechecked or watched; none without
    sequences."""
    sizes = _sizes(definitions)
    if not sizes:
        return ()
    first = _first_due(sizes).subquery()
    earliest = [
        select(func.min(column_, type_=Instant())).where(
            ACTIVE,
            _of_these(E.definition_id, sizes),
            column_.is_not(None),
            not_paused(),
        )
        for column_ in (E.recheck_at, E.watch_at)
    ]
    return select(func.min(first.c.due, type_=Instant())), *earliest


def _sizes(definitions: Definitions) -> Sizes:
    return tuple((number, len(program.steps)) for number, program in definitions.programs.items())


@lru_cache(maxsize=32)
def _looked_at(sizes: Sizes) -> CompoundSelect[tuple[int, int, int]]:
    """(version, position, only a touch?) of everybody due at `:now` or touched in `:tick`.

    Built once for the versions in force: asked several times a tick, building it would cost more
    than asking.
    """
    standing = select(E.definition_id, E.position, literal_column("0", Integer()))
    first = _first_due(sizes).subquery()
    news = select(E.definition_id, E.position, literal_column("1", Integer()))
    rows = [
        standing.where(E.recheck_at <= NOW),
        standing.where(E.watch_at <= NOW),
        *(standing.where(_beyond(number, size)) for number, size in sizes),
        news.where(E.lead_id.in_(TOUCHED)),
    ]
    due = select(first.c.id, first.c.position, literal_column("0", Integer()))
    return union_all(
        due.where(first.c.due <= NOW),
        *(each.where(ACTIVE, not_paused()).distinct() for each in rows),
    )


def _places(definitions: Definitions, kinds: tuple[type, ...] = (object,)) -> list[Place]:
    return [
        (number, step.position)
        for number, program in definitions.programs.items()
        for step in program.steps
        if isinstance(step, kinds)
    ]


def _first_due(sizes: Sizes) -> Select[Any]:
    """The earliest due instant at every step somebody stands at: a look into the index each."""
    most = max(size for _, size in sizes)
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
    return (
        select(DEFINITION.id, place.c.position, earliest.label("due"))
        .select_from(join(table_of(t.Definition), place, true()))
        .where(_of_these(DEFINITION.id, sizes))
    )


def _of_these(column: Any, sizes: Sizes) -> ColumnElement[bool]:
    """One of these versions, spelt out: bound numbers are written in anew at each asking."""
    these: ColumnElement[bool] = column.in_([literal_column(str(number)) for number, _ in sizes])
    return these
