"""A property of whatever type as one text, so that keys can be compared: `4711` is `"4711"`.

To the letter: `A1` is not `a1`, as keys of other systems are.  Lists, objects and nothing have no
such text.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from nurture.language.sql.values import OfDocument, parts_of


class PlainText(OfDocument):
    """A JSON text as it is, a number in digits, a boolean as `true` or `false`."""

    type = String()
    inherit_cache = True


@compiles(PlainText, "sqlite")
def _on_sqlite(element: PlainText, compiler: SQLCompiler, **kw: Any) -> str:
    where = ", ".join(parts_of(element, compiler, **kw))
    kind, value = f"json_type({where})", f"json_extract({where})"
    return (
        f"(CASE {kind} WHEN 'text' THEN {value} WHEN 'integer' THEN CAST({value} AS TEXT)"
        f" WHEN 'real' THEN CASE WHEN {value} = CAST({value} AS INTEGER)"
        f" THEN CAST(CAST({value} AS INTEGER) AS TEXT) ELSE CAST({value} AS TEXT) END"
        f" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END)"
    )


@compiles(PlainText, "postgresql")
def _on_postgresql(element: PlainText, compiler: SQLCompiler, **kw: Any) -> str:
    document, name = parts_of(element, compiler, **kw)
    text = f"{document} ->> {name}"
    return (
        f"(CASE jsonb_typeof({document} -> {name}) WHEN 'string' THEN {text}"
        f" WHEN 'number' THEN trim_scale(({text})::numeric)::text"
        f" WHEN 'boolean' THEN {text} END)"
    )
