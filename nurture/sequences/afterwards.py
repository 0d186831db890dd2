"""Goals reached after a sequence ended for a lead, within the time it names: counted, once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Insert, Update, insert, literal, select, update

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program
from nurture.language.grammar.durations import say
from nurture.language.grammar.terms import ExitRule
from nurture.language.sql.predicates import predicate
from nurture.ledger import tables as t
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Duration
from nurture.sequences.standing import TOUCHED
from nurture.sequences.visit import BEGUN, DECISION, ENROLMENT, E, entering, worked_on

LEAD = table_of(t.Lead).c
COUNTED = ("completed", "exited", "moved")


def count_late_goals(asking: Asking, definitions: Definitions) -> Tally:
    """Note that touched leads reached the goal of a sequence they are no longer in.

    By the goal in force now, of a lead's last enrolment in the sequence.  Nothing else about the
    lead or its enrolment changes.
    """
    tally = Tally()
    concerned = set(asking.ask(_CONCERNED).scalars())
    for program in definitions.active.values():
        if program.sequence not in concerned:
            continue
        if program.goal is None or program.goal_within is None:
            continue
        if asking.fill(_ended(definitions, program, program.goal_within)):
            found = asking.run(_counting(definitions, program, program.goal))
            if found:
                asking.run(_noting(program.goal, program.goal_within))
            tally += Tally.of("reached the goal later", found, path=program.goal.path)
    return tally


_CONCERNED = (
    select(E.sequence)
    .where(E.lead_id.in_(TOUCHED), among(E.state, COUNTED), E.goal_at.is_(None))
    .distinct()
)
"""The sequences touched leads were in before."""


@once
def _ended(_: Definitions, program: Program, within: timedelta) -> Insert:
    """The last enrolments of touched leads that ended not longer ago."""
    other = ENROLMENT.alias("other")
    later = select(literal(1)).where(
        other.c.lead_id == E.lead_id, other.c.sequence == E.sequence, other.c.id > E.id
    )
    return batches.filling(
        select(E.id, E.lead_id)
        .where(
            E.lead_id.in_(TOUCHED),
            E.sequence == program.sequence,
            among(E.state, COUNTED),
            E.goal_at.is_(None),
            E.ended_at >= NOW - literal(within, Duration()),
            ~later.correlate(ENROLMENT).exists(),
        )
        .order_by(E.id)
        .with_for_update(of=ENROLMENT)
    )


@once
def _counting(definitions: Definitions, program: Program, goal: ExitRule) -> Update:
    holds = predicate(
        goal.when, lead=LEAD, definitions=definitions, now=NOW, since=BEGUN,
        entering=entering(program),
    )  # fmt: skip
    of_lead = select(literal(1)).where(LEAD.id == E.lead_id, holds).correlate(ENROLMENT)
    return update(ENROLMENT).where(worked_on(), of_lead.exists()).values(goal_at=NOW)


def _noting(goal: ExitRule, within: timedelta) -> Insert:
    reason = literal(f"{goal.reason}, within {say(within)} after the end")
    return insert(DECISION).from_select(
        ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
        select(E.id, E.lead_id, NOW, literal("goal"), E.stage, reason, literal(goal.path)).where(
            worked_on(), E.goal_at == NOW
        ),
    )
