"""Steps that tell somebody outside, and keep their lead until that is final: webhook, notify."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, String, cast, func, literal, null, select

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Notify, Program, Webhook
from nurture.ledger import tables as t
from nurture.ledger.openings import next_open
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tables.webhooks import SETTLED
from nurture.ledger.tally import Tally
from nurture.sequences.openings import program_zone
from nurture.sequences.steps.behind import Planning, plan, planning
from nurture.sequences.steps.waits import OVER
from nurture.sequences.visit import ENROLMENT, E, Visit, with_lead

HANDOFF = table_of(t.Handoff).c
REP = table_of(t.Rep).c
NOTICES = (
    "kind", "notice_key", "enrolment_id", "step", "lead_id", "template", "topic", "recipient",
    "reason", "path", "planned_at", "due_at", "allowed_at", "hours", "zone",
)  # fmt: skip
CALLS = (
    "enrolment_id", "lead_id", "step", "name", "url", "host", "retry", "state", "path",
    "planned_at", "due_at", "hours", "zone",
)  # fmt: skip


def webhook(visit: Visit, step: Webhook) -> Tally:
    """Plan one call a lead; the lead waits behind it until the answer is final.

    A lead whose call of this step is over, made or given up, goes on at once.
    """
    planned = plan(visit, _webhook(visit.definitions, visit.program, step))
    return Tally.of("calls planned", planned, path=step.path)


@once
def _webhook(definitions: Definitions, program: Program, step: Webhook) -> Planning:
    calls = _calls(definitions, program, step)
    table = table_of(t.WebhookCall)
    # One that was given up and is made once more holds nobody.
    return planning(program, step, calls, table, SETTLED, table.c.settled_at.is_(None))


def _calls(definitions: Definitions, program: Program, step: Webhook) -> Insert:
    hours, due = _window(definitions, program, anytime=step.anytime)
    rows = with_lead(
        E.id,
        E.lead_id,
        literal(step.key),
        literal(step.name),
        literal(step.url),
        literal(step.host),
        literal(step.retry),
        literal("due"),
        literal(step.path),
        NOW,
        due,
        literal(hours, String()),
        literal(program.window.zone),
    )
    return insert_new(t.WebhookCall, CALLS, rows)


def _window(
    definitions: Definitions, program: Program, *, anytime: bool
) -> tuple[str | None, ColumnElement[Any]]:
    """The hours something has to be done in, and the first instant it may be."""
    hours = None if anytime else program.window.hours
    windows = [] if hours is None else [(hours, program_zone(definitions, program))]
    return hours, next_open(NOW, *windows)


def notify(visit: Visit, step: Notify) -> Tally:
    """Plan a notice a lead; the lead waits behind it until it is sent, or given up.

    It is a draft like those of handoffs: written and sent with them, at least once.  Of several
    reps the first one's notice keeps the lead.  Where nobody is left to tell, it goes on at once.
    """
    first, *others = _notify(visit.definitions, visit.program, step)
    told = sum(map(visit.run, others)) + plan(visit, first)
    return Tally.of("notices planned", told, path=step.path)


@once
def _notify(
    definitions: Definitions, program: Program, step: Notify
) -> tuple[Planning, *tuple[Insert, ...]]:
    """The notice that keeps the lead, and those of further reps, which belong to no enrolment."""
    rows = [
        insert_new(t.Message, NOTICES, _notice(definitions, program, step, number, address))
        for number, address in enumerate(_recipients(definitions, step), start=1)
    ]
    return planning(program, step, rows[0], table_of(t.Message), OVER), *rows[1:]


def _recipients(definitions: Definitions, step: Notify) -> list[ColumnElement[Any]]:
    """Their addresses; a lead's own rep is the one it was last with, who may be gone."""
    team = definitions.handoff.teams.get(step.team) if definitions.handoff else None
    if team is None:
        return [null()]
    if step.to == "reps":
        return [literal(address) for address in dict.fromkeys(rep.email for rep in team.reps)]
    manager = literal(team.manager.email)
    if step.to == "manager":
        return [manager]
    own = (
        select(REP.email)
        .join(table_of(t.Handoff), REP.rep == HANDOFF.rep)
        .where(HANDOFF.lead_id == E.lead_id, REP.active)
        .order_by(HANDOFF.id.desc())
        .limit(1)
        .correlate(ENROLMENT)
    )
    return [func.coalesce(own.scalar_subquery(), manager)]


def _notice(
    definitions: Definitions, program: Program, step: Notify, number: int,
    address: ColumnElement[Any],
) -> Select[Any]:  # fmt: skip
    """The drafts of one recipient, none where there is no address."""
    hours, due = _window(definitions, program, anytime=step.anytime)
    key = literal("step:") + cast(E.id, String) + literal(f":{step.key}:{number}")
    return with_lead(
        literal("draft"),
        key,
        E.id if number == 1 else null(),
        literal(step.key),
        E.lead_id,
        literal(step.notice),
        literal(step.team),
        address,
        literal(f"asked by {program.sequence}"),
        literal(step.path),
        NOW,
        due,
        due,
        literal(hours, String()),
        literal(program.window.zone),
    ).where(address.is_not(None))
