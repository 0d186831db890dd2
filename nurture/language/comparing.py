"""The right side of a condition: a bare value, a list, or a mapping of comparisons."""

from __future__ import annotations

import math
from typing import Any

from nurture.language.conditions import FieldType, Operator, Test, Value
from nurture.language.faults import Faults, Loc
from nurture.language.vocabulary import LATER_OPERATORS, OPERATORS

TYPE_WORDS = {"text": "text", "number": "a number", "yes_no": "true or false", "date": "a date"}
NUMBER_ONLY = ("at_least", "at_most", "above", "below", "between")
TEXT_ONLY = ("contains", "starts_with", "matches")


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
    if kind == "date":
        faults.add(loc, "not-supported-yet", "comparing dates is not supported yet")
        return []
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
    elif kind is not None and type_of(value) != kind:
        faults.add(loc, "wrong-type", f"the field holds {TYPE_WORDS[kind]}, not {_show(value)}")
    else:
        return True
    return False


def type_of(value: Value) -> FieldType:
    """The type of field a plain value belongs in."""
    if isinstance(value, bool):
        return "yes_no"
    return "number" if isinstance(value, int | float) else "text"


def _show(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def read_test(
    name: str, argument: Any, kind: FieldType | None, loc: Loc, faults: Faults
) -> Test | None:
    """One named comparison, or None after noting what is wrong with it."""
    if name in LATER_OPERATORS:
        faults.add(loc, "not-supported-yet", f'the comparison "{name}" is not supported yet')
    elif name not in OPERATORS:
        faults.add(
            loc, "unknown-comparison", f'unknown comparison "{name}"', found=name, allowed=OPERATORS
        )
    elif name == "known":
        return _known(argument, loc, faults)
    elif name in NUMBER_ONLY:
        return _number(name, argument, kind, loc, faults)
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
    if kind == "date":
        faults.add(loc, "not-supported-yet", "comparing dates is not supported yet")
        return None
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
