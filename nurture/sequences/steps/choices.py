"""Steps that look at a lead: gate, wait_for, branch.

Each condition is asked once a lead, by the statement that moves it; the reason is written with the
move and the decision rows are read from it, so that what happened and why can never differ, not
even when another process writes meanwhile.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Update,
    and_,
    case,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Branch, Gate, Program, Step, WaitFor
from nurture.language.grammar import words
from nurture.language.grammar.conditions import Condition, EventTest
from nurture.language.sql.occurrences import another, event_matches
from nurture.language.sql.predicates import next_change, predicate
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.sequences.steps.waits import end_of
from nurture.sequences.visit import (
    ENROLMENT,
    LEAD,
    E,
    Visit,
    Way,
    change,
    decision,
    destination,
    entering,
    fork,
    still_here,
)

MESSAGE = table_of(t.Message).c
OUT = ("handed", "sent", "unknown")
"""Mails in these states reached their lead, or may have."""


def holds(
    definitions: Definitions, program: Program, condition: Condition
) -> ColumnElement[bool]:
    """The condition holds now for the enrolment's lead."""
    test = predicate(
        condition, lead=LEAD.c, definitions=definitions, now=NOW, entering=entering(program)
    )
    return select(literal(1)).where(LEAD.c.id == E.lead_id, test).correlate(ENROLMENT).exists()


def _recheck(
    definitions: Definitions, program: Program, condition: Condition
) -> ColumnElement[Any]:
    """The next instant at which time alone can change the condition for the enrolment's lead."""
    instant = next_change(
        condition, lead=LEAD.c, definitions=definitions, now=NOW, entering=entering(program)
    )
    if instant is None:
        return null()
    return select(instant).where(LEAD.c.id == E.lead_id).correlate(ENROLMENT).scalar_subquery()


ARRIVAL: ColumnElement[Any] = case((E.due_at > NOW, NOW), else_=E.due_at)
"""When the lead leaves: when it was due, or now if something new moves it before its time."""


def _leave(
    program: Program, step: Step, target: int | None, where: ColumnElement[bool], reason: str
) -> Update:
    """Move those still at the step for whom `where` holds."""
    return change(
        step,
        where=and_(still_here(step), where),
        position=destination(program, target),
        due_at=ARRIVAL,
        since_at=None,
        reason=reason,
    )


def gate(visit: Visit, step: Gate) -> Tally:
    """Let those through for whom `when` holds now; the others wait here, at most `within`.

    Who is looked at when the time is over passes if it holds then, however late the tick.
    """
    passed, _, closed, _, waiting = map(visit.run, _gate(visit.definitions, visit.program, step))
    return (
        Tally.of("passed the gate", passed, path=step.path)
        + Tally.of("gate closed", closed, path=step.path)
        + Tally.of("waiting at the gate", waiting, path=step.path)
    )


@once
def _gate(
    definitions: Definitions, program: Program, step: Gate
) -> tuple[Update, Update, Update, Insert, Update]:
    """Those who pass go; the wait of those who just came begins; those whose time is over go;
    why is written down; the next look at the others is planned."""
    here = still_here(step)
    open_, shut = words.passed(step.when), words.closed(step.when, step.within)
    return (
        _leave(program, step, step.next, holds(definitions, program, step.when), open_),
        change(
            step,
            where=and_(here, E.since_at.is_(None)),
            since_at=E.due_at,
            due_at=end_of(definitions, program, step.within),
        ),
        _leave(program, step, step.otherwise, E.due_at <= NOW, shut),
        decision(step, "gate", E.reason, where=not_(here)),
        change(step, where=here, recheck_at=_recheck(definitions, program, step.when)),
    )


def wait_for(visit: Visit, step: WaitFor) -> Tally:
    """Wait for the first of the events, at most `within` of arriving; one that names a mail counts
    from when that was sent.

    What happened until the time was over counts even if the tick comes late; nothing after it.
    """
    begun, ways, over, why = _wait_for(visit.definitions, visit.program, step)
    visit.run(begun)
    done = sum(map(visit.run, ways))
    missed = visit.run(over)
    visit.run(why)
    return Tally.of("did it", done, path=step.path) + Tally.of("did not", missed, path=step.path)


@once
def _wait_for(
    definitions: Definitions, program: Program, step: WaitFor
) -> tuple[Update, list[Update], Update, Insert]:
    """The wait of those who just came begins; those who did something go, each event's their way;
    those whose time is over go; why is written down."""
    first = _first(program, step)
    events = [event for event, _ in step.ways]
    return (
        change(
            step,
            where=E.since_at.is_(None),
            since_at=E.due_at,
            due_at=end_of(definitions, program, step.within),
        ),
        [
            _leave(program, step, target, first == number, words.happened(event))
            for number, (event, target) in enumerate(step.ways)
        ],
        _leave(program, step, step.otherwise, E.due_at <= NOW, words.missed(events, step.within)),
        decision(step, "event", E.reason, where=not_(still_here(step))),
    )


def _first(program: Program, step: WaitFor) -> ColumnElement[int]:
    """Which of the step's events the enrolment's lead did first before the end of its wait, of two
    at one instant the one written first; NULL for none."""
    own = table_of(t.Engagement).alias()
    known = entering(program)
    did = [
        and_(
            event_matches(event, own.c, known),
            another(event, own.c, known),
            own.c.occurred_at >= _since(event),
        )
        for event, _ in step.ways
    ]
    which = case(*((each, literal(number)) for number, each in enumerate(did))).label("which")
    found = select(which).where(
        own.c.lead_id == E.lead_id,
        or_(*did),
        own.c.withdrawn_at.is_(None),
        own.c.occurred_at <= NOW,
        own.c.occurred_at <= E.due_at,
    )
    return found.order_by(own.c.occurred_at, which).limit(1).correlate_except(own).scalar_subquery()


def _since(event: EventTest) -> ColumnElement[Any]:
    """When this enrolment's latest mail of the name in `where: {email: …}` was handed over, else
    when the lead came to the step."""
    names = [
        str(value)
        for name, test in event.where
        if name == "email" and test.operator == "is"
        for value in test.values
    ]
    if not names:
        return E.since_at
    sent = (
        select(func.max(MESSAGE.handed_at, type_=Instant()))
        .where(MESSAGE.enrolment_id == E.id, MESSAGE.template.in_(names), MESSAGE.state.in_(OUT))
        .correlate(ENROLMENT)
        .scalar_subquery()
    )
    return func.coalesce(sent, E.since_at)


def branch(visit: Visit, step: Branch) -> Tally:
    """Send every lead down the first arm whose condition holds, else down `otherwise`."""
    ways, why = _branch(visit.definitions, visit.program, step)
    moved = sum(map(visit.run, ways))
    visit.run(why)
    return Tally.of("branched", moved, path=step.path)


@once
def _branch(
    definitions: Definitions, program: Program, step: Branch
) -> tuple[list[Update], Insert]:
    """The arms in their order, and the rest."""
    ways: list[Way] = [
        (holds(definitions, program, when), words.describe(when), way) for when, way in step.arms
    ]
    ways.append((true(), words.NOTHING_ELSE, step.otherwise))
    return fork(program, step, "branch", ways)
