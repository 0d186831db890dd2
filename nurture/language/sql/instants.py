"""Dates and instants that other systems write as text, read in SQL.

`2026-03-12`, `2026-03-12T15:30`, `2026-03-12 15:30:00.25`, and with a zone behind it: `Z`, `UTC`,
`+01:00`, `+0100`, `+01`.  A text that only begins like a date is that date; of anything else
nothing is known, and nothing is ever an error.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from nurture.language.sql.values import day_of
from nurture.ledger.localtime import DAY, MINUTE, SECOND

_DIGIT = "9"
"""What stands for any digit in a shape."""


class _Shaped(FunctionElement[str]):
    """The text if it has the shape (`99:99`, digits alone and what stands between them)."""

    type = String()
    inherit_cache = True


def _shaped(text: Any, shape: str) -> ColumnElement[Any]:
    pattern = "".join("[0-9]" if each == _DIGIT else each for each in shape)
    return _Shaped(text, literal(pattern))


@compiles(_Shaped, "sqlite")
def _by_glob(element: _Shaped, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern = (compiler.process(each, **kw) for each in element.clauses)
    return f"(CASE WHEN {text} GLOB {pattern} THEN {text} END)"


@compiles(_Shaped, "postgresql")
def _by_pattern(element: _Shaped, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern = (compiler.process(each, **kw) for each in element.clauses)
    return f"(CASE WHEN {text} ~ ('^' || {pattern} || '$') THEN {text} END)"


def layer(**columns: ColumnElement[Any]) -> Any:
    """One row of what is worked out of the row below, its columns by name: nothing is worked out
    twice, for no database looks through the LIMIT."""
    row = select(*(column.label(name) for name, column in columns.items()))
    return row.limit(1).subquery().c


def written(text: ColumnElement[Any]) -> Any:
    """A date, perhaps with a time of day, perhaps with a zone, as a row of `day` (from 1970-01-01
    on) and, in microseconds, `clock` (since midnight) and `east` (how far its zone is ahead of
    UTC); each NULL where the text does not say.

    `text` is a column of a row, or a scalar subquery.
    """
    said = layer(text=text)
    clock = _shaped(func.substr(said.text, 12, 5), "99:99")
    second = _shaped(func.substr(said.text, 17, 3), ":99")
    parted = func.substr(said.text, 11, 1).in_(("T", "t", " "))
    behind = case(
        (second.is_(None), func.substr(said.text, 17)),
        (func.substr(said.text, 20, 1).in_((".", ",")),
         func.ltrim(func.substr(said.text, 21), "0123456789")),
        else_=func.substr(said.text, 20),
    )  # fmt: skip
    cut = layer(
        day=day_of(said.text), clock=case((parted, clock)), second=second,
        zone=func.upper(func.trim(behind)),
    )  # fmt: skip
    ahead = layer(
        day=cut.day, clock=cut.clock, second=cut.second, zone=cut.zone, east=_east(cut.zone)
    )
    hours, minutes = _number(ahead.clock, 1), _number(ahead.clock, 4)
    seconds = func.coalesce(_number(ahead.second, 2), 0)
    real = and_(
        hours <= 23, minutes <= 59, seconds <= 59, or_(ahead.zone == "", ahead.east.is_not(None))
    )
    since_midnight = hours * (60 * MINUTE) + minutes * MINUTE + seconds * SECOND
    return layer(day=ahead.day, clock=case((real, since_midnight)), east=case((real, ahead.east)))


def _east(zone: ColumnElement[Any]) -> ColumnElement[Any]:
    """Microseconds ahead of UTC: of `+01:00`, `+0100`, `+01`."""
    digits = func.replace(func.substr(zone, 2), ":", "")
    known = func.coalesce(_shaped(digits, "9999"), _shaped(digits, "99") + "00")
    hours, minutes = _number(known, 1), _number(known, 3)
    ahead = hours * (60 * MINUTE) + minutes * MINUTE
    fits = and_(hours <= 15, minutes <= 59)
    sign = func.substr(zone, 1, 1)
    return case(
        (zone.in_(("Z", "UTC", "GMT")), literal(0, BigInteger())),
        (and_(sign == "+", fits), ahead),
        (and_(sign == "-", fits), -ahead),
    )


def _number(digits: ColumnElement[Any], first: int) -> ColumnElement[Any]:
    """Two digits of a text that is digits there, or NULL."""
    return cast(func.substr(digits, first, 2), BigInteger)


def day_begins(wall: ColumnElement[Any]) -> ColumnElement[Any]:
    """The midnight before, of microseconds of wall time."""
    return wall - wall % literal(DAY, BigInteger())
