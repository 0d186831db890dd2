"""Moving leads through the steps of one stage, as far as each can go at `now`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, Select, insert, literal, not_, select, update
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Branch, Gate, Goto, Program, Split, Step, WaitFor
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.sequences.leave import leave_by_time
from nurture.sequences.standing import ACTIVE, LISTENING, TOUCHED, DueStage, lost, unjudged
from nurture.sequences.steps import BUILDERS
from nurture.sequences.visit import DECISION, ENROLMENT, E, Visit, worked_on

NEWS = 2
"""The third look is at touched leads: a tick never holds more of them than a batch."""


def advance(
    session: Session, definitions: Definitions, stage: DueStage, *, tick: int, now: datetime
) -> Tally:
    """Walk the stage's steps in program order, moving everybody due at `now`.

    Before it, those leave for whom time, or their entry alone, made an exit rule hold; leads of
    whom another tick holds something new are left to it, and to the tick after it.  One batch
    of leads a step; a lead passes several steps in one call until it has to wait.  `more` says
    a step had more leads than a batch holds: commit, and call again.  Statements grow with the
    steps somebody stands at, never with leads.
    """
    program = definitions.programs[stage.definition_id]
    agenda = set(stage.positions)
    tally = leave_by_time(session, definitions, program, now=now)
    if max(agenda) >= len(program.steps):
        tally += _fail_lost(session, program, now=now)
    for step in program.steps:
        if step.stage == stage.stage and step.position in agenda:
            visit = Visit(session, tick, now, definitions, program, step)
            done = _visit(visit)
            if done is not None:
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
        case WaitFor(ways=events, otherwise=otherwise):
            ways += [target for _, target in events] + [otherwise]
        case Branch(arms=arms, otherwise=otherwise):
            ways += [target for _, target in arms] + [otherwise]
        case Split(arms=split):
            ways += [target for *_, target in split]
        case Goto(target=target):
            ways.append(target)
    return (last if way is None else way for way in ways)


def _visit(visit: Visit) -> Tally | None:
    """Run the step's builder on those due, then on those something new is known of; None when
    nobody was there."""
    looks = _looks(visit.definitions, visit.program, visit.step)
    done = None
    for number, rows in enumerate(looks if visit.tick else looks[:NEWS]):
        if count := visit.fill(rows):
            tally = BUILDERS[type(visit.step)](visit, visit.step)
            done = (done or Tally()) + tally + Tally(more=count == SIZE and number < NEWS)
    return done


@once
def _looks(_: Definitions, program: Program, step: Step) -> list[Insert]:
    """Those due, and at a step that listens those to be looked at again, and those touched."""
    standing = select(E.id, E.lead_id).where(  # index `enrolment_due`
        E.definition_id == program.definition_id, E.position == step.position, ACTIVE
    )
    free = standing.where(not_(unjudged()))
    looks = [_batch(free.where(E.due_at <= NOW).order_by(E.due_at))]
    if isinstance(step, LISTENING):
        looks.append(_batch(free.where(E.recheck_at <= NOW)))
        news = standing.where(E.lead_id.in_(TOUCHED)).order_by(E.id)
        # All of them, waited for if need be: a touch passed by would be lost with its tick.
        looks.append(news.with_for_update(of=ENROLMENT))
    return [batches.filling(look) for look in looks]


def _batch(rows: Select[Any]) -> Select[Any]:
    """A batch of them, on PostgreSQL locked; what another process works on is left to it."""
    return rows.limit(SIZE).with_for_update(skip_locked=True, of=ENROLMENT)


def _fail_lost(session: Session, program: Program, *, now: datetime) -> Tally:
    """End enrolments that stand where their version has no step: nothing would ever move them."""
    rows = select(E.id, E.lead_id).where(lost(program), ACTIVE)
    count = batches.fill(session, batches.filling(_batch(rows)))
    reason = "its step does not exist in this version of the sequence"
    session.execute(
        update(ENROLMENT)
        .where(worked_on())
        .values(state="failed", ended_at=now, due_at=None, since_at=None, recheck_at=None,
                watch_at=None, reason=reason, path=program.sequence)
    )  # fmt: skip
    at, kind = literal(now, Instant()), literal("failed")
    session.execute(
        insert(DECISION).from_select(
            ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
            select(E.id, E.lead_id, at, kind, E.stage, E.reason, E.path).where(worked_on()),
        )
    )
    return Tally.of("failed", count, path=program.sequence, more=count == SIZE)
