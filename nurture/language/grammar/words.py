"""Conditions said in plain words, for reasons and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from nurture.language.grammar.conditions import (
    AllOf,
    AnyOf,
    Condition,
    EventTest,
    FieldTest,
    GradeTest,
    HandoffTest,
    Not,
    ScoreTest,
    SequenceTest,
    TagTest,
    Test,
    TopicTest,
)
from nurture.language.grammar.durations import Span, say
from nurture.language.grammar.terms import DateEntry
from nurture.language.grammar.until import WEEKDAYS

OPERATORS = {
    "at_least": "at least",
    "at_most": "at most",
    "above": "above",
    "below": "below",
    "between": "between",
    "contains": "contains",
    "starts_with": "starts with",
    "matches": "matches",
}
NOTHING_ELSE = "nothing else held"
"""Why a lead went down the last way of a branch."""


OUTSIDE = "outside its sending window: goes when the window opens"
QUIET = "quiet hours of the lead: goes when they are over"
NEVER_OPENS = "its window is never open outside the quiet hours of the lead"
"""Why a mail did not go at an hour."""


def spread(length: timedelta) -> str:
    """Why a mail did not go at the first instant it could."""
    return f"spread over {say(length)}: goes at its place in them"


def describe(condition: Condition) -> str:
    """The condition as a clause: `country is DE and score at least 30`."""
    match condition:
        case AllOf(name=name) if name:
            return f"in {name}"
        case AllOf(parts):
            return _join(parts, " and ") or "always"
        case AnyOf(parts):
            return _join(parts, " or ") or "never"
        case Not(part):
            return f"not ({describe(part)})"
        case FieldTest(name=name, test=test):
            return f"{name} {_test(test)}"
        case ScoreTest(which, test):
            return f"{which} {_test(test)}"
        case EventTest():
            return _event(condition)
        case _:
            return _of_names(condition)


def _of_names(test: GradeTest | TagTest | TopicTest | SequenceTest | HandoffTest) -> str:
    match test:
        case GradeTest(names):
            head = "grade is"
        case TagTest(names):
            head = "tagged"
        case TopicTest(names):
            head = "may be written to about"
        case SequenceTest(names):
            head = "is or was in"
        case HandoffTest(names):
            head = "the handoff is"
    return f"{head} {' or '.join(names)}"


def passed(when: Condition) -> str:
    """Why a lead passed a gate."""
    return f"passed: {describe(when)}"


def closed(when: Condition, within: Span) -> str:
    """Why a gate sent a lead elsewhere."""
    return f"did not hold within {within}: {describe(when)}"


def drawn(split: str, arm: str, percent: float) -> str:
    """Why a lead went down an arm of a split."""
    return f"{drawn_for(split, arm)}{percent:.4g} %)"


def drawn_for(split: str, arm: str) -> str:
    """What every such reason of an arm begins with, whatever its percentage."""
    return f"{split}: drawn for {arm} ("


def followed(split: str, arm: str) -> str:
    """Why a lead went down the arm that won."""
    return f"{split}: follows the winner {arm}"


def held_out(split: str, percent: float) -> str:
    """Why a lead went down no arm of a split."""
    return f"{split}: held out ({percent:.4g} %)"


def reached(stage: str) -> str:
    """What is noted of a lead that comes into a stage."""
    return f"reached {stage}"


def went(step: str) -> str:
    """Why a lead went to another step."""
    return f"went to {step}"


def went_enough(step: str, times: int) -> str:
    """Why a lead went to another step no more."""
    return f"went to {step} {_times(times)} already"


def happened(event: EventTest) -> str:
    """Why a wait for an event ended before its time."""
    return f"happened: {describe(event)}"


def enters(when: Condition, date: DateEntry | None) -> str:
    """What lets a lead in."""
    if date is None:
        return describe(when)
    day = until(date.minute, None, date.field, timedelta(days=date.days))
    return f"{day} and {describe(when)}" if when != AllOf(()) else day


def until(minute: int | None, weekday: int | None, field: str, away: timedelta) -> str:
    """What a wait is for: `monday 09:00`, `30 days before renewal_on`."""
    day = field if weekday is None else WEEKDAYS[weekday]
    if away:
        day = f"{say(abs(away))} {'before' if away < timedelta(0) else 'after'} {day}"
    clock = "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"
    return " ".join(part for part in (day, clock) if part)


def not_known(field: str) -> str:
    """Why nobody waited for a date."""
    return f"{field} is not known: went on at once"


def kept(field: str, source: str, why: str) -> str:
    """Why nothing of the event was written to a field."""
    return f"{source} of the event {why}: {field} stays as it is"


def over(what: str) -> str:
    """Why nobody waited until an instant."""
    return f"{what} was over: went on at once"


def missed(events: Sequence[EventTest], within: Span) -> str:
    """Why a wait for events ended with its time."""
    return f"not within {within}: {' or '.join(map(describe, events))}"


def _join(parts: tuple[Condition, ...], word: str) -> str:
    return word.join(
        f"({describe(part)})" if isinstance(part, AnyOf) or _is_plain_all(part) else describe(part)
        for part in parts
    )


def _is_plain_all(part: Condition) -> bool:
    return isinstance(part, AllOf) and not part.name


def _test(test: Test) -> str:
    if test.operator == "known":
        return "is known" if test.values[0] else "is not known"
    values = [_value(value) for value in test.values]
    if test.operator == "is":
        return f"is {' or '.join(values)}"
    if test.operator in ("before", "after", "within"):
        return _of_date(test.operator, test.values[0])
    joined = (" and " if test.operator == "between" else " or ").join(values)
    return f"{OPERATORS[test.operator]} {joined}"


def _of_date(operator: str, value: object) -> str:
    """`is before 2026-12-24`, `is after today`, `is within the next 30 days`."""
    if not isinstance(value, int):
        return f"is {operator} {value}"
    days = say(timedelta(days=abs(value)))
    if operator == "within":
        return f"is within the {'next' if value > 0 else 'last'} {days}" if value else "is today"
    if not value:
        return f"is {operator} today"
    return f"is {operator} {'in ' if value > 0 else ''}{days}{'' if value > 0 else ' ago'}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _event(event: EventTest) -> str:
    text = event.kind
    said = [f"the same {name}" for name in event.same]
    said += [f"{name} {_test(test)}" for name, test in event.where]
    if said:
        text += f" with {', '.join(said)}"
    if event.at_least is not None:
        text += f" at least {_times(event.at_least)}"
    if event.at_most is not None:
        text += f" at most {_times(event.at_most)}" if event.at_most else " never"
    if event.within is not None:
        text += f" within {say(event.within)}"
    return text


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
