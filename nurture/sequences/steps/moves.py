"""Steps that move a lead on or out: enter_stage, goto, start, stop, hand_off, end."""

from __future__ import annotations

from sqlalchemy import Insert, Update, and_, func, literal, null, select

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import (
    End,
    EnterStage,
    Goto,
    HandOff,
    Program,
    Start,
    Step,
    Stop,
)
from nurture.language.grammar import words
from nurture.ledger import tables as t
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tables.handoffs import OPEN_STATES
from nurture.ledger.tally import Tally
from nurture.ledger.ticks import touching
from nurture.sequences.enrol import start_in
from nurture.sequences.leave import AFTERWARDS, ending
from nurture.sequences.standing import ACTIVE
from nurture.sequences.visit import (
    ENROLMENT,
    E,
    Visit,
    change,
    decision,
    destination,
    go,
    of_batch,
    still_here,
    worked_on,
)

EPISODE = table_of(t.Episode).c
PAST = table_of(t.Decision).c
HANDOFF = table_of(t.Handoff).c


def enter_stage(visit: Visit, step: EnterStage) -> Tally:
    """Note that the leads reached the stage: the funnel counts these."""
    _, reached = map(visit.run, _enter_stage(visit.definitions, visit.program, step))
    return Tally.of("reached the stage", reached, path=step.path)


@once
def _enter_stage(_: Definitions, program: Program, step: EnterStage) -> tuple[Insert, Update]:
    return (
        decision(step, "stage", words.reached(step.stage)),
        go(program, step, step.next).values(stage=step.stage),
    )


def goto(visit: Visit, step: Goto) -> Tally:
    """Send the leads to another step; those who went there often enough go on.

    Where it lies behind, they are looked at again by the next walk of the same tick.
    """
    went, passed, *why = _goto(visit.definitions, visit.program, step)
    count = visit.run(went)
    for statement in (passed, *why):
        visit.run(statement)
    return Tally.of("went to another step", count, path=step.path)


@once
def _goto(_: Definitions, program: Program, step: Goto) -> tuple[Update | Insert, ...]:
    """A move for each way; why; and, where a later stage is gone to, that it is reached."""
    reason = words.went(step.name)
    times = (  # leans on `decision_enrolment`
        select(func.count())
        .where(PAST.enrolment_id == E.id, PAST.kind == "goto", PAST.path == step.path)
        .where(PAST.reason == reason)
        .correlate(ENROLMENT)
        .scalar_subquery()
    )
    target = program.steps[destination(program, step.target)]
    head = next(each for each in program.steps if each.stage == target.stage)
    reached = decision(head, "stage", words.reached(head.stage), where=E.reason == reason)
    ahead = head.stage != step.stage and head.position > step.position
    enough = words.went_enough(step.name, step.at_most)
    return (
        go(program, step, step.target, where=times < step.at_most).values(
            stage=target.stage, reason=reason
        ),
        go(program, step, step.next, where=still_here(step)).values(reason=enough),
        decision(step, "goto", E.reason),
        *([reached] if ahead else []),
    )


def start(visit: Visit, step: Start) -> Tally:
    """Move the leads to another sequence; where they are active there already, nothing doubles.

    In a paused one they stand at its first step until it is resumed.  A sequence that is not
    applied any more takes nobody in: the enrolment ends all the same.
    """
    target = visit.definitions.active.get(step.sequence)
    reason = f"moved to {step.sequence}"
    if target is None:
        reason = f"{step.sequence} is not applied any more"
    visit.run(decision(step, "start", reason))
    moved = visit.run(_over(step, "moved", reason))
    if target is not None:
        start_in(
            visit.session,
            target,
            select(batch.c.lead_id),
            now=visit.now,
            reason=f"started by {visit.program.sequence}",
            path=step.path,
        )
    return Tally.of("moved to another sequence", moved, path=step.path)


def stop(visit: Visit, step: Stop) -> Tally:
    """End the leads' enrolments in another sequence, as when they leave it; this one goes on."""
    *noted, others, ended = _stop(visit.definitions, visit.program, step)
    for statement in (*noted, others):
        visit.run(statement)
    stopped = visit.run(ended)
    for after in AFTERWARDS if stopped else ():
        visit.run(after)
    return Tally.of("stopped another sequence", stopped, path=step.path)


@once
def _stop(_: Definitions, program: Program, step: Stop) -> tuple[Update | Insert, ...]:
    """What becomes of each lead, and on they go; then what is stopped joins the working set, in
    the order of its numbers, and ends."""
    other = ENROLMENT.alias()
    there = (
        select(literal(1))
        .where(
            other.c.lead_id == E.lead_id,
            other.c.sequence == step.sequence,
            among(other.c.state, ("active",)),
        )
        .correlate(ENROLMENT)
        .exists()
    )
    of_leads = (
        select(E.id, E.lead_id)
        .where(E.sequence == step.sequence, ACTIVE, E.lead_id.in_(select(batch.c.lead_id)))
        .order_by(E.id)
        .with_for_update(of=ENROLMENT)
    )
    return (
        decision(step, "stop", f"stopped {step.sequence}", where=there),
        decision(step, "stop", f"is not in {step.sequence}", where=~there),
        go(program, step, step.next),
        batches.filling(of_leads),
        ending(
            and_(worked_on(), E.sequence == step.sequence),
            state="exited",
            reason=f"stopped by {program.sequence}",
            path=step.path,
        ),
    )


def hand_off(visit: Visit, step: HandOff) -> Tally:
    """Open an episode for sales, unless the lead is with sales already or waits for them."""
    asked, *others = _hand_off(visit.definitions, visit.program, step)
    offered = visit.run(asked)
    for statement in others:
        visit.run(statement)
    return Tally.of("offered to sales", offered, path=step.path)


@once
def _hand_off(_: Definitions, program: Program, step: HandOff) -> tuple[Insert | Update, ...]:
    """An episode for each lead sales has not got; what became of each; a touch, so that the
    handoff opens in the same tick; and on they go."""
    busy = (
        select(literal(1))
        .where(HANDOFF.lead_id == E.lead_id, among(HANDOFF.state, OPEN_STATES))
        .correlate(ENROLMENT)
        .exists()
    )
    reason = step.reason or f"asked by {program.sequence}"
    cause = f"sequence:{program.sequence}"
    asked = insert_new(
        t.Episode,
        ("lead_id", "cause", "enrolment_id", "team", "opened_at", "recheck_at", "reason", "path"),
        of_batch(
            E.lead_id,
            literal(cause),
            E.id,
            literal(step.team),
            NOW,
            null(),
            literal(reason),
            literal(step.path),
        )
        .where(~busy)
        .order_by(E.lead_id, E.id),  # whose turn is first must not hang on a plan
    )
    mine = and_(EPISODE.lead_id == E.lead_id, EPISODE.cause == cause, EPISODE.closed_at.is_(None))
    opened = (  # leans on `episode_open`
        select(literal(1))
        .where(mine, EPISODE.enrolment_id == E.id, EPISODE.path == step.path)
        .correlate(ENROLMENT)
        .exists()
    )
    return (
        asked,
        decision(step, "hand_off", f"offered to sales: {reason}", where=opened),
        decision(step, "hand_off", "is with sales already", where=~opened),
        touching(select(batch.c.lead_id)),
        go(program, step, step.next),
    )


def end(visit: Visit, step: End) -> Tally:
    """The way is over."""
    _, ended = map(visit.run, _end(visit.definitions, step))
    return Tally.of("finished", ended, path=step.path)


@once
def _end(_: Definitions, step: End) -> tuple[Insert, Update]:
    return decision(step, "end", step.reason), _over(step, "completed", step.reason)


def _over(step: Step, state: str, reason: str) -> Update:
    """The enrolments end in this state."""
    return change(
        step, state=state, ended_at=NOW, due_at=None, since_at=None, watch_at=None, reason=reason
    )
