"""The right side of a condition: a bare value, a list, or a mapping of comparisons."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

from nurture.language.grammar.conditions import FieldType, Operator, Test, Value
from nurture.language.grammar.durations import parse_elapsed
from nurture.language.grammar.until import whole_days
from nurture.language.grammar.vocabulary import OPERATORS
from nurture.language.text.faults import Faults, Loc

TYPE_WORDS = {"text": "text", "number": "a number", "yes_no": "true or false", "date": "a date"}
NUMBER_ONLY = ("at_least", "at_most", "above", "below", "between")
DATE_ONLY = ("before", "after", "within")


def read_tests(value: Any, kind: FieldType | None, loc: Loc, faults: Faults) -> list[Test]:
    """Every comparison of `value` for a field of type `kind` (None: any type will do)."""
    if not isinstance(value, dict):
        return _is(value, kind, loc, faults)
    if not value:
        faults.add(loc, "wrong-value", "an empty test; write a value or a comparison")
    found = (
        read_test(name, argument, kind, (*loc, name), faults) for name, argument in value.items()
    )
    return [test for test in found if test is not None]


def _is(value: Any, kind: FieldType | None, loc: Loc, faults: Faults) -> list[Test]:
    many = isinstance(value, list)
    listed: list[Any] = value if many else [value]
    if not listed:
        faults.add(loc, "wrong-value", "an empty list of values never holds")
    good = [
        _fits(item, kind, (*loc, index) if many else loc, faults)
        for index, item in enumerate(listed)
    ]
    return [Test("is", tuple(listed))] if all(good) and listed else []


def _fits(value: Any, kind: FieldType | None, loc: Loc, faults: Faults) -> bool:
    if value is None:
        faults.add(loc, "wrong-value", "no value; to ask whether one is known write {known: false}")
    elif not isinstance(value, str | int | float | bool):
        faults.add(loc, "wrong-value", "a plain value is expected here")
    elif kind == "date":
        return _is_day(value, loc, faults)
    elif kind is not None and type_of(value) != kind:
        faults.add(loc, "wrong-type", f"the field holds {TYPE_WORDS[kind]}, not {_show(value)}")
    else:
        return True
    return False


def _is_day(value: Any, loc: Loc, faults: Faults) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        faults.add(loc, "bad-date", f'{_show(value)} is no date; write it as "2026-12-24"')
        return False
    return True


def type_of(value: Value) -> FieldType:
    """The type of field a plain value belongs in."""
    if isinstance(value, bool):
        return "yes_no"
    return "number" if isinstance(value, int | float) else "text"


def guess_type(value: Any) -> FieldType:
    """The type of field a test fits, for fields nobody declares any more."""
    sample = value
    if isinstance(sample, dict) and sample.keys() & set(DATE_ONLY):
        return "date"
    if isinstance(sample, dict):
        sample = next((v for k, v in sample.items() if k != "known"), "")
    if isinstance(sample, list):
        sample = sample[0] if sample else ""
    if isinstance(sample, bool):
        return "yes_no"
    return "number" if isinstance(sample, int | float) else "text"


def _show(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def read_test(
    name: str, argument: Any, kind: FieldType | None, loc: Loc, faults: Faults
) -> Test | None:
    """One named comparison, or None after noting what is wrong with it."""
    if name not in OPERATORS:
        faults.add(
            loc, "unknown-comparison", f'unknown comparison "{name}"', found=name, allowed=OPERATORS
        )
    elif name == "known":
        return _known(argument, loc, faults)
    elif name in NUMBER_ONLY:
        return _number(name, argument, kind, loc, faults)
    elif name in DATE_ONLY:
        return _date(name, argument, kind, loc, faults)
    else:
        return _text(name, argument, kind, loc, faults)
    return None


def _known(argument: Any, loc: Loc, faults: Faults) -> Test | None:
    if isinstance(argument, bool):
        return Test("known", (argument,))
    faults.add(loc, "wrong-value", '"known" takes true or false')
    return None


def _number(
    name: Any, argument: Any, kind: FieldType | None, loc: Loc, faults: Faults
) -> Test | None:
    if kind not in ("number", None):
        held = TYPE_WORDS[kind]
        faults.add(loc, "wrong-type", f'"{name}" compares numbers, and the field holds {held}')
        return None
    numbers = argument if name == "between" and isinstance(argument, list) else [argument]
    wanted = 2 if name == "between" else 1
    if len(numbers) != wanted or not all(_is_number(item) for item in numbers):
        form = "two numbers, as in [10, 50]" if wanted == 2 else "a number"
        faults.add(loc, "wrong-value", f'"{name}" takes {form}')
        return None
    if wanted == 2 and numbers[0] > numbers[1]:
        faults.add(loc, "wrong-value", '"between" takes the smaller number first')
        return None
    operator: Operator = name
    return Test(operator, tuple(numbers))


def _date(
    name: Any, argument: Any, kind: FieldType | None, loc: Loc, faults: Faults
) -> Test | None:
    """A day, `today`, or whole days from today; of `within` only those."""
    if kind != "date":
        held = f", and the field holds {TYPE_WORDS[kind]}" if kind else " of the lead"
        faults.add(loc, "wrong-type", f'"{name}" compares dates{held}')
        return None
    operator: Operator = name
    try:
        days = 0 if argument == "today" else whole_days(argument)
        return Test(operator, (days,))
    except ValueError:
        pass
    if name == "within":
        message = 'takes whole days from today on, as in "30 days", or up to today, "-30 days"'
        faults.add(loc, "wrong-value", f'"within" {message}')
        return None
    try:
        return Test(operator, (date.fromisoformat(argument).isoformat(),))
    except (TypeError, ValueError):
        message = f'"{name}" takes a date, as in "2026-12-24", today, or days from it, "-30 days"'
        faults.add(loc, "wrong-value", message)
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(
    name: Any, argument: Any, kind: FieldType | None, loc: Loc, faults: Faults
) -> Test | None:
    if kind not in ("text", None):
        held = TYPE_WORDS[kind]
        faults.add(loc, "wrong-type", f'"{name}" looks at text, and the field holds {held}')
        return None
    listed = argument if isinstance(argument, list) else [argument]
    if not listed or not all(isinstance(item, str) and item for item in listed):
        faults.add(loc, "wrong-value", f'"{name}" takes a text, or a list of texts of which any')
        return None
    operator: Operator = name
    return Test(operator, tuple(listed))


def read_duration(value: Any, loc: Loc, faults: Faults) -> timedelta | None:
    """A time that passes, as in `within: 7 days`."""
    try:
        return parse_elapsed(value)
    except ValueError as error:
        found, allowed = getattr(error, "found", str(value)), getattr(error, "allowed", ())
        faults.add(loc, "bad-duration", str(error), found=found, allowed=allowed)
        return None


def read_count(value: Any, least: int, loc: Loc, faults: Faults) -> int | None:
    """How many times, `least` or more; None where nothing is said."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        faults.add(loc, "wrong-value", f"a whole number of times, {least} or more")
        return None
    return value
