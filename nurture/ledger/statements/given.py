"""Prepared statements over many given numbers or rows: one parameter, however many there are.

For sending, which has rows at hand for every window.  An IN-list is written anew for every length,
and a dictionary of parameters a row costs more than changing the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psycopg.types.array import ListBinaryDumper
from sqlalchemy import (
    ColumnElement,
    Engine,
    LargeBinary,
    Text,
    bindparam,
    create_mock_engine,
    event,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Update
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, TypeDecorator, TypeEngine, UserDefinedType
from sqlmodel import Session

from nurture.ledger.statements.bulk import Rows, document

_SQLITE = create_mock_engine("sqlite://", lambda *_: None).dialect


class Numbers(TypeDecorator[Sequence[Any]]):
    """A list of whole numbers as one parameter: an array, or a JSON text on SQLite."""

    impl = Text
    cache_ok = True
    each: TypeEngine[Any] = BigInteger()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(self.each) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else document(list(value or ()))


class Texts(Numbers):
    """A list of texts in the same way."""

    cache_ok = True
    each = Text()


class Octets(UserDefinedType[list[bytes]]):
    """Many byte strings as one array of PostgreSQL.

    They go as they are: the driver's own way, as text, takes twice the room and much more time.
    """

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "BYTEA[]"

    def bind_processor(self, dialect: Dialect) -> Any:
        return _OctetList


class _OctetList(list[bytes]):
    pass


def attach(engine: Engine) -> None:
    """Teach every new connection of a PostgreSQL engine to send `Octets`."""

    @event.listens_for(engine, "connect")
    def _teach(connection: Any, _record: Any) -> None:
        connection.adapters.register_dumper(_OctetList, ListBinaryDumper)


class _Each(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


@compiles(_Each, "sqlite")
def _of_json(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    numbers = compiler.process(element.clauses, **kw)
    return f"(SELECT value FROM json_each({numbers}))"  # noqa: S608 - a bound parameter


@compiles(_Each, "postgresql")
def _of_array(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **kw)}))"


def in_given(column: ColumnElement[Any], name: str, *, texts: bool = False) -> ColumnElement[bool]:
    """`column` is one of the numbers, or texts, given at execution as the parameter `name`."""
    given = _Each(bindparam(name, type_=Texts() if texts else Numbers()))
    return column.op("IN", is_comparison=True)(given)


Given = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Change:
    """An UPDATE of each of many rows by values of its own.

    `build` writes it in terms of the given columns, by name; it must hold no other parameters.  On
    PostgreSQL it is one statement over unnested arrays, on SQLite one statement stepped with each
    row.
    """

    columns: Mapping[str, TypeEngine[Any]]
    build: Callable[[Given], Update]

    def run(self, session: Session, rows: Rows) -> None:
        """Apply to rows of stored values in the order of `columns`."""
        if not rows:
            return
        if session.get_bind().dialect.name == "postgresql":
            arrays = zip(self.columns, zip(*rows, strict=True), strict=True)
            session.execute(self._together, {name: list(values) for name, values in arrays})
            return
        statement, order = self._stepped
        picked = [tuple([row[at] for at in order]) for row in rows]
        session.connection().exec_driver_sql(statement, picked)

    @cached_property
    def _together(self) -> Update:
        arrays = [
            bindparam(name, type_=Octets() if isinstance(kind, LargeBinary) else ARRAY(kind))
            for name, kind in self.columns.items()
        ]
        given = func.unnest(*arrays).table_valued(*self.columns, name="given").render_derived()
        return self.build(given.c)  # type: ignore[arg-type]

    @cached_property
    def _stepped(self) -> tuple[str, list[int]]:
        given = {name: bindparam(name, type_=kind) for name, kind in self.columns.items()}
        compiled = self.build(given).compile(dialect=_SQLITE)
        names = list(self.columns)
        order = [names.index(name) for name in compiled.positiontup or ()]
        return str(compiled), order
