"""Steps that plan something for each lead and let it stand behind until that is over."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Insert, Table, Update, literal, select

from nurture.language.compiled.program import Program, Step
from nurture.ledger.statements.asking import NOW
from nurture.sequences.visit import ENROLMENT, E, Visit, change, destination

Planning = tuple[Insert, Update, Update]
"""What is planned for each; they stand behind it; those for whom nothing is to come are due."""


def planning(
    program: Program, step: Step, rows: Insert, table: Table, over: Sequence[str],
    *held: ColumnElement[bool],
) -> Planning:  # fmt: skip
    """Plan `rows` of the table, one a lead; a lead without a row of this step that is in none of
    the states `over` (made, given up, or nothing to be planned) and as in `held` goes on
    at once.
    """
    row = table.c
    waits = (
        select(literal(1))
        .where(row.enrolment_id == E.id, row.step == step.key, row.state.not_in(over), *held)
        .correlate(ENROLMENT)
        .exists()
    )
    return (
        rows,
        change(step, position=destination(program, step.next), due_at=None, since_at=None),
        change(step, where=~waits, due_at=NOW),
    )


def plan(visit: Visit, statements: Planning) -> int:
    """Plan it, and move the leads behind it; returns how many were planned."""
    rows, move, pass_by = statements
    planned = visit.run(rows)
    if planned < visit.run(move):
        visit.run(pass_by)
    return planned
