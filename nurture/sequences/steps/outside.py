"""Steps that tell somebody outside, and keep their lead until that is final: `webhook`."""

from __future__ import annotations

from sqlalchemy import Insert, String, literal

from nurture.language.definitions import Definitions
from nurture.language.once import once
from nurture.language.program import Program, Webhook
from nurture.ledger import tables as t
from nurture.ledger.asking import NOW
from nurture.ledger.openings import next_open
from nurture.ledger.tables.webhooks import SETTLED
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.openings import program_zone
from nurture.sequences.steps.behind import Planning, plan, planning
from nurture.sequences.visit import E, Visit, with_lead

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
    return planning(program, step, calls, table_of(t.WebhookCall), SETTLED)


def _calls(definitions: Definitions, program: Program, step: Webhook) -> Insert:
    hours = None if step.anytime else program.window.hours
    windows = [] if hours is None else [(hours, program_zone(definitions, program))]
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
        next_open(NOW, *windows),
        literal(hours, String()),
        literal(program.window.zone),
    )
    return insert_new(t.WebhookCall, CALLS, rows)
