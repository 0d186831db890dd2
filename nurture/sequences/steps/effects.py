"""Steps that write something about a lead: update and score."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    UpdateBase,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program, Score, Update
from nurture.ledger import tables as t
from nurture.ledger.attributes import with_attribute
from nurture.ledger.crm_marks import marking
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tally import Tally
from nurture.ledger.ticks import touching
from nurture.ledger.types import Duration
from nurture.sequences.steps.taking import taking
from nurture.sequences.visit import LEAD, E, Visit, go, of_batch, with_lead

CHANGE = table_of(t.Change)
CHANGED = ["lead_id", "at", "field", "old", "new", "reason", "path"]
CONSENT = table_of(t.Consent)
TAG = table_of(t.LeadTag).c
WORKED_LEADS = select(batch.c.lead_id)


def update_lead(visit: Visit, step: Update) -> Tally:
    """Write fields, lifecycle, tags and topics, each with its reason.

    A field that differs and a tag taken off leave a `change` row; tags and consents that stand
    say themselves when and why, and a decision what of the event could not be written.
    """
    *writes, move = _update(visit.definitions, visit.program, step)
    for statement in writes:
        visit.run(statement)
    return Tally.of("updated", visit.run(move), path=step.path)


@once
def _update(definitions: Definitions, program: Program, step: Update) -> list[UpdateBase]:
    """What is written, a touch of the leads, and the move."""
    fields = list(step.fields)
    marks: list[UpdateBase] = []
    if step.lifecycle is not None:
        fields.append(("lifecycle", False, step.lifecycle))
        marks.append(marking(WORKED_LEADS.distinct()))
    return [
        *(each for field in fields for each in _set_field(program, step, *field)),
        *taking(definitions, program, step),
        *(_add_tag(step, tag) for tag in step.add_tags),
        *_remove_tags(program, step),
        *(each for topic in step.topics for each in _set_topic(step, *topic)),
        touching(WORKED_LEADS),
        *marks,
        go(program, step, step.next),
    ]


def _set_field(
    program: Program, step: Update, name: str, attribute: bool, value: Any
) -> tuple[UpdateBase, UpdateBase]:
    column = LEAD.c.attributes[name].as_string() if attribute else LEAD.c[name]
    old: ColumnElement[Any] = cast(column, String)  # SQLite takes numbers out of JSON as numbers
    new = str(value)
    if isinstance(value, bool):
        new = new.lower()
        old = case((old == "1", "true"), (old == "0", "false"), else_=old)  # as SQLite says it
    before: ColumnElement[Any] = func.coalesce(old, "")
    changed = with_lead(
        E.lead_id,
        NOW,
        literal(name),
        before,
        literal(new),
        literal(f"set by {program.sequence}"),
        literal(step.path),
    )
    assigned = {"attributes": with_attribute(name, value)} if attribute else {name: value}
    return (
        insert(CHANGE).from_select(CHANGED, changed.where(before != new).distinct()),
        update(LEAD).where(LEAD.c.id.in_(WORKED_LEADS)).values(updated_at=NOW, **assigned),
    )


def _add_tag(step: Update, tag: str) -> UpdateBase:
    rows = of_batch(E.lead_id, literal(tag), NOW, literal(step.path)).distinct()
    return insert_new(t.LeadTag, ("lead_id", "tag", "added_at", "reason"), rows)


def _remove_tags(program: Program, step: Update) -> tuple[UpdateBase, ...]:
    if not step.remove_tags:
        return ()
    carried = (TAG.lead_id.in_(WORKED_LEADS), TAG.tag.in_(step.remove_tags))
    removed = select(
        TAG.lead_id,
        NOW,
        literal("tags"),
        TAG.tag,
        literal(""),
        literal(f"taken off by {program.sequence}"),
        literal(step.path),
    ).where(*carried)
    return (
        insert(CHANGE).from_select(CHANGED, removed),
        delete(table_of(t.LeadTag)).where(*carried),
    )


def _set_topic(step: Update, topic: str, subscribed: bool) -> tuple[UpdateBase, ...]:
    """A sequence may unsubscribe anybody; it never overrules a lead's own word to subscribe.

    A lead that said no already keeps its own date and reason.
    """
    columns = ("lead_id", "topic", "subscribed", "decided_at", "reason")
    rows = of_batch(E.lead_id, literal(topic), literal(subscribed), NOW, literal(step.path))
    told = insert_new(t.Consent, columns, rows.distinct())
    if subscribed:
        return (told,)
    said_yes = (CONSENT.c.lead_id.in_(WORKED_LEADS), CONSENT.c.topic == topic)
    unsubscribed = (
        update(CONSENT)
        .where(*said_yes, CONSENT.c.subscribed)
        .values(subscribed=False, decided_at=NOW, reason=step.path)
    )
    return told, unsubscribed


def score(visit: Visit, step: Score) -> Tally:
    """Add points to behaviour, once per enrolment and step."""
    added, _, _ = map(visit.run, _score(visit.definitions, visit.program, step))
    return Tally.of("scored", added, path=step.path)


@once
def _score(_: Definitions, program: Program, step: Score) -> tuple[UpdateBase, ...]:
    """The entries, a touch of the leads, and the move."""
    columns = (
        "lead_id", "kind", "rule", "points", "before_limit", "half_life", "at", "enrolment_id",
        "step", "reason", "path",
    )  # fmt: skip
    entries = of_batch(
        E.lead_id,
        literal("step"),
        literal(step.key),
        literal(step.points),
        literal(step.points),
        literal(step.half_life, Duration()),
        NOW,
        E.id,
        literal(step.key),
        literal(step.reason),
        literal(step.path),
    )
    return (
        insert_new(t.ScoreEntry, columns, entries),
        touching(WORKED_LEADS),
        go(program, step, step.next),
    )
