"""Steps that keep a lead: `send` until its mail is final, `wait` until an instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    String,
    Update,
    case,
    func,
    literal,
    not_,
    null,
    select,
    type_coerce,
)

from nurture.language.compiled import spreading
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program, Send, Wait
from nurture.language.grammar import words
from nurture.language.grammar.durations import Span
from nurture.ledger import tables as t
from nurture.ledger.draws import PRIME, draw
from nurture.ledger.openings import Hours, business_due, is_open, next_open
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tables.messages import FINAL
from nurture.ledger.tally import Tally
from nurture.ledger.types import MICROSECOND, Instant
from nurture.sequences.openings import lead_zone, program_zone
from nurture.sequences.steps.behind import Planning, plan, planning
from nurture.sequences.visit import ENROLMENT, LEAD, E, Visit, change, destination, with_lead

MESSAGE = table_of(t.Message).c
COLUMNS = (
    "kind", "enrolment_id", "step", "occurrence", "lead_id", "template", "topic", "path", "state",
    "planned_at", "due_at", "allowed_at", "expires_at", "hours", "zone", "reason", "variant",
)  # fmt: skip
OVER = (*FINAL, "unknown")
"""A mail in one of these states holds nobody who comes to its step once more."""


def send(visit: Visit, step: Send) -> Tally:
    """Plan one mail a lead; the lead waits behind it until delivery makes it final.

    Consent, caps, sales and the window itself are judged when the mail is claimed: a fact
    recorded after planning still counts.
    """
    planned = plan(visit, _send(visit.definitions, visit.program, step))
    return Tally.of("mails planned", planned, path=step.path)


@once
def _send(definitions: Definitions, program: Program, step: Send) -> Planning:
    """A lead whose mail of this step was sent or given up before, and is not to be sent anew, goes
    on at once."""
    return planning(program, step, _mails(definitions, program, step), table_of(t.Message), OVER)


def _mails(definitions: Definitions, program: Program, step: Send) -> Insert:
    hours = None if step.anytime else program.window.hours
    windows = [] if hours is None else [(hours, program_zone(definitions, program))]
    if definitions.waking is not None:
        windows.append((definitions.waking, lead_zone(definitions)))
    allowed, due = next_open(E.due_at, *windows), next_open(NOW, *windows)
    place = spreading.place(program, step, E.lead_id)
    if place is not None:
        theirs = type_coerce(allowed + place, Instant)
        allowed = next_open(theirs, *windows)
        due = next_open(Greatest(theirs, NOW), *windows)
    at_last = "" if place is None else words.spread(program.spread)
    late = program.late
    expires = null() if late.otherwise == "shift" else allowed + late.send_within
    rows = with_lead(
        literal("nurture"),
        E.id,
        literal(step.key),
        _before(step) + 1 if step.resend else literal(1),
        E.lead_id,
        literal(step.email),
        literal(step.topic),
        literal(step.path),
        literal("due"),
        NOW,
        due,
        allowed,
        expires,
        literal(hours, String()),
        literal(program.window.zone),
        _why_not_now(definitions, windows, at_last),
        _variant(program, step),
    )
    return insert_new(t.Message, COLUMNS, rows)


def _variant(program: Program, step: Send) -> ColumnElement[str]:
    """Which of the step's subjects the lead draws: the same at every visit, equally often."""
    names = [name for name, _ in step.subjects]
    if len(names) < 2:
        return literal(names[0] if names else "")
    drawn = draw(E.lead_id, f"{program.sequence}/{step.key}")
    tops = [(drawn < PRIME * n // len(names), name) for n, name in enumerate(names, start=1)]
    return case(*tops[:-1], else_=names[-1])


def _why_not_now(
    definitions: Definitions, windows: Sequence[Hours], otherwise: str
) -> ColumnElement[str]:
    """The reason of a mail that its hours keep back, else another."""
    reasons = {definitions.waking: words.QUIET}
    whens = [
        (not_(is_open(NOW, hours, zone)), reasons.get(hours, words.OUTSIDE))
        for hours, zone in reversed(windows)
    ]
    return case(*whens, else_=otherwise) if whens else literal(otherwise)


def _before(step: Send) -> ColumnElement[Any]:
    """How often this enrolment's mail of the step was planned; leans on `message_step`."""
    times = select(func.count()).where(MESSAGE.enrolment_id == E.id, MESSAGE.step == step.key)
    return times.correlate(ENROLMENT).scalar_subquery()


def wait(visit: Visit, step: Wait) -> Tally:
    """Let the lead rest: `due_at` becomes the end of the wait, counted from its arrival."""
    waiting = visit.run(_wait(visit.definitions, visit.program, step))
    return Tally.of("waiting", waiting, path=step.path)


@once
def _wait(definitions: Definitions, program: Program, step: Wait) -> Update:
    due_at = end_of(definitions, program, step.span)
    return change(
        step, position=destination(program, step.next), due_at=due_at, since_at=None
    )


def end_of(definitions: Definitions, program: Program, span: Span) -> ColumnElement[Any]:
    """The instant `span` after the enrolment's `due_at`.

    Business time is counted in the sequence's window; without one every hour is business time, as
    it is while the hours of the lead's zone are not kept yet: a wait always ends.
    """
    hours = program.window.hours
    elapsed = type_coerce(E.due_at + span.amount, Instant)
    if not span.business or hours is None:
        return elapsed
    micros = literal(span.amount // MICROSECOND)
    open_time = business_due(E.due_at, micros, hours, zone_of_enrolment(definitions, program))
    return type_coerce(func.coalesce(open_time, elapsed), Instant)


def zone_of_enrolment(definitions: Definitions, program: Program) -> ColumnElement[Any]:
    """The zone where no lead is joined: looked up by the enrolment's lead."""
    if program.window.zone != "lead":
        return literal(program.window.zone)
    own = select(LEAD.c.timezone).where(LEAD.c.id == E.lead_id).correlate(ENROLMENT)
    return func.coalesce(own.scalar_subquery(), definitions.workspace.zone)
