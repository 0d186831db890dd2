"""Writing one of a lead's own fields inside a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, cast, func, literal, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.types import Document
from nurture.ledger.upsert import table_of

LEAD = table_of(t.Lead).c


def with_attribute(session: Session, name: str, value: str | float | bool) -> ColumnElement[Any]:
    """`lead.attributes` with one attribute set, as an expression to assign."""
    changed: ColumnElement[Any]
    document: ColumnElement[Any] = literal({name: value}, Document)
    if session.get_bind().dialect.name == "postgresql":
        path = cast([name], ARRAY(TEXT))
        changed = func.jsonb_set(LEAD.attributes, path, cast(document, JSONB)[name])
    else:
        changed = func.json_patch(LEAD.attributes, document)
    return type_coerce(changed, Document)
