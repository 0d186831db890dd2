"""What every step builder works on: one step, one working set of leads, one `now`.

Before a builder runs, `batch` holds the enrolments (id, lead_id) standing at the step that are
due.  After it, each of them stands somewhere else, waits for a later instant, or has ended.
Statements are built by functions of program and step, once (`compiled.once`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program, Step
from nurture.language.sql.occurrences import Entering
from nurture.language.sql.plain_text import PlainText
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant
from nurture.sequences.standing import ACTIVE

ENROLMENT = table_of(t.Enrolment)
E = ENROLMENT.c
LEAD = table_of(t.Lead)
DECISION = table_of(t.Decision)
ENGAGEMENT = table_of(t.Engagement)
BEGUN: Any = func.coalesce(E.begun_at, E.entered_at, type_=Instant())
"""Events count from here on: a demo booked after the form and before the tick is a goal."""


def entering(program: Program) -> Entering:
    """The event that let an enrolment of the program in.

    Of the property that is the key the enrolment's own key stands in for an event nobody knows: it
    may have been asked in by that key.
    """

    def text(name: str) -> ColumnElement[Any]:
        event = ENGAGEMENT.alias()
        said: ColumnElement[Any] = (
            select(PlainText.at(event.c.properties, name))
            .where(event.c.id == E.engagement_id)
            .correlate(ENROLMENT)
            .scalar_subquery()
        )
        if name == program.entry.key:
            said = func.coalesce(said, E.key)
        return func.nullif(said, "")

    return Entering(E.engagement_id, BEGUN, text)


@dataclass(frozen=True)
class Visit(Asking):
    """One look at the leads standing at one step."""

    definitions: Definitions
    program: Program
    step: Step


def worked_on() -> ColumnElement[bool]:
    """The enrolment is in the working set."""
    return E.id.in_(select(batch.c.id))


def of_batch(*columns: Any) -> Select[Any]:
    """A query over the working set's enrolments that are still active."""
    return select(*columns).select_from(batch).join(ENROLMENT, E.id == batch.c.id).where(ACTIVE)


def with_lead(*columns: Any) -> Select[Any]:
    """The same, joined with their leads."""
    return of_batch(*columns).join(LEAD, LEAD.c.id == E.lead_id)


def go(
    program: Program, step: Step, target: int | None, *, where: ColumnElement[bool] | None = None
) -> Update:
    """Move leads of the working set to another step, to be looked at in the same tick.

    `due_at` stays the instant they arrive there by the sequence's own time, so waits add up
    however late a tick comes.
    """
    return change(step, where=where, position=destination(program, target), since_at=None)


def destination(program: Program, target: int | None) -> int:
    """The position to go to; past the last step is the program's closing `End`."""
    return len(program.steps) - 1 if target is None else target


def change(step: Step, *, where: ColumnElement[bool] | None = None, **values: Any) -> Update:
    """Write enrolment columns of (part of) the working set, and where in the YAML it was done.

    `step_at` is the instant of the last move: a look that moves nobody leaves it.
    """
    if "position" in values or "state" in values:
        values["step_at"] = NOW
    return (
        update(ENROLMENT)
        .where(worked_on(), true() if where is None else where, ACTIVE)
        .values(**({"recheck_at": None, "path": step.path} | values))
    )


Way = tuple[ColumnElement[bool], str, int | None]
"""Who goes, why, and where to."""


def fork(
    program: Program, step: Step, kind: str, ways: Iterable[Way]
) -> tuple[list[Update], Insert]:
    """Move each of the working set down the first way whose test holds; and why, written down.

    The moves have to be run in their order, the decision after them.
    """
    moves = [
        change(
            step,
            where=and_(still_here(step), test),
            position=destination(program, target),
            since_at=None,
            reason=reason,
        )
        for test, reason, target in ways
    ]
    return moves, decision(step, kind, E.reason)


def still_here(step: Step) -> ColumnElement[bool]:
    """The lead was not moved off this step yet."""
    return E.position == step.position


def decision(
    step: Step,
    kind: str,
    reason: str | ColumnElement[Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Note why (part of) the working set goes where it goes."""
    return insert(DECISION).from_select(
        ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
        of_batch(
            E.id,
            E.lead_id,
            NOW,
            literal(kind),
            literal(step.stage),
            literal(reason) if isinstance(reason, str) else reason,
            literal(step.path),
        ).where(true() if where is None else where),
    )
