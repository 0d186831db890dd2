"""Who leaves a sequence before its end: goals reached and exit rules that hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, literal, select, update
from sqlmodel import Session

from nurture.language.conditions import AnyOf
from nurture.language.definitions import Definitions
from nurture.language.predicates import next_change, predicate
from nurture.language.program import ExitRule, Program
from nurture.ledger import batches
from nurture.ledger import tables as t
from nurture.ledger.batches import SIZE
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of
from nurture.sequences.standing import ACTIVE, not_paused, touched
from nurture.sequences.visit import ENROLMENT, E, worked_on

LEAD = table_of(t.Lead).c
MESSAGE = table_of(t.Message)
BEGUN: Any = func.coalesce(E.begun_at, E.entered_at, type_=Instant())
"""Events count from here on: a demo booked after the form and before the tick is a goal."""


def leave(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """End the touched leads' enrolments whose goal is reached or whose exit rule holds.

    Events count from what let the lead in, else from its entry.  Mails planned and not yet claimed
    are cancelled; claimed ones are stopped by the fence at hand-over.  The others are looked at
    again at the instant time alone may change a rule (`leave_by_time`).
    """
    tally = Tally()
    for program in definitions.programs.values():
        if _rules(program):
            looked_at = _of(program).where(E.lead_id.in_(touched(tick)))
            tally += _judge(session, definitions, program, looked_at.with_for_update(of=ENROLMENT),
                            now=now)[0]  # fmt: skip
    return tally


def leave_by_time(
    session: Session, definitions: Definitions, program: Program, *, now: datetime
) -> Tally:
    """The same for enrolments of a program whose `watch_at` has come, new ones among them.

    At most 20,000 a call (`more`); afterwards each of them has ended or waits for a later instant.
    """
    if not _rules(program):
        return Tally()
    looked_at = _of(program).where(E.watch_at <= now).limit(SIZE)
    skipping = looked_at.with_for_update(skip_locked=True, of=ENROLMENT)
    tally, count = _judge(session, definitions, program, skipping, now=now)
    return tally + Tally(more=count == SIZE)


def _rules(program: Program) -> list[tuple[ExitRule, str]]:
    """The goal and the exit rules, each with the state it leads to, in the order they are asked."""
    goal = [(program.goal, "goal")] if program.goal is not None else []
    return [*goal, *((rule, "exited") for rule in program.exits)]


def _of(program: Program) -> Select[Any]:
    """Active enrolments in the order of their numbers: two processes then wait, not in a ring."""
    return (
        select(E.id, E.lead_id)
        .where(E.definition_id == program.definition_id, ACTIVE, not_paused())
        .order_by(E.id)
    )


def _judge(
    session: Session,
    definitions: Definitions,
    program: Program,
    looked_at: Select[Any],
    *,
    now: datetime,
) -> tuple[Tally, int]:
    """End those of a query for whom a rule holds, plan the next look at the others."""
    count = batches.fill(session, looked_at)
    if not count:
        return Tally(), 0
    tally = Tally()
    for rule, state in _rules(program):
        holds = predicate(
            rule.when, lead=LEAD, definitions=definitions, now=now, since=BEGUN
        )
        left = _end(session, rule, state, holds, now=now)
        what = "reached the goal" if state == "goal" else "exited"
        tally += Tally.of(what, left, path=rule.path)
    if tally:
        _record(session, now=now)
    _watch(session, definitions, program, now=now)
    return tally, count


def _end(
    session: Session, rule: ExitRule, state: str, holds: ColumnElement[bool], *, now: datetime
) -> int:
    """End the working set's enrolments for whose lead the rule holds."""
    of_lead = select(literal(1)).where(LEAD.id == E.lead_id, holds).correlate(ENROLMENT)
    ended = session.execute(
        update(ENROLMENT)
        .where(worked_on(), ACTIVE, of_lead.exists())
        .values(
            state=state,
            ended_at=now,
            due_at=None,
            since_at=None,
            recheck_at=None,
            watch_at=None,
            reason=rule.reason,
            path=rule.path,
        )
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]


def _record(session: Session, *, now: datetime) -> None:
    """Write down why the working set's ended ones left, and call off their mails."""
    session.execute(
        insert(table_of(t.Decision)).from_select(
            ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
            select(
                E.id, E.lead_id, literal(now, Instant()), E.state, E.stage, E.reason, E.path
            ).where(worked_on(), E.state != "active"),
        )
    )
    ended = select(E.id).where(worked_on(), E.state != "active")
    why = select(E.reason).where(E.id == MESSAGE.c.enrolment_id).scalar_subquery()
    session.execute(
        update(MESSAGE)
        .where(MESSAGE.c.enrolment_id.in_(ended), MESSAGE.c.state.in_(("due", "deferred")))
        .values(state="cancelled", settled_at=now, reason="left the sequence: " + why)
    )


def _watch(session: Session, definitions: Definitions, program: Program, *, now: datetime) -> None:
    """Store when time alone may next make a rule hold for those of the working set still in."""
    rules = tuple(rule.when for rule, _ in _rules(program))
    instant = next_change(
        AnyOf(rules), lead=LEAD, definitions=definitions, now=now, since=BEGUN
    )
    later: Any = None
    if instant is not None:
        query = select(instant).where(LEAD.id == E.lead_id).correlate(ENROLMENT)
        later = query.scalar_subquery()
    session.execute(update(ENROLMENT).where(worked_on(), ACTIVE).values(watch_at=later))
