"""Tests of dates in SQL: by the lead's own calendar day, and the days on which they change.

Days are whole numbers from 1970-01-01 on.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, literal, or_

from nurture.language.grammar.conditions import Test
from nurture.language.sql.values import two_valued

_FIRST = date(1970, 1, 1).toordinal()
Day = ColumnElement[Any]


def compare_day(day: Day, test: Test, today: Day) -> ColumnElement[bool]:
    """A test of a day; never NULL, false of a day that is not known."""
    limits = [_limit(value, today) for value in test.values]
    match test.operator:
        case "is":
            return two_valued(or_(*(day == limit for limit in limits)))
        case "before":
            return two_valued(day < limits[0])
        case "after":
            return two_valued(day > limits[0])
        case "within":
            ahead = int(test.values[0]) >= 0
            low, high = (today, limits[0]) if ahead else (limits[0], today)
            return two_valued(and_(day >= low, day <= high))
    return literal(value=False)


def _limit(value: Any, today: Day) -> Day:
    if isinstance(value, str):
        return literal(date.fromisoformat(value).toordinal() - _FIRST, BigInteger)
    return today + int(value)


def turning_days(day: Day, test: Test) -> list[Day]:
    """The days on which the test of this day changes, by the lead's calendar: at their first
    instant."""
    value = test.values[0]
    if isinstance(value, str) or test.operator not in ("before", "after", "within"):
        return []
    days = int(value)
    match test.operator:
        case "before":
            return [day - days + 1]
        case "after":
            return [day - days]
    return [day - days, day + 1] if days >= 0 else [day, day - days + 1]
