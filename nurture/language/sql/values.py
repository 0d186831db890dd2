"""A lead's own values and JSON properties as typed SQL, and comparisons of them.

The same on SQLite and PostgreSQL, and never an error:

- A value of another type than asked for is unknown (a number written as text is text), and so is
  an empty text.
- Texts are compared without regard to the case of A to Z; other letters are compared as they are.
- `matches` knows `*` (any run of characters) and `?` (one character) and takes the whole text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Numeric,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from nurture.language.grammar.comparing import type_of
from nurture.language.grammar.conditions import FieldType, Operator, Test
from nurture.ledger.statements.plans import one_of

ESCAPE = "!"
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def fold(text: str) -> str:
    """The text with A to Z in lower case, as `Folded` does it in SQL."""
    return text.translate(_LOWER)


class _Number(TypeDecorator[float]):
    """A number out of JSON: exact on PostgreSQL, whose floats refuse what is too large."""

    impl = Float
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Float())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> Any:
        exact = dialect.name == "postgresql" and value is not None
        return Decimal(repr(value)) if exact else value


class _Property(TypeDecorator[str]):
    """The name of a property of a JSON object: a path on SQLite, the name on PostgreSQL.

    SQLite compares names as they are written in the stored text, and writers differ in whether
    they escape other letters than ASCII: `escaped` looks for the other way to write it.
    """

    impl = String
    cache_ok = True

    def __init__(self, *, escaped: bool) -> None:
        super().__init__()
        self.escaped = escaped

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if dialect.name == "postgresql" or value is None:
            return value
        return f"$.{json.dumps(value, ensure_ascii=self.escaped)}"


class OfDocument(FunctionElement[Any]):
    """Something read out of (document, property name)."""

    inherit_cache = True

    @classmethod
    def at(cls, document: Any, name: str) -> ColumnElement[Any]:
        """What stands under a name in a JSON object, NULL when there is no such thing."""
        plain: ColumnElement[Any] = cls(document, literal(name, _Property(escaped=False)))
        if name.isascii():
            return plain
        return func.coalesce(plain, cls(document, literal(name, _Property(escaped=True))))


class Text(OfDocument):
    """A JSON string."""

    type = String()
    inherit_cache = True


class Number(OfDocument):
    """A JSON number."""

    type = _Number()
    inherit_cache = True


class YesNo(OfDocument):
    """A JSON boolean, as the text `true` or `false`."""

    type = String()
    inherit_cache = True


class Kind(OfDocument):
    """The kind of JSON value, by the database's own word; a JSON null counts as nothing."""

    type = String()
    inherit_cache = True


class Folded(FunctionElement[str]):
    """A text with A to Z in lower case, compared byte by byte."""

    type = String()
    inherit_cache = True


class IsoDate(FunctionElement[str]):
    """The text if it begins like a date, `2026-12-24`, else NULL."""

    type = String()
    inherit_cache = True


def day_of(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Days from 1970-01-01 to the date a text begins with, NULL when it is none."""
    date = IsoDate(text)
    year, month, day = (
        cast(func.substr(date, first, length), BigInteger)
        for first, length in ((1, 4), (6, 2), (9, 2))
    )
    late = case((month > 2, 1), else_=0)  # March to December; a year is counted from March on
    years, months = year - 1 + late, month + 9 - 12 * late
    leaps = years // 4 - years // 100 + years // 400
    number = 365 * years + leaps + (153 * months + 2) // 5 + day - 719469
    real = and_(year >= 1, month.between(1, 12), day.between(1, 31))
    return case((real, number))


def parts_of(element: Any, compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
    """The document and the name in it, as they are written in a statement."""
    document, name = element.clauses
    return compiler.process(document, **kw), compiler.process(name, **kw)


_SQLITE = {
    Text: "CASE json_type({0}, {1}) WHEN 'text' THEN json_extract({0}, {1}) END",
    Number: "CASE WHEN json_type({0}, {1}) IN ('integer', 'real') THEN json_extract({0}, {1}) END",
    YesNo: "CASE WHEN json_type({0}, {1}) IN ('true', 'false') THEN json_type({0}, {1}) END",
    Kind: "nullif(json_type({0}, {1}), 'null')",
}
_POSTGRES = {
    Text: "CASE jsonb_typeof({0} -> {1}) WHEN 'string' THEN {0} ->> {1} END",
    Number: "CASE jsonb_typeof({0} -> {1}) WHEN 'number' THEN ({0} ->> {1})::numeric END",
    YesNo: "CASE jsonb_typeof({0} -> {1}) WHEN 'boolean' THEN {0} ->> {1} END",
    Kind: "nullif(jsonb_typeof({0} -> {1}), 'null')",
}
_FORMS: list[tuple[str, dict[Any, str]]] = [("sqlite", _SQLITE), ("postgresql", _POSTGRES)]


def _register(element: Any, dialect: str, form: str) -> None:
    @compiles(element, dialect)
    def _write(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
        return f"({form.format(*parts_of(element, compiler, **kw))})"


for _dialect, _forms in _FORMS:
    for _element, _form in _forms.items():
        _register(_element, _dialect, _form)


@compiles(Folded, "sqlite")
def _folded(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"lower({compiler.process(element.clauses, **kw)})"


@compiles(Folded, "postgresql")
def _folded_by_bytes(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **kw)}) COLLATE "C")'


_DIGITS = "[0-9]"
_GLOB = f"{_DIGITS * 4}-{_DIGITS * 2}-{_DIGITS * 2}*"


@compiles(IsoDate, "sqlite")
def _iso_date(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    return f"(CASE WHEN {text} GLOB '{_GLOB}' THEN {text} END)"


@compiles(IsoDate, "postgresql")
def _iso_date_by_pattern(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    return f"(CASE WHEN {text} ~ '^{_DIGITS}{{4}}-{_DIGITS}{{2}}-{_DIGITS}{{2}}' THEN {text} END)"


# ---------------------------------------------------------------- comparisons


def two_valued(test: ColumnElement[Any]) -> ColumnElement[bool]:
    """The test, false where it is unknown."""
    return func.coalesce(test, literal(value=False))


def compare_text(value: ColumnElement[Any], test: Test) -> ColumnElement[bool]:
    """A test of a text; never NULL."""
    known = and_(value.is_not(None), value != "")
    if test.operator == "known":
        return known if test.values[0] else two_valued(value == "") | value.is_(None)
    folded: ColumnElement[Any] = Folded(value)
    texts = [fold(each) for each in test.values if isinstance(each, str)]
    if test.operator == "is":
        return two_valued(and_(known, one_of(folded, texts)))
    like = [folded.like(_pattern(test.operator, text), escape=ESCAPE) for text in texts]
    return two_valued(and_(known, or_(literal(value=False), *like)))


def _pattern(operator: Operator, text: str) -> str:
    literally = text.replace(ESCAPE, ESCAPE * 2)
    literally = literally.replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")
    if operator == "contains":
        return f"%{literally}%"
    if operator == "starts_with":
        return f"{literally}%"
    if operator == "matches":
        return literally.replace("*", "%").replace("?", "_")
    raise ValueError(f"{operator!r} does not compare texts")


_NUMBERS: dict[str, Callable[[Any, list[Any], float], ColumnElement[bool]]] = {
    "at_least": lambda value, by, off: value >= by[0] - off,
    "at_most": lambda value, by, off: value <= by[0] + off,
    "above": lambda value, by, off: value > by[0] + off,
    "below": lambda value, by, off: value < by[0] - off,
    "between": lambda value, by, off: value.between(by[0] - off, by[1] + off),
}


def compare_number(
    value: ColumnElement[Any], test: Test, *, tolerance: float = 0
) -> ColumnElement[bool]:
    """A test of a number; never NULL.  Numbers within `tolerance` count as the same."""
    if test.operator == "known":
        return value.is_not(None) if test.values[0] else value.is_(None)
    by = [each for each in test.values if not isinstance(each, bool | str)]
    if test.operator != "is":
        return two_valued(_NUMBERS[test.operator](value, by, tolerance))
    if tolerance:
        near = [value.between(each - tolerance, each + tolerance) for each in by]
        return two_valued(or_(literal(value=False), *near))
    return two_valued(one_of(value, by))


def compare_yes_no(value: ColumnElement[Any], test: Test) -> ColumnElement[bool]:
    """A test of a yes or no given as the text `true` or `false`; never NULL."""
    if test.operator == "known":
        return value.is_not(None) if test.values[0] else value.is_(None)
    wanted = ["true" if each else "false" for each in test.values if isinstance(each, bool)]
    return two_valued(one_of(value, wanted))


def compare_property(document: Any, name: str, test: Test) -> ColumnElement[bool]:
    """A test of a property nobody declared a type for: the test's values say which; never NULL."""
    if test.operator == "known":
        text = Text.at(document, name)
        known = and_(Kind.at(document, name).is_not(None), func.coalesce(text, "-") != "")
        return known if test.values[0] else ~known
    ways: list[ColumnElement[bool]] = [
        compare_of_type(document, name, kind, Test(test.operator, values))
        for kind in ("text", "number", "yes_no")
        if (values := tuple(each for each in test.values if type_of(each) == kind))
    ]
    return or_(literal(value=False), *ways)


def compare_of_type(document: Any, name: str, kind: FieldType, test: Test) -> ColumnElement[bool]:
    """A test of a property of a declared type (dates are texts: only `known` is asked of them)."""
    if kind == "number":
        return compare_number(Number.at(document, name), test)
    if kind == "yes_no":
        return compare_yes_no(YesNo.at(document, name), test)
    return compare_text(Text.at(document, name), test)
