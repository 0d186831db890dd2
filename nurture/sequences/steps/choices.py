"""Steps that look at a lead: gate, wait_for, branch.

Each condition is asked once a lead, by the statement that moves it; the reason is written with the
move and the decision rows are read from it, so that what happened and why can never differ, not
even when another process writes meanwhile.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, not_, null, select, true

from nurture.language.conditions import Condition, EventTest
from nurture.language.predicates import event_matches, next_change, predicate
from nurture.language.program import Branch, Gate, WaitFor
from nurture.language.words import describe
from nurture.ledger import tables as t
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of
from nurture.sequences.steps.waits import end_of
from nurture.sequences.visit import (
    ENROLMENT,
    LEAD,
    E,
    Visit,
    change,
    decide,
    destination,
    still_here,
)

MESSAGE = table_of(t.Message).c
OUT = ("handed", "sent", "unknown")
"""Mails in these states reached their lead, or may have."""


def holds(visit: Visit, condition: Condition) -> ColumnElement[bool]:
    """The condition holds now for the enrolment's lead."""
    test = predicate(condition, lead=LEAD.c, definitions=visit.definitions, now=visit.now)
    return select(literal(1)).where(LEAD.c.id == E.lead_id, test).correlate(ENROLMENT).exists()


def _recheck(visit: Visit, condition: Condition) -> ColumnElement[Any]:
    """The next instant at which time alone can change the condition for the enrolment's lead."""
    instant = next_change(condition, lead=LEAD.c, definitions=visit.definitions, now=visit.now)
    if instant is None:
        return null()
    return select(instant).where(LEAD.c.id == E.lead_id).correlate(ENROLMENT).scalar_subquery()


def _arrival(visit: Visit) -> ColumnElement[Any]:
    """When the lead leaves: when it was due, or now if something new moves it before its time."""
    return case((E.due_at > visit.now, visit.instant()), else_=E.due_at)


def _leave(visit: Visit, target: int | None, where: ColumnElement[bool], reason: str) -> int:
    """Move those still at the step for whom `where` holds; returns how many."""
    return visit.run(
        change(
            visit,
            where=and_(still_here(visit), where),
            position=destination(visit, target),
            due_at=_arrival(visit),
            since_at=None,
            reason=reason,
        )
    )


def gate(visit: Visit, step: Gate) -> Tally:
    """Let those through for whom `when` holds now; the others wait here, at most `within`.

    Who is looked at when the time is over passes if it holds then, however late the tick.
    """
    said = describe(step.when)
    passed = _leave(visit, step.next, holds(visit, step.when), f"passed: {said}")
    visit.run(
        change(
            visit,
            where=and_(still_here(visit), E.since_at.is_(None)),
            since_at=E.due_at,
            due_at=end_of(visit, step.within),
        )
    )
    shut = f"did not hold within {step.within}: {said}"
    closed = _leave(visit, step.otherwise, E.due_at <= visit.now, shut)
    decide(visit, "gate", E.reason, where=not_(still_here(visit)))
    waiting = visit.run(
        change(visit, where=still_here(visit), recheck_at=_recheck(visit, step.when))
    )
    return (
        Tally.of("passed the gate", passed, path=step.path)
        + Tally.of("gate closed", closed, path=step.path)
        + Tally.of("waiting at the gate", waiting, path=step.path)
    )


def wait_for(visit: Visit, step: WaitFor) -> Tally:
    """Wait for the event, counted from the mail it names, at most `within` of arriving.

    What happened until the time was over counts even if the tick comes late; nothing after it.
    """
    visit.run(
        change(
            visit,
            where=E.since_at.is_(None),
            since_at=func.coalesce(_sent_at(step.event), E.due_at),
            due_at=end_of(visit, step.within),
        )
    )
    said = describe(step.event)
    happened = _happened(visit, step.event)
    done = _leave(visit, step.then, happened, f"happened: {said}")
    over = E.due_at <= visit.now
    missed = _leave(visit, step.otherwise, over, f"not within {step.within}: {said}")
    decide(visit, "event", E.reason, where=not_(still_here(visit)))
    return Tally.of("did it", done, path=step.path) + Tally.of("did not", missed, path=step.path)


def _sent_at(event: EventTest) -> ColumnElement[Any]:
    """When this enrolment's latest mail of the name in `where: {email: …}` was handed over."""
    names = [
        str(value)
        for name, test in event.where
        if name == "email" and test.operator == "is"
        for value in test.values
    ]
    return (
        select(func.max(MESSAGE.handed_at, type_=Instant()))
        .where(MESSAGE.enrolment_id == E.id, MESSAGE.template.in_(names), MESSAGE.state.in_(OUT))
        .correlate(ENROLMENT)
        .scalar_subquery()
    )


def _happened(visit: Visit, event: EventTest) -> ColumnElement[bool]:
    """The enrolment's lead did it between `since_at` and the end of its wait."""
    own = table_of(t.Engagement).alias()
    found = select(own.c.id).where(
        own.c.lead_id == E.lead_id,
        event_matches(event, own.c),
        own.c.withdrawn_at.is_(None),
        own.c.occurred_at >= E.since_at,
        own.c.occurred_at <= visit.instant(),
        own.c.occurred_at <= E.due_at,
    )
    return found.correlate_except(own).exists()


def branch(visit: Visit, step: Branch) -> Tally:
    """Send every lead down the first arm whose condition holds, else down `otherwise`."""
    ways = [(holds(visit, condition), describe(condition), way) for condition, way in step.arms]
    ways.append((true(), "nothing else held", step.otherwise))
    moved = 0
    for test, reason, target in ways:
        moved += visit.run(
            change(
                visit,
                where=and_(still_here(visit), test),
                position=destination(visit, target),
                since_at=None,
                reason=reason,
            )
        )
    decide(visit, "branch", E.reason)
    return Tally.of("branched", moved, path=step.path)
