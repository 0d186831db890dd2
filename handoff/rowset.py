"""The rows a definition says (teams, windows, rungs, territories) as a table SQL can join."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, Text, cast, literal, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from nurture.ledger.types import to_micros

Columns = Mapping[str, TypeEngine[Any]]
"""The names and types of a row's values."""


def rowset(
    name: str, columns: Columns, rows: Sequence[tuple[Any, ...]]
) -> CTE:
    """A common table expression of these rows, however many: one value is bound, a JSON list."""
    listed = literal(json.dumps(rows, ensure_ascii=False, default=to_micros), Text())
    row = _Rows(listed).table_valued("value", name=f"{name}_row")
    cells = (
        cast(_Cell(row.c.value, literal_column(str(place))), kind).label(column)
        for place, (column, kind) in enumerate(columns.items())
    )
    # Unless told to keep them, SQLite reads the JSON anew for every row they are joined to.
    return select(*cells).select_from(row).cte(name).prefix_with("MATERIALIZED")


class _Rows(FunctionElement[Any]):
    """The entries of a JSON list, one a row, as the column `value`."""

    inherit_cache = True


@compiles(_Rows, "sqlite")
def _rows_of_text(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Rows, "postgresql")
def _rows_of_document(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSONB))"


class _Cell(FunctionElement[Any]):
    """What stands at a place, counted from 0, of a JSON list."""

    inherit_cache = True


@compiles(_Cell, "sqlite")
def _cell_of_text(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    value, place = (compiler.process(each, **kw) for each in element.clauses)
    return f"json_extract({value}, '$[{place}]')"


@compiles(_Cell, "postgresql")
def _cell_of_document(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    value, place = (compiler.process(each, **kw) for each in element.clauses)
    return f"({value} ->> {place})"
