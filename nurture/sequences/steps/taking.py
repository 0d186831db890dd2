"""What an `update` takes out of the event that let a lead in, each value by its field's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    UpdateBase,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program, Update
from nurture.language.grammar.comparing import TYPE_WORDS
from nurture.language.grammar.conditions import FieldType
from nurture.language.grammar.words import kept
from nurture.language.sql.values import Kind, Number, Text, YesNo, day_of
from nurture.ledger import tables as t
from nurture.ledger.attributes import Unseen, with_value
from nurture.ledger.intake.lead_rows import LONGEST, LONGEST_ATTRIBUTE
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.visit import ENGAGEMENT, ENROLMENT, LEAD, E, decision

CHANGE = table_of(t.Change)
CHANGED = ["lead_id", "at", "field", "old", "new", "reason", "path"]
NOT_KNOWN, NO_ROOM = "is not known", "cannot stand there"


@dataclass(frozen=True)
class Taken:
    """A field of the lead and the property of the event it gets."""

    field: str
    attribute: bool
    source: str
    type: FieldType

    @property
    def value(self) -> ColumnElement[Any]:
        """The property as the field holds it, as text; NULL when it is of another type, or more
        than there may stand."""
        said = ENGAGEMENT.c.properties
        if self.type == "number":
            return cast(Number.at(said, self.source), String())
        if self.type == "yes_no":
            return YesNo.at(said, self.source)
        text = Text.at(said, self.source)
        if self.type == "date":
            return case((day_of(text).is_not(None), func.substr(text, 1, 10)))
        bare = func.trim(text)
        if self.attribute:
            return case((func.length(bare).between(1, LONGEST_ATTRIBUTE), bare))
        plain = and_(func.length(bare).between(1, LONGEST), Unseen(bare).is_(None))
        return case((plain, bare))

    @property
    def why_not(self) -> ColumnElement[str]:
        """Why there is no value."""
        said = ENGAGEMENT.c.properties
        text = Text.at(said, self.source)
        wanted = "text" if self.type in ("text", "date") else self.type
        of_type = {"text": text, "number": Number.at(said, self.source),
                   "yes_no": YesNo.at(said, self.source)}[wanted]  # fmt: skip
        no_type = f"is not {TYPE_WORDS[self.type]}"
        return case(
            (Kind.at(said, self.source).is_(None), NOT_KNOWN),
            (text == "", NOT_KNOWN),
            (of_type.is_(None), no_type),
            else_=no_type if self.type == "date" else NO_ROOM,
        )


def taking(definitions: Definitions, program: Program, step: Update) -> list[UpdateBase]:
    """What is written for each field: the change, the value, and why there was none.

    Of several enrolments of a lead that take at once the newest event counts.
    """
    types = definitions.workspace.fields
    fields = [
        Taken(field, attribute, source, types.get(field, "text") if attribute else "text")
        for field, attribute, source in step.taken
    ]
    return [each for field in fields for each in _take(program, step, field)]


def _take(program: Program, step: Update, field: Taken) -> tuple[UpdateBase, ...]:
    newest = _newest(field)
    column = LEAD.c.attributes[field.field].as_string() if field.attribute else LEAD.c[field.field]
    old: ColumnElement[Any] = cast(column, String())
    if field.type == "yes_no":
        old = case((old == "1", "true"), (old == "0", "false"), else_=old)  # as SQLite says it
    before: ColumnElement[Any] = func.coalesce(old, "")
    differs = before != newest.c.value
    if field.type == "number":
        differs = func.coalesce(
            Number.at(LEAD.c.attributes, field.field) != newest.c.number, literal(value=True)
        )
    changed = (
        select(
            LEAD.c.id, NOW, literal(field.field), before, newest.c.value,
            literal(f"set by {program.sequence}"), literal(step.path),
        )
        .select_from(LEAD)
        .join(newest, newest.c.lead_id == LEAD.c.id)
        .where(differs)
    )  # fmt: skip
    value = newest.c.number if field.type == "number" else newest.c.value
    written = with_value(field.field, value, field.type) if field.attribute else value
    target = "attributes" if field.attribute else field.field
    own = select(literal(1)).where(ENGAGEMENT.c.id == E.engagement_id, field.value.is_not(None))
    why = select(field.why_not).where(ENGAGEMENT.c.id == E.engagement_id)
    reasons = [NOT_KNOWN, f"is not {TYPE_WORDS[field.type]}", NO_ROOM]
    said = func.coalesce(why.correlate(ENROLMENT).scalar_subquery(), NOT_KNOWN)
    sentence = case(
        *((said == each, kept(field.field, field.source, each)) for each in reasons[1:]),
        else_=kept(field.field, field.source, NOT_KNOWN),
    )
    return (
        insert(CHANGE).from_select(CHANGED, changed),
        update(LEAD)
        .where(LEAD.c.id == newest.c.lead_id)
        .values(**{target: written, "updated_at": NOW}),
        decision(step, "update", sentence, where=~own.correlate(ENROLMENT).exists()),
    )


def _newest(field: Taken) -> Any:
    """(lead, value, number) of the working set's leads: of the newest event that has a value."""
    event = ENGAGEMENT.c
    number: ColumnElement[Any] = cast(literal(None), BigInteger())
    if field.type == "number":
        number = Number.at(event.properties, field.source)
    place = func.row_number().over(
        partition_by=E.lead_id, order_by=[event.occurred_at.desc(), event.id.desc()]
    )
    rows = (
        select(
            E.lead_id, field.value.label("value"), number.label("number"), place.label("place")
        )
        .select_from(batch)
        .join(ENROLMENT, E.id == batch.c.id)
        .join(ENGAGEMENT, event.id == E.engagement_id)
        .where(field.value.is_not(None))
        .subquery()
    )
    return select(rows.c.lead_id, rows.c.value, rows.c.number).where(rows.c.place == 1).subquery()
