"""The few rows a definition says (teams, windows, rungs) as a table SQL can join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, CompoundSelect, Select, false, literal, select, union_all
from sqlalchemy.types import TypeEngine

Columns = Mapping[str, TypeEngine[Any]]
"""The names and types of a row's values."""

_CHUNK = 200  # SQLite takes 500 members of one UNION ALL


def rowset(
    name: str, columns: Columns, rows: Sequence[tuple[Any, ...]]
) -> CTE:
    """A common table expression of these rows, every value bound with its column's type."""
    made = [_row(columns, row) for row in rows]
    if not made:
        empty = [None] * len(columns)
        return _row(columns, empty).where(false()).cte(name)
    chunks = [_union(made[at : at + _CHUNK]) for at in range(0, len(made), _CHUNK)]
    if len(chunks) == 1:
        return chunks[0].cte(name)
    return _union([select(chunk.subquery()) for chunk in chunks]).cte(name)


def _row(columns: Columns, values: Sequence[Any]) -> Select[Any]:
    pairs = zip(columns.items(), values, strict=True)
    return select(*(literal(value, kind).label(name) for (name, kind), value in pairs))


def _union(selects: Sequence[Select[Any]]) -> Select[Any] | CompoundSelect[Any]:
    return selects[0] if len(selects) == 1 else union_all(*selects)
