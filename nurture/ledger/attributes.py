"""Writing one of a lead's own fields inside a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Document

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


class _Named(FunctionElement[Any]):
    """A JSON object of one text or number, by its name."""

    type = Document
    inherit_cache = True


class _NamedYesNo(_Named):
    """The same of a yes or no, given as `true` or `false`."""

    inherit_cache = True


@compiles(_Named, "sqlite")
def _named_on_sqlite(element: _Named, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_object({compiler.process(element.clauses, **kw)})"


@compiles(_Named, "postgresql")
def _named_on_postgresql(element: _Named, compiler: SQLCompiler, **kw: Any) -> str:
    name, value = (compiler.process(each, **kw) for each in element.clauses)
    return f"jsonb_build_object(CAST({name} AS TEXT), {value})"


@compiles(_NamedYesNo, "sqlite")
def _yes_no_on_sqlite(element: _Named, compiler: SQLCompiler, **kw: Any) -> str:
    name, value = (compiler.process(each, **kw) for each in element.clauses)
    return f"json_object({name}, json({value}))"


@compiles(_NamedYesNo, "postgresql")
def _yes_no_on_postgresql(element: _Named, compiler: SQLCompiler, **kw: Any) -> str:
    name, value = (compiler.process(each, **kw) for each in element.clauses)
    return f"jsonb_build_object(CAST({name} AS TEXT), CAST({value} AS JSONB))"


def with_value(name: str, value: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
    """`lead.attributes` with one attribute set to a value of the statement, of a type of field."""
    named = _NamedYesNo if kind == "yes_no" else _Named
    return _Merged(LEAD.attributes, named(literal(name), value))


class Unseen(FunctionElement[str]):
    """The text if something in it is never seen, or breaks the line: no name has that."""

    type = String()
    inherit_cache = True


_UNSEEN = "[\x01-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"


@compiles(Unseen, "sqlite")
def _unseen_on_sqlite(element: Unseen, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    return f"(CASE WHEN {text} GLOB '*{_UNSEEN}*' THEN {text} END)"


@compiles(Unseen, "postgresql")
def _unseen_on_postgresql(element: Unseen, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    return f"(CASE WHEN {text} ~ '{_UNSEEN}' THEN {text} END)"
