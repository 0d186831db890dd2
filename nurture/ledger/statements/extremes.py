"""The smaller or larger of several values in one row, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import ReturnTypeFromArgs

from nurture.ledger.types import Instant

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class Least(ReturnTypeFromArgs[Any]):
    """The smallest of two or more values; give it no NULL (the databases differ on it)."""

    name = "least"
    inherit_cache = True


class Greatest(ReturnTypeFromArgs[Any]):
    """The largest of two or more values; give it no NULL."""

    name = "greatest"
    inherit_cache = True


@compiles(Least, "sqlite")
def _least(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"min({compiler.process(element.clauses, **kw)})"


@compiles(Greatest, "sqlite")
def _greatest(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"max({compiler.process(element.clauses, **kw)})"


def earliest(instants: list[ColumnElement[Any]]) -> ColumnElement[Any] | None:
    """The earliest of instants, NULLs left out; NULL when all are, None when none is given."""
    if len(instants) < 2:
        return instants[0] if instants else None
    never = literal(_NEVER, Instant())
    known = [func.coalesce(each, never) for each in instants]
    return type_coerce(func.nullif(Least(*known), never), Instant)
