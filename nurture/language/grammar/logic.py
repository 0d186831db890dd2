"""What conditions say about each other: which can never hold, which always hold with another.

Both answers are sure when they are yes; a no means that nothing simple was found.  And which would
be too much to ask of a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from string import ascii_lowercase, ascii_uppercase

from nurture.language.grammar.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    GradeTest,
    Not,
    ScoreTest,
    Test,
    Value,
)

MOST_TESTS = 500
MOST_NAMED = 8
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True)
class _Range:
    """The numbers a test admits; an open edge is not among them."""

    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False

    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: _Range) -> _Range:
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return _Range(low, high, low_open, not closed)

    def within(self, other: _Range) -> bool:
        return self.meet(other) == self


def too_large(condition: Condition) -> bool:
    """It has more tests, with those of its segments, or segments in segments, than may be."""
    waiting, tests = [(condition, 0)], 0
    while waiting and tests <= MOST_TESTS:
        part, deep = waiting.pop()
        tests += 1
        if isinstance(part, AllOf | AnyOf):
            deep += bool(isinstance(part, AllOf) and part.name)
            if deep > MOST_NAMED:
                return True
            waiting += [(each, deep) for each in part.parts]
        elif isinstance(part, Not):
            waiting.append((part.part, deep))
    return tests > MOST_TESTS


def impossible(condition: Condition) -> bool:
    """No lead can ever meet it."""
    if isinstance(condition, AnyOf):
        return all(map(impossible, condition.parts))
    parts = list(conjuncts(condition))
    denied = [each.part for each in parts if isinstance(each, Not)]
    if any(part in parts for part in denied):
        return True
    if any(isinstance(each, AnyOf) and impossible(each) for each in parts):
        return True
    return any(_clash(parts, subject) for subject in {_subject(each) for each in parts} - {None})


def implies(condition: Condition, other: Condition) -> bool:
    """Every lead that meets the one meets the other."""
    if isinstance(other, AnyOf):
        return condition == other or any(implies(condition, part) for part in other.parts)
    here = list(conjuncts(condition))
    return all(any(_one_implies(each, wanted) for each in here) for wanted in conjuncts(other))


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """What must hold, all of it."""
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from conjuncts(part)
    else:
        yield condition


def _subject(part: Condition) -> tuple[str, ...] | None:
    """What of the lead it is about, where that has one value at a time."""
    if isinstance(part, FieldTest):
        return part.name, str(part.attribute), part.type
    return (part.which,) if isinstance(part, ScoreTest) else None


def _clash(parts: list[Condition], subject: tuple[str, ...] | None) -> bool:
    tests = [_test(part) for part in parts if _subject(part) == subject]
    known = [test.values[0] for test in tests if test.operator == "known"]
    if False in known and len(known) < len(tests):
        return True
    room, values = _Range(), None
    for test in tests:
        room = room.meet(_range(test) or _Range())
        if (some := _values(test)) is not None:
            values = some if values is None else values & some
    if room.empty():
        return True
    return values is not None and not any(_admits(room, value) for value in values)


def _one_implies(part: Condition, other: Condition) -> bool:
    if part == other:
        return True
    if isinstance(part, GradeTest) and isinstance(other, GradeTest):
        return set(part.grades) <= set(other.grades)
    if _subject(part) is None or _subject(part) != _subject(other):
        return False
    here, there = _test(part), _test(other)
    room, wanted = _range(here), _range(there)
    some, allowed = _values(here), _values(there)
    if some is not None:
        if allowed is not None:
            return some <= allowed
        return wanted is not None and all(_admits(wanted, value) for value in some)
    return room is not None and wanted is not None and room.within(wanted)


def _test(part: Condition) -> Test:
    assert isinstance(part, FieldTest | ScoreTest)
    return part.test


def _range(test: Test) -> _Range | None:
    """The numbers it admits, None when it is not about order."""
    numbers = [float(each) for each in test.values if isinstance(each, int | float)]
    match test.operator, numbers:
        case "at_least", [low]:
            return _Range(low=low)
        case "at_most", [high]:
            return _Range(high=high)
        case "above", [low]:
            return _Range(low=low, low_open=True)
        case "below", [high]:
            return _Range(high=high, high_open=True)
        case "between", [low, high]:
            return _Range(low, high)
    return None


def _values(test: Test) -> frozenset[Value] | None:
    """The values it admits, A to Z in any case; None when they cannot be counted."""
    if test.operator != "is":
        return None
    return frozenset(
        each.translate(_LOWER) if isinstance(each, str) else each for each in test.values
    )


def _admits(room: _Range, value: Value) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return room == _Range()
    return not room.meet(_Range(float(value), float(value))).empty()
