"""Who leaves a sequence before its end: goals reached and exit rules that hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, insert, literal, or_, select, update
from sqlmodel import Session

from nurture.language.conditions import AnyOf
from nurture.language.definitions import Definitions
from nurture.language.predicates import next_change, predicate
from nurture.language.program import ExitRule
from nurture.ledger import batches
from nurture.ledger import tables as t
from nurture.ledger.batches import SIZE, batch
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of
from nurture.sequences.standing import not_paused, touched

ENROLMENT = table_of(t.Enrolment)
E = ENROLMENT.c
LEAD = table_of(t.Lead).c
MESSAGE = table_of(t.Message)


def leave(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """End the touched leads' enrolments whose goal is reached or whose exit rule holds.

    Events count from the start of the enrolment.  Mails planned and not yet claimed are
    cancelled; claimed ones are stopped by the fence at hand-over.
    """
    tally = Tally()
    for number, program in definitions.programs.items():
        rules = [(rule, "exited") for rule in program.exits]
        if program.goal is not None:
            rules.insert(0, (program.goal, "goal"))
        for rule, state in rules:
            tally += _apply(session, definitions, number, rule, state, tick=tick, now=now)
    _watch(session, definitions, tick=tick, now=now)
    return tally


def _apply(
    session: Session,
    definitions: Definitions,
    number: int,
    rule: ExitRule,
    state: str,
    *,
    tick: int,
    now: datetime,
) -> Tally:
    test = predicate(rule.when, lead=LEAD, definitions=definitions, now=now, since=E.entered_at)
    leaving = (
        select(E.id, E.lead_id)
        .where(
            E.definition_id == number,
            E.state == "active",
            _looked_at(tick, now),
            select(literal(1)).where(LEAD.id == E.lead_id, test).correlate(ENROLMENT).exists(),
            not_paused(),
        )
        .limit(SIZE)
        .with_for_update(skip_locked=True, of=ENROLMENT)
    )
    count = batches.fill(session, leaving)
    if count:
        _end(session, rule, state, now=now)
    return Tally.of("reached the goal" if state == "goal" else "exited", count, path=rule.path)


def _end(session: Session, rule: ExitRule, state: str, *, now: datetime) -> None:
    worked = select(batch.c.id)
    session.execute(
        insert(table_of(t.Decision)).from_select(
            ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
            select(
                E.id,
                E.lead_id,
                literal(now, Instant()),
                literal(state),
                E.stage,
                literal(rule.reason),
                literal(rule.path),
            ).where(E.id.in_(worked)),
        )
    )
    session.execute(
        update(ENROLMENT)
        .where(E.id.in_(worked))
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
    session.execute(
        update(MESSAGE)
        .where(MESSAGE.c.enrolment_id.in_(worked), MESSAGE.c.state.in_(("due", "deferred")))
        .values(state="cancelled", settled_at=now, reason=f"left the sequence: {rule.reason}")
    )


def _watch(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> None:
    """Store when time alone may next make an exit rule or goal hold for those just looked at."""
    for number, program in definitions.programs.items():
        rules = tuple(rule.when for rule in (*program.exits, program.goal) if rule is not None)
        instant = next_change(
            AnyOf(rules), lead=LEAD, definitions=definitions, now=now, since=E.entered_at
        )
        if instant is not None:
            later = select(instant).where(LEAD.id == E.lead_id).correlate(ENROLMENT)
            session.execute(
                update(ENROLMENT)
                .where(E.definition_id == number, E.state == "active", _looked_at(tick, now))
                .values(watch_at=later.scalar_subquery())
            )


def _looked_at(tick: int, now: datetime) -> ColumnElement[bool]:
    return or_(E.lead_id.in_(touched(tick)), E.watch_at <= now)
