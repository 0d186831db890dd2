"""Steps that write something about a lead: update and score."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from nurture.language.program import Score, Update
from nurture.ledger import tables as t
from nurture.ledger.attributes import with_attribute
from nurture.ledger.batches import batch
from nurture.ledger.tally import Tally
from nurture.ledger.ticks import touch
from nurture.ledger.types import Duration
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.visit import LEAD, E, Visit, go, of_batch, with_lead

CHANGE = table_of(t.Change)
CHANGED = ["lead_id", "at", "field", "old", "new", "reason", "path"]
CONSENT = table_of(t.Consent)
TAG = table_of(t.LeadTag).c
WORKED_LEADS = select(batch.c.lead_id)


def update_lead(visit: Visit, step: Update) -> Tally:
    """Write fields, lifecycle, tags and topics, each with its reason.

    A field that differs and a tag taken off leave a `change` row; tags and consents that stand
    say themselves when and why.
    """
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
        _remove_tags(visit, step)
    for topic, subscribed in step.topics:
        _set_topic(visit, step, topic, subscribed=subscribed)
    touch(visit.session, WORKED_LEADS)
    return Tally.of("updated", visit.run(go(visit, step.next)), path=step.path)


def _set_field(visit: Visit, step: Update, name: str, *, attribute: bool, value: Any) -> None:
    column = LEAD.c.attributes[name].as_string() if attribute else LEAD.c[name]
    old: ColumnElement[Any] = cast(column, String)  # SQLite takes numbers out of JSON as numbers
    new = str(value)
    if isinstance(value, bool):
        new = new.lower()
        old = case((old == "1", "true"), (old == "0", "false"), else_=old)  # as SQLite says it
    before: ColumnElement[Any] = func.coalesce(old, "")
    visit.run(
        insert(CHANGE).from_select(
            CHANGED,
            with_lead(
                E.lead_id,
                visit.instant(),
                literal(name),
                before,
                literal(new),
                literal(f"set by {visit.program.sequence}"),
                literal(step.path),
            )
            .where(before != new)
            .distinct(),
        )
    )
    assigned = (
        {"attributes": with_attribute(visit.session, name, value)} if attribute else {name: value}
    )
    visit.run(
        update(LEAD).where(LEAD.c.id.in_(WORKED_LEADS)).values(updated_at=visit.now, **assigned)
    )


def _remove_tags(visit: Visit, step: Update) -> None:
    carried = (TAG.lead_id.in_(WORKED_LEADS), TAG.tag.in_(step.remove_tags))
    removed = select(
        TAG.lead_id,
        visit.instant(),
        literal("tags"),
        TAG.tag,
        literal(""),
        literal(f"taken off by {visit.program.sequence}"),
        literal(step.path),
    ).where(*carried)
    visit.run(insert(CHANGE).from_select(CHANGED, removed))
    visit.run(delete(table_of(t.LeadTag)).where(*carried))


def _set_topic(visit: Visit, step: Update, topic: str, *, subscribed: bool) -> None:
    """A sequence may unsubscribe anybody; it never overrules a lead's own word to subscribe.

    A lead that said no already keeps its own date and reason.
    """
    columns = ("lead_id", "topic", "subscribed", "decided_at", "reason")
    rows = of_batch(
        E.lead_id, literal(topic), literal(subscribed), visit.instant(), literal(step.path)
    ).distinct()
    insert_new(visit.session, t.Consent, columns, rows)
    if not subscribed:
        said_yes = (CONSENT.c.lead_id.in_(WORKED_LEADS), CONSENT.c.topic == topic)
        visit.run(
            update(CONSENT)
            .where(*said_yes, CONSENT.c.subscribed)
            .values(subscribed=False, decided_at=visit.now, reason=step.path)
        )


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
