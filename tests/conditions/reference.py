"""What conditions mean, said a second time in plain Python."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from nurture.language.grammar import conditions as c
from tests.conditions.people import GRADED, Person

DEFAULTS = {"news": True, "offers": False}
NEARLY = 1e-6


def holds(condition: c.Condition, who: Person, now: datetime, since: datetime | None) -> bool:
    def inner(part: c.Condition) -> bool:
        return holds(part, who, now, since)

    match condition:
        case c.AllOf(parts):
            return all(inner(part) for part in parts)
        case c.AnyOf(parts):
            return any(inner(part) for part in parts)
        case c.Not(part):
            return not inner(part)
        case c.FieldTest():
            return of_field(condition, who, now)
        case c.ScoreTest() | c.GradeTest():
            return scored(condition, who, now)
        case c.TagTest(tags):
            return any(lower(a) == lower(b) for a in tags for b in who.tags)
        case c.TopicTest(topics):
            return may_hear(who, topics)
        case c.SequenceTest(sequences):
            return bool(set(sequences) & set(who.sequences))
        case c.HandoffTest(states):
            return handed(who, states)
        case c.EventTest():
            return did(condition, who, now, since)


def did(event: c.EventTest, who: Person, now: datetime, since: datetime | None) -> bool:
    times = len(occurrences(event, who, now, since))
    least = event.at_least
    if least is None:
        least = 1 if event.at_most is None else 0
    return times >= least and (event.at_most is None or times <= event.at_most)


def may_hear(who: Person, topics: Sequence[str]) -> bool:
    words = [who.consents.get(topic, DEFAULTS.get(topic, False)) for topic in topics]
    return any(words) and not who.suppressed


def handed(who: Person, states: Sequence[str]) -> bool:
    latest = who.handoffs[-1] if who.handoffs else ""
    return latest in states or ("open" in states and latest in ("offered", "accepted", "working"))


def of_field(asked: c.FieldTest, who: Person, now: datetime) -> bool:
    value = who.attributes.get(asked.name) if asked.attribute else getattr(who, asked.name)
    if asked.type == "date" and asked.test.operator != "known":
        return of_day(day_of(value), asked.test, now.date())
    return compare(of_type(value, asked.type), asked.test)


def occurrences(
    event: c.EventTest, who: Person, now: datetime, since: datetime | None
) -> list[datetime]:
    return [
        at
        for kind, at, properties in who.events
        if kind == event.kind
        and at <= now
        and (event.within is None or at > now - event.within)
        and (since is None or at >= since)
        and all(any_type(properties.get(name), test) for name, test in event.where)
        and all(same(properties.get(name), who.attributes.get(name)) for name in event.same)
    ]


def same(value: Any, entering: Any) -> bool:
    """In these tests the lead's own fields stand for the event that let it in."""
    return plain(value) is not None and plain(value) == plain(entering)


def plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def score(who: Person, now: datetime, which: str) -> float:
    total = 0.0
    for kind, points, half_life, at, withdrawn in who.entries:
        part = "fit" if kind == "fit" else "behaviour"
        if withdrawn or at > now or which not in ("score", part):
            continue
        total += points if half_life is None else points * 2 ** -((now - at) / half_life)
    return total


def scored(test: c.ScoreTest | c.GradeTest, who: Person, now: datetime) -> bool:
    if isinstance(test, c.GradeTest):
        return grade(score(who, now, "fit")) in test.grades
    return near(score(who, now, test.which), test.test)


def grade(fit: float) -> str:
    for name, least in GRADED.grades.items():
        if fit >= least - NEARLY:
            return name
    return ""


def lower(text: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)


def of_type(value: Any, kind: str) -> Any:
    fits = {
        "text": isinstance(value, str) and value != "",
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "yes_no": isinstance(value, bool),
        "date": isinstance(value, str) and value != "",
    }
    return value if fits[kind] else None


def day_of(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        return None


def of_day(day: date | None, test: c.Test, today: date) -> bool:
    if day is None:
        return False
    if test.operator == "is":
        return day.isoformat() in test.values
    value = test.values[0]
    limit = date.fromisoformat(value) if isinstance(value, str) else today + timedelta(int(value))
    if test.operator == "within":
        return min(today, limit) <= day <= max(today, limit)
    return day < limit if test.operator == "before" else day > limit


def any_type(value: Any, test: c.Test) -> bool:
    if test.operator == "known":
        return (value is not None and value != "") == test.values[0]
    return compare(value, test)


def compare(value: Any, test: c.Test) -> bool:
    if test.operator == "known":
        return (value is not None) == test.values[0]
    if isinstance(value, str) and value:
        texts = [lower(each) for each in test.values if isinstance(each, str)]
        return any(of_text(lower(value), test.operator, text) for text in texts)
    if isinstance(value, bool):
        return test.operator == "is" and any(each is value for each in test.values)
    if isinstance(value, int | float):
        numbers = [x for x in test.values if isinstance(x, int | float) and not isinstance(x, bool)]
        return of_number(value, test.operator, numbers, 0)
    return False


def near(value: float, test: c.Test) -> bool:
    if test.operator == "known":
        return bool(test.values[0])
    return of_number(value, test.operator, list(test.values), NEARLY)  # type: ignore[arg-type]


def of_text(value: str, operator: str, text: str) -> bool:
    if operator == "matches":
        pattern = re.sub(r"\[", "[[]", text)
        return fnmatch.fnmatchcase(value, pattern)
    return {
        "is": value == text,
        "contains": text in value,
        "starts_with": value.startswith(text),
    }.get(operator, False)


def of_number(value: float, operator: str, by: list[float], off: float) -> bool:
    if not by:
        return False
    return {
        "is": any(abs(value - each) <= off for each in by),
        "at_least": value >= by[0] - off,
        "at_most": value <= by[0] + off,
        "above": value > by[0] + off,
        "below": value < by[0] - off,
        "between": by[0] - off <= value <= by[-1] + off,
    }.get(operator, False)
