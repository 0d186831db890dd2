"""Who leaves a sequence before its end: goals reached and exit rules that hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Table,
    Update,
    and_,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program
from nurture.language.grammar.conditions import AnyOf
from nurture.language.grammar.terms import ExitRule
from nurture.language.sql.predicates import next_change, predicate
from nurture.ledger import tables as t
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.batches import SIZE
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.sequences.afterwards import count_late_goals
from nurture.sequences.standing import ACTIVE, TOUCHED, not_paused
from nurture.sequences.visit import BEGUN, ENROLMENT, E, entering, worked_on

LEAD = table_of(t.Lead).c
PLANNED = (table_of(t.Message), table_of(t.WebhookCall))
"""What steps plan for others to carry out."""


def leave(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """End the touched leads' enrolments whose goal is reached or whose exit rule holds.

    Events count from what let the lead in, else from its entry.  Mails planned and not yet claimed
    are cancelled; claimed ones are stopped by the fence at hand-over.  A goal reached by a lead
    that left before counts as well (`afterwards`).  The others are looked at again at the instant
    time alone may change a rule (`leave_by_time`).
    """
    asking = Asking(session, tick, now)
    tally = Tally()
    concerned = set(asking.ask(_CONCERNED).scalars())
    for program in definitions.programs.values():
        if program.definition_id in concerned and _rules(program):
            tally += _judge(asking, definitions, program, _touched(definitions, program))[0]
    return tally + count_late_goals(asking, definitions)


_CONCERNED = select(E.definition_id).where(E.lead_id.in_(TOUCHED), ACTIVE).distinct()
"""The programs touched leads are in."""


def leave_by_time(
    session: Session, definitions: Definitions, program: Program, *, now: datetime
) -> Tally:
    """The same for enrolments of a program whose `watch_at` has come, new ones among them.

    At most 20,000 a call (`more`); afterwards each of them has ended or waits for a later instant.
    """
    if not _rules(program):
        return Tally()
    asking = Asking(session, 0, now)
    tally, count = _judge(asking, definitions, program, _in_time(definitions, program))
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


@once
def _touched(_: Definitions, program: Program) -> Insert:
    """The program's enrolments of touched leads."""
    looked_at = _of(program).where(E.lead_id.in_(TOUCHED))
    return batches.filling(looked_at.with_for_update(of=ENROLMENT))


@once
def _in_time(_: Definitions, program: Program) -> Insert:
    """A batch of the program's enrolments whose `watch_at` has come."""
    looked_at = _of(program).where(E.watch_at <= NOW).limit(SIZE)
    return batches.filling(looked_at.with_for_update(skip_locked=True, of=ENROLMENT))


def _judge(
    asking: Asking, definitions: Definitions, program: Program, looked_at: Insert
) -> tuple[Tally, int]:
    """End those looked at for whom a rule holds, plan the next look at the others."""
    count = asking.fill(looked_at)
    if not count:
        return Tally(), 0
    tally = Tally()
    for rule, state in _rules(program):
        left = asking.run(_end(definitions, program, rule, state))
        what = "reached the goal" if state == "goal" else "exited"
        tally += Tally.of(what, left, path=rule.path)
    if tally:
        for statement in AFTERWARDS:
            asking.run(statement)
    asking.run(_watch(definitions, program))
    return tally, count


@once
def _end(definitions: Definitions, program: Program, rule: ExitRule, state: str) -> Update:
    """End the working set's enrolments for whose lead the rule holds."""
    holds = predicate(
        rule.when, lead=LEAD, definitions=definitions, now=NOW, since=BEGUN,
        entering=entering(program),
    )  # fmt: skip
    of_lead = select(literal(1)).where(LEAD.id == E.lead_id, holds).correlate(ENROLMENT)
    mine = and_(worked_on(), of_lead.exists())
    return ending(mine, state=state, reason=rule.reason, path=rule.path)


def ending(where: ColumnElement[bool], *, state: str, reason: str, path: str) -> Update:
    """End active enrolments; for those of the working set `AFTERWARDS` is to follow."""
    return (
        update(ENROLMENT)
        .where(ACTIVE, where)
        .values(
            state=state,
            ended_at=NOW,
            due_at=None,
            since_at=None,
            recheck_at=None,
            watch_at=None,
            reason=reason,
            path=path,
        )
    )


_ENDED = (worked_on(), E.state != "active")
_DECIDED = ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"]
_RECORD = insert(table_of(t.Decision)).from_select(
    _DECIDED,
    select(E.id, E.lead_id, NOW, E.state, E.stage, E.reason, E.path).where(*_ENDED),
)
"""Why the working set's ended ones left."""


def stop_in(
    session: Session, sequence: str, leads: Select[Any], *, now: datetime, reason: str, path: str
) -> int:
    """End the enrolments of leads (a query of their ids) in a sequence because something asks for
    it, as when they leave it.  Returns how many ended."""
    asking = Asking(session, 0, now)
    these = (E.sequence == sequence, ACTIVE, E.lead_id.in_(leads))
    locked = select(E.id).where(*these).order_by(E.id).with_for_update(of=ENROLMENT).subquery()
    if not asking.ask(select(func.count()).select_from(locked)).scalar_one():
        return 0
    said = (NOW, literal("exited"), E.stage, literal(reason), literal(path))
    rows = select(E.id, E.lead_id, *said).where(*these)
    asking.run(insert(table_of(t.Decision)).from_select(_DECIDED, rows))
    for table in PLANNED:
        why = f"left the sequence: {reason}"
        asking.run(cancelling(table, select(E.id).where(*these), why, now=NOW))
    return asking.run(ending(and_(*these), state="exited", reason=reason, path=path))


def cancelling(
    table: Table, enrolments: Select[tuple[int]], reason: ColumnElement[str] | str, *, now: Any
) -> Update:
    """Call off what is planned for enrolments and not under way yet: mails, or calls (but not
    those that somebody asked for once more)."""
    own = [table.c.settled_at.is_(None)] if table is PLANNED[1] else []
    return (
        update(table)
        .where(table.c.enrolment_id.in_(enrolments), among(table.c.state, ("due", "deferred")))
        .where(*own)
        .values(state="cancelled", settled_at=now, reason=reason)
    )


def _call_off(table: Table) -> Update:
    why = select(E.reason).where(E.id == table.c.enrolment_id).scalar_subquery()
    return cancelling(table, select(E.id).where(*_ENDED), "left the sequence: " + why, now=NOW)


AFTERWARDS = (_RECORD, *map(_call_off, PLANNED))
"""Why they left is recorded, what was planned for them called off."""


@once
def _watch(definitions: Definitions, program: Program) -> Update:
    """Store when time alone may next make a rule hold for those of the working set still in."""
    rules = tuple(rule.when for rule, _ in _rules(program))
    instant = next_change(
        AnyOf(rules), lead=LEAD, definitions=definitions, now=NOW, since=BEGUN,
        entering=entering(program),
    )  # fmt: skip
    later: Any = None
    if instant is not None:
        query = select(instant).where(LEAD.id == E.lead_id).correlate(ENROLMENT)
        later = query.scalar_subquery()
    return update(ENROLMENT).where(worked_on(), ACTIVE).values(watch_at=later)
