"""Writing one of a lead's own fields inside a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from nurture.ledger import tables as t
from nurture.ledger.types import Document
from nurture.ledger.upsert import table_of

LEAD = table_of(t.Lead).c


class _Merged(FunctionElement[Any]):
    """The keys of the second JSON object written over those of the first."""

    type = Document
    inherit_cache = True


@compiles(_Merged, "sqlite")
def _merged_on_sqlite(element: _Merged, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_patch({compiler.process(element.clauses, **kw)})"


@compiles(_Merged, "postgresql")
def _merged_on_postgresql(element: _Merged, compiler: SQLCompiler, **kw: Any) -> str:
    old, new = (compiler.process(each, **kw) for each in element.clauses)
    return f"({old} || CAST({new} AS JSONB))"


def with_attribute(name: str, value: str | float | bool) -> ColumnElement[Any]:
    """`lead.attributes` with one attribute set, as an expression to assign."""
    return _Merged(LEAD.attributes, literal({name: value}, Document))
