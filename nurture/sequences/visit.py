"""What every step builder works on: one step, one working set of leads, one `now`.

Before a builder runs, `batch` holds the enrolments (id, lead_id) standing at the step that are
due.  After it, each of them stands somewhere else, waits for a later instant, or has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, insert, literal, select, true, update
from sqlmodel import Session

from nurture.language.definitions import Definitions
from nurture.language.program import Program, Step
from nurture.ledger import tables as t
from nurture.ledger.batches import batch
from nurture.ledger.types import Instant
from nurture.ledger.upsert import table_of
from nurture.sequences.standing import ACTIVE

ENROLMENT = table_of(t.Enrolment)
E = ENROLMENT.c
LEAD = table_of(t.Lead)
DECISION = table_of(t.Decision)


@dataclass(frozen=True)
class Visit:
    """One look at the leads standing at one step."""

    session: Session
    definitions: Definitions
    program: Program
    step: Step
    tick: int
    now: datetime

    def run(self, statement: Any) -> int:
        """Execute a writing statement; returns how many rows it changed."""
        return int(self.session.execute(statement).rowcount)  # type: ignore[attr-defined]

    def instant(self, at: datetime | None = None) -> ColumnElement[Any]:
        """`now`, or another instant, as a value in SQL."""
        return literal(at or self.now, Instant())


def worked_on() -> ColumnElement[bool]:
    """The enrolment is in the working set."""
    return E.id.in_(select(batch.c.id))


def of_batch(*columns: Any) -> Select[Any]:
    """A query over the working set's enrolments that are still active."""
    return select(*columns).select_from(batch).join(ENROLMENT, E.id == batch.c.id).where(ACTIVE)


def with_lead(*columns: Any) -> Select[Any]:
    """The same, joined with their leads."""
    return of_batch(*columns).join(LEAD, LEAD.c.id == E.lead_id)


def go(visit: Visit, target: int | None, *, where: ColumnElement[bool] | None = None) -> Update:
    """Move leads of the working set to another step, to be looked at in the same tick.

    `due_at` stays the instant they arrive there by the sequence's own time, so waits add up
    however late a tick comes.
    """
    return change(visit, where=where, position=destination(visit, target), since_at=None)


def destination(visit: Visit, target: int | None) -> int:
    """The position to go to; past the last step is the program's closing `End`."""
    return len(visit.program.steps) - 1 if target is None else target


def change(visit: Visit, *, where: ColumnElement[bool] | None = None, **values: Any) -> Update:
    """Write enrolment columns of (part of) the working set, and where in the YAML it was done.

    `step_at` is the instant of the last move: a look that moves nobody leaves it.
    """
    if "position" in values or "state" in values:
        values["step_at"] = visit.now
    return (
        update(ENROLMENT)
        .where(worked_on(), true() if where is None else where, ACTIVE)
        .values(**({"recheck_at": None, "path": visit.step.path} | values))
    )


def still_here(visit: Visit) -> ColumnElement[bool]:
    """The lead was not moved off this step yet."""
    return E.position == visit.step.position


def decide(
    visit: Visit,
    kind: str,
    reason: str | ColumnElement[Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> None:
    """Note why (part of) the working set goes where it goes."""
    visit.session.execute(
        insert(DECISION).from_select(
            ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
            of_batch(
                E.id,
                E.lead_id,
                visit.instant(),
                literal(kind),
                literal(visit.step.stage),
                literal(reason) if isinstance(reason, str) else reason,
                literal(visit.step.path),
            ).where(true() if where is None else where),
        )
    )
