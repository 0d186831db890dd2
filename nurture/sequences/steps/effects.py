"""Steps that write something about a lead: update and score."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, cast, delete, func, insert, literal, select, update

from nurture.language.program import Score, Update
from nurture.ledger import tables as t
from nurture.ledger.attributes import with_attribute
from nurture.ledger.batches import batch
from nurture.ledger.tally import Tally
from nurture.ledger.ticks import touch
from nurture.ledger.types import Duration
from nurture.ledger.upsert import insert_new, table_of, upsert_from
from nurture.sequences.visit import LEAD, E, Visit, go, of_batch, with_lead

CHANGE = table_of(t.Change)
TAG = table_of(t.LeadTag).c
WORKED_LEADS = select(batch.c.lead_id)


def update_lead(visit: Visit, step: Update) -> Tally:
    """Write fields, tags, lifecycle and topics; each difference leaves a `change` row."""
    for name, attribute, value in step.fields:
        _set_field(visit, step, name, attribute=attribute, value=value)
    if step.lifecycle is not None:
        _set_field(visit, step, "lifecycle", attribute=False, value=step.lifecycle)
    for tag in step.add_tags:
        insert_new(
            visit.session,
            t.LeadTag,
            ("lead_id", "tag", "added_at", "reason"),
            of_batch(E.lead_id, literal(tag), visit.instant(), literal(step.path)).distinct(),
        )
    if step.remove_tags:
        gone = delete(table_of(t.LeadTag)).where(
            TAG.lead_id.in_(WORKED_LEADS), TAG.tag.in_(step.remove_tags)
        )
        visit.run(gone)
    for topic, subscribed in step.topics:
        _set_topic(visit, step, topic, subscribed=subscribed)
    touch(visit.session, WORKED_LEADS)
    return Tally.of("updated", visit.run(go(visit, step.next)), path=step.path)


def _set_field(visit: Visit, step: Update, name: str, *, attribute: bool, value: Any) -> None:
    old = LEAD.c.attributes[name].as_string() if attribute else cast(LEAD.c[name], String)
    new = str(value).lower() if isinstance(value, bool) else str(value)
    before: ColumnElement[Any] = func.coalesce(old, "")
    visit.run(
        insert(CHANGE).from_select(
            ["lead_id", "at", "field", "old", "new", "reason", "path"],
            with_lead(
                E.lead_id,
                visit.instant(),
                literal(name),
                before,
                literal(new),
                literal(f"set by {visit.program.sequence}"),
                literal(step.path),
            ).where(before != new),
        )
    )
    assigned = (
        {"attributes": with_attribute(visit.session, name, value)} if attribute else {name: value}
    )
    visit.run(
        update(LEAD).where(LEAD.c.id.in_(WORKED_LEADS)).values(updated_at=visit.now, **assigned)
    )


def _set_topic(visit: Visit, step: Update, topic: str, *, subscribed: bool) -> None:
    """A sequence may unsubscribe anybody; it never overrules a lead's own word to subscribe."""
    columns = ("lead_id", "topic", "subscribed", "decided_at", "reason")
    rows = of_batch(
        E.lead_id, literal(topic), literal(subscribed), visit.instant(), literal(step.path)
    ).distinct()
    if subscribed:
        insert_new(visit.session, t.Consent, columns, rows)
    else:
        upsert_from(visit.session, t.Consent, ("lead_id", "topic"), columns, rows)


def score(visit: Visit, step: Score) -> Tally:
    """Add points to behaviour, once per enrolment and step."""
    added = insert_new(
        visit.session,
        t.ScoreEntry,
        (
            "lead_id",
            "kind",
            "rule",
            "points",
            "before_limit",
            "half_life",
            "at",
            "enrolment_id",
            "step",
            "reason",
            "path",
        ),
        of_batch(
            E.lead_id,
            literal("step"),
            literal(step.key),
            literal(step.points),
            literal(step.points),
            literal(step.half_life, Duration()),
            visit.instant(),
            E.id,
            literal(step.key),
            literal(step.reason),
            literal(step.path),
        ),
    )
    touch(visit.session, WORKED_LEADS)
    visit.run(go(visit, step.next))
    return Tally.of("scored", added, path=step.path)
