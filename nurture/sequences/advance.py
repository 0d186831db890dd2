"""Moving leads through the steps of one stage, as far as each can go at `now`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlmodel import Session

from nurture.language.definitions import Definitions
from nurture.language.program import Branch, Gate, Program, Step, WaitFor
from nurture.ledger import batches
from nurture.ledger.batches import SIZE
from nurture.ledger.tally import Tally
from nurture.sequences.standing import LISTENING, DueStage, touched
from nurture.sequences.steps import BUILDERS
from nurture.sequences.visit import ENROLMENT, E, Visit


def advance(
    session: Session, definitions: Definitions, stage: DueStage, *, tick: int, now: datetime
) -> Tally:
    """Walk the stage's steps in program order, moving everybody due at `now`.

    One batch of leads a step; a lead passes several steps in one call until it has to wait.
    `more` says a step had more leads than a batch holds: commit, and call again.  Statements
    grow with the steps somebody stands at, never with leads.
    """
    program = definitions.programs[stage.definition_id]
    agenda = set(stage.positions)
    tally = Tally()
    for step in program.steps:
        if step.stage == stage.stage and step.position in agenda:
            visit = Visit(session, definitions, program, step, tick, now)
            done = _visit(visit)
            agenda |= set(targets(step, program))
            tally += done
    return tally


def targets(step: Step, program: Program) -> Iterator[int]:
    """The positions a step may send leads to."""
    last = len(program.steps) - 1
    ways: list[int | None] = [step.next]
    match step:
        case Gate(otherwise=otherwise):
            ways.append(otherwise)
        case WaitFor(then=then, otherwise=otherwise):
            ways += [then, otherwise]
        case Branch(arms=arms, otherwise=otherwise):
            ways += [target for _, target in arms] + [otherwise]
    return (last if way is None else way for way in ways)


def _visit(visit: Visit) -> Tally:
    """Run the step's builder on those due, then on those something new is known of."""
    builder = BUILDERS[type(visit.step)]
    tally = Tally()
    count = batches.fill(visit.session, _standing(visit, E.due_at <= visit.now))
    if count:
        tally += builder(visit, visit.step)
    if isinstance(visit.step, LISTENING):
        news = or_(E.lead_id.in_(touched(visit.tick)), E.recheck_at <= visit.now)
        if batches.fill(visit.session, _standing(visit, news)):
            tally += builder(visit, visit.step)
    return tally + Tally(more=count == SIZE)


def _standing(visit: Visit, condition: ColumnElement[bool]) -> Select[Any]:
    """Enrolments at the step (index `enrolment_due`), locked on PostgreSQL."""
    return (
        select(E.id, E.lead_id)
        .where(
            E.definition_id == visit.program.definition_id,
            E.position == visit.step.position,
            E.state == "active",
            condition,
        )
        .limit(SIZE)
        .with_for_update(skip_locked=True, of=ENROLMENT)
    )
