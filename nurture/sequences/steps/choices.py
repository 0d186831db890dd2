"""Steps that look at a lead: gate, wait_for, branch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, not_, null, or_, select, true

from nurture.language.conditions import Condition, EventTest
from nurture.language.predicates import next_change, predicate
from nurture.language.program import Branch, Gate, WaitFor
from nurture.language.words import describe
from nurture.ledger import tables as t
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import table_of
from nurture.sequences.visit import ENROLMENT, LEAD, E, Visit, change, decide, destination

MESSAGE = table_of(t.Message).c


def holds(
    visit: Visit, condition: Condition, *, since: ColumnElement[Any] | None = None
) -> ColumnElement[bool]:
    """The condition holds now for the enrolment's lead."""
    test = predicate(
        condition, lead=LEAD.c, definitions=visit.definitions, now=visit.now, since=since
    )
    return select(literal(1)).where(LEAD.c.id == E.lead_id, test).correlate(ENROLMENT).exists()


def _recheck(
    visit: Visit, condition: Condition, *, since: ColumnElement[Any] | None = None
) -> ColumnElement[Any]:
    """The next instant at which time alone can change the condition for the enrolment's lead."""
    instant = next_change(
        condition, lead=LEAD.c, definitions=visit.definitions, now=visit.now, since=since
    )
    if instant is None:
        return null()
    return select(instant).where(LEAD.c.id == E.lead_id).correlate(ENROLMENT).scalar_subquery()


def _arrival(visit: Visit) -> ColumnElement[Any]:
    """When the lead leaves: when it was due, or now if something new moves it before its time."""
    return case((E.due_at > visit.now, visit.instant()), else_=E.due_at)


def gate(visit: Visit, step: Gate) -> Tally:
    """Let those through for whom `when` holds; the others wait here, at most `within`."""
    passing = holds(visit, step.when)
    over = and_(E.since_at.is_not(None), E.due_at <= visit.now)
    shut = f"did not hold within {step.within}: {describe(step.when)}"
    decide(visit, "gate", f"passed: {describe(step.when)}", where=passing)
    decide(visit, "gate", shut, where=and_(over, not_(passing)))
    passed = visit.run(_leave(visit, step.next, passing))
    closed = visit.run(_leave(visit, step.otherwise, over, here=step.position))
    waiting = visit.run(
        change(
            visit,
            where=E.position == step.position,
            since_at=func.coalesce(E.since_at, E.due_at),
            due_at=case((E.since_at.is_(None), E.due_at + step.within.amount), else_=E.due_at),
        ).values(recheck_at=_recheck(visit, step.when))
    )
    return (
        Tally.of("passed the gate", passed, path=step.path)
        + Tally.of("gate closed", closed, path=step.path)
        + Tally.of("waiting at the gate", waiting, path=step.path)
    )


def wait_for(visit: Visit, step: WaitFor) -> Tally:
    """Wait for the event, counted from the mail it names, at most `within` of arriving."""
    visit.run(
        change(
            visit,
            where=E.since_at.is_(None),
            since_at=func.coalesce(_sent_at(step.event), E.due_at),
            due_at=E.due_at + step.within.amount,
        )
    )
    happened = holds(visit, step.event, since=E.since_at)
    over = and_(E.due_at <= visit.now, not_(happened))
    decide(visit, "event", f"happened: {describe(step.event)}", where=happened)
    decide(visit, "event", f"not within {step.within}: {describe(step.event)}", where=over)
    done = visit.run(_leave(visit, step.then, happened, here=step.position))
    missed = visit.run(_leave(visit, step.otherwise, E.due_at <= visit.now, here=step.position))
    return Tally.of("did it", done, path=step.path) + Tally.of("did not", missed, path=step.path)


def _sent_at(event: EventTest) -> ColumnElement[Any]:
    """When this enrolment's latest mail of the name in `where: {email: …}` was handed over."""
    names = [str(value) for name, test in event.where if name == "email" for value in test.values]
    return (
        select(func.max(MESSAGE.handed_at))
        .where(MESSAGE.enrolment_id == E.id, MESSAGE.template.in_(names))
        .scalar_subquery()
    )


def _leave(
    visit: Visit, target: int | None, where: ColumnElement[bool], *, here: int | None = None
) -> Any:
    standing = true() if here is None else E.position == here
    return change(
        visit,
        where=and_(standing, where),
        position=destination(visit, target),
        due_at=_arrival(visit),
        since_at=None,
    )


def branch(visit: Visit, step: Branch) -> Tally:
    """Send every lead down the first arm whose condition holds, else down `otherwise`."""
    tests = [holds(visit, condition) for condition, _ in step.arms]
    ways = [
        (and_(test, not_(or_(*tests[:number]))) if number else test, describe(condition))
        for number, (test, (condition, _)) in enumerate(zip(tests, step.arms, strict=True))
    ]
    ways.append((not_(or_(*tests)), "nothing else held"))
    for where, reason in ways:
        decide(visit, "branch", reason, where=where)
    targets = [
        (test, destination(visit, target))
        for test, (_, target) in zip(tests, step.arms, strict=True)
    ]
    moved = visit.run(
        change(
            visit,
            position=case(*targets, else_=destination(visit, step.otherwise)),
            since_at=None,
        )
    )
    return Tally.of("branched", moved, path=step.path)
