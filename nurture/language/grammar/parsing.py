"""Conditions from YAML values to the frozen tree of `conditions`.

A condition is a mapping of subjects to tests, all of which must hold; `all`, `any` and `not` nest.
The names allowed come with pydantic's validation context (`Known`); without one every name passes.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from nurture.language.grammar.comparing import guess_type, read_count, read_duration, read_tests
from nurture.language.grammar.conditions import (
    AllOf,
    AnyOf,
    Condition,
    EventTest,
    FieldTest,
    FieldType,
    GradeTest,
    HandoffTest,
    Not,
    ScoreTest,
    SequenceTest,
    TagTest,
    Test,
    TopicTest,
)
from nurture.language.grammar.logic import MOST_NAMED, MOST_TESTS, too_large
from nurture.language.grammar.vocabulary import (
    HANDOFF_STATES,
    LEAD_FIELDS,
    LENIENT,
    LIFECYCLES,
    SUBJECTS,
    Known,
)
from nurture.language.text.faults import Faults, Loc

OF_AN_EVENT = ("event", "where", "same")
EVENT_KEYS = (*OF_AN_EVENT, "within", "at_least", "at_most")
NOTHING = AllOf(())
UNREAD = TagTest(())
"""A segment that cannot be read, or is not there: nothing can be said of who is in it."""


class _Reader:
    """Reads one condition; problems are collected, and an unreadable part becomes NOTHING."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.faults = Faults()

    # -- the tree

    def condition(self, value: Any, loc: Loc) -> Condition:
        if isinstance(value, str):
            return self.segment_(value, loc, {})[0]
        if not isinstance(value, dict):
            message = "a condition is a mapping, as in {country: DE}, or the name of a segment"
            self.faults.add(loc, "wrong-value", message)
            return NOTHING
        if not value:
            self.faults.add(loc, "wrong-value", "an empty condition; write what must hold")
            return NOTHING
        parts = [part for key in value for part in self._subject(key, value, loc)]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _subject(self, key: str, whole: dict[str, Any], loc: Loc) -> list[Condition]:
        value, here = whole[key], (*loc, key)
        if key in EVENT_KEYS and key != "event":
            if "event" not in whole:
                self.faults.add(here, "unknown-key", f'"{key}" belongs beside an event')
            return []
        own = key == "grade" and key in self.known.fields and not self.known.grades
        if key in _READERS and not own:
            return _READERS[key](self, value, here, whole)
        return self.field(key, value, here)

    def _group(self, value: Any, loc: Loc) -> tuple[Condition, ...]:
        if isinstance(value, list) and value:
            return tuple(self.condition(part, (*loc, i)) for i, part in enumerate(value))
        if isinstance(value, dict):
            return (self.condition(value, loc),)
        self.faults.add(loc, "wrong-value", "a list of conditions is expected here")
        return ()

    def all_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        return [AllOf(self._group(value, loc))]

    def any_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        return [AnyOf(self._group(value, loc))]

    def not_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        if isinstance(value, list):
            return [Not(AnyOf(self._group(value, loc)))]
        return [Not(self.condition(value, loc))]

    # -- names

    def names(
        self, value: Any, loc: Loc, word: str, allowed: Set[str] | None = None
    ) -> tuple[str, ...]:
        """One name or a list of them; `word` says of what, and names the rule."""
        many = isinstance(value, list)
        listed: list[Any] = value if many else [value]
        if not listed:
            self.faults.add(loc, "wrong-value", f"an empty list; name a {word}")
        for index, name in enumerate(listed):
            here = (*loc, index) if many else loc
            if not isinstance(name, str):
                self.faults.add(here, "wrong-value", f"the name of a {word} is expected here")
            elif allowed is not None and name not in allowed:
                said = f'unknown {word} "{name}"{self._own(loc)}'
                if word == "segment" and name in self.known.all_events:
                    said = f'"{name}" is an event, not a segment; write: {{event: {name}}}'
                self.faults.add(
                    here, f"unknown-{word}", said, found=name, allowed=sorted(allowed)
                )
        return tuple(str(name) for name in listed)

    def _own(self, loc: Loc) -> str:
        """How a field of the workspace is written whose name is that of a subject."""
        key = loc[-1] if loc else ""
        return f'; the field "{key}" is written "attr.{key}"' if key in self.known.fields else ""

    def segment_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        known = self.known.segments
        found = self.names(value, loc, "segment", known.keys())
        parts = tuple(known.get(name, UNREAD) for name in found)
        return [parts[0] if len(parts) == 1 else AnyOf(parts)]

    def tags_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        return [TagTest(self.names(value, loc, "tag"))]

    def topic_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        allowed = self.known.topics if self.known.strict else None
        return [TopicTest(self.names(value, loc, "topic", allowed))]

    def sequence_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        allowed = self.known.sequences if self.known.strict else None
        return [SequenceTest(self.names(value, loc, "sequence", allowed))]

    def handoff_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        return [HandoffTest(self.names(value, loc, "state", frozenset(HANDOFF_STATES)))]

    # -- comparisons

    def score_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        which: Any = loc[-1]
        return [ScoreTest(which, test) for test in read_tests(value, "number", loc, self.faults)]

    def grade_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        if self.known.strict and not self.known.grades:
            message = 'scoring.yaml has no grades; write them there, as in "grades: {A: 20, B: 10}"'
            self.faults.add(loc, "unknown-grade", message)
        allowed = frozenset(self.known.grades) if self.known.strict and self.known.grades else None
        return [GradeTest(self.names(value, loc, "grade", allowed))]

    def lifecycle_(self, value: Any, loc: Loc, _: dict[str, Any]) -> list[Condition]:
        listed = value if isinstance(value, list) else [value]
        for index, name in enumerate(listed):
            if name not in LIFECYCLES:
                here = (*loc, index) if isinstance(value, list) else loc
                self.faults.add(
                    here, "unknown-lifecycle", f'unknown lifecycle "{name}"', found=str(name),
                    allowed=LIFECYCLES,
                )  # fmt: skip
        test = Test("is", tuple(str(name) for name in listed))
        return [FieldTest("lifecycle", False, "text", test)]

    def field(self, key: str, value: Any, loc: Loc) -> list[Condition]:
        name = key.removeprefix("attr.")
        attribute = key.startswith("attr.") or key not in LEAD_FIELDS
        declared: FieldType | None = self.known.fields.get(name) if attribute else LEAD_FIELDS[name]
        if declared is None and name in self.known.written:
            message = f'"{name}" is a segment, not a field; write: segment: {name}'
            self.faults.add(loc, "unknown-field", message, found=name)
            return []
        if declared is None and self.known.strict:
            allowed = [*SUBJECTS, *LEAD_FIELDS, *self.known.fields]
            self.faults.add(
                loc, "unknown-field", f'unknown field "{name}"', found=name, allowed=allowed
            )
            return []
        kind = declared or guess_type(value)
        tests = read_tests(value, kind, loc, self.faults)
        return [FieldTest(name, attribute, kind, test) for test in tests]

    # -- events

    def event_(self, value: Any, loc: Loc, whole: dict[str, Any]) -> list[Condition]:
        at = loc[:-1]
        within = whole.get("within")
        if within is not None:
            within = read_duration(within, (*at, "within"), self.faults)
        return [
            EventTest(
                kind=self.kind(value, loc),
                where=self.where(whole.get("where", {}), (*at, "where")),
                within=within,
                at_least=read_count(whole.get("at_least"), 1, (*at, "at_least"), self.faults),
                at_most=read_count(whole.get("at_most"), 0, (*at, "at_most"), self.faults),
                same=self.same(whole, at),
            )
        ]

    def kind(self, value: Any, loc: Loc) -> str:
        if not isinstance(value, str):
            self.faults.add(loc, "wrong-value", "the kind of an engagement is expected here")
        elif self.known.strict and value not in self.known.all_events:
            self.faults.add(
                loc, "unknown-event", f'unknown event "{value}"', found=value,
                allowed=self.known.all_events,
            )  # fmt: skip
        return str(value)

    def where(self, value: Any, loc: Loc) -> tuple[tuple[str, Test], ...]:
        if not isinstance(value, dict):
            self.faults.add(loc, "wrong-value", "`where` maps properties to tests: {form: trial}")
            return ()
        return tuple(
            (name, test)
            for name in value
            for test in read_tests(value[name], None, (*loc, name), self.faults)
        )

    def same(self, whole: dict[str, Any], loc: Loc) -> tuple[str, ...]:
        if "same" not in whole:
            return ()
        return self.names(whole["same"], (*loc, "same"), "property")


_READERS: dict[str, Callable[[_Reader, Any, Loc, dict[str, Any]], list[Condition]]] = {
    "all": _Reader.all_,
    "any": _Reader.any_,
    "not": _Reader.not_,
    "segment": _Reader.segment_,
    "tags": _Reader.tags_,
    "topic": _Reader.topic_,
    "sequence": _Reader.sequence_,
    "handoff": _Reader.handoff_,
    "score": _Reader.score_,
    "behaviour": _Reader.score_,
    "fit": _Reader.score_,
    "grade": _Reader.grade_,
    "lifecycle": _Reader.lifecycle_,
    "event": _Reader.event_,
}


def parse_condition(value: Any, known: Known = LENIENT) -> Condition:
    """Read a condition; a ValidationError carries every problem with its place."""
    reader = _Reader(known)
    condition = reader.condition(value, ())
    if too_large(condition):
        message = f"too much for one condition: {MOST_TESTS} tests, segments {MOST_NAMED} deep"
        reader.faults.add((), "too-large", f"{message} at most")
    reader.faults.settle()
    return condition


def parse_event(value: Any, known: Known = LENIENT) -> EventTest:
    """Read an event and its `where` alone: `{event: form_submitted, where: {form: trial}}`."""
    reader = _Reader(known)
    if isinstance(value, str):
        value = {"event": value}
    if not isinstance(value, dict) or "event" not in value:
        reader.faults.add(
            (), "wrong-value", "an event is expected here, as in {event: form_submitted}"
        )
        reader.faults.settle()
    for key in value:
        if key not in OF_AN_EVENT:
            reader.faults.add(
                (key,), "unknown-key", f'"{key}" cannot stand beside this event', found=key,
                allowed=OF_AN_EVENT,
            )  # fmt: skip
    kind = reader.kind(value["event"], ("event",))
    where = reader.where(value.get("where", {}), ("where",))
    same = reader.same(value, ())
    reader.faults.settle()
    return EventTest(kind, where, same=same)


def parse_kind(value: Any, known: Known = LENIENT) -> str:
    """Read the kind of an engagement."""
    reader = _Reader(known)
    kind = reader.kind(value, ())
    reader.faults.settle()
    return kind


def parse_where(value: Any, known: Known = LENIENT) -> tuple[tuple[str, Test], ...]:
    """Read what the properties of an engagement must be."""
    reader = _Reader(known)
    where = reader.where(value, ())
    reader.faults.settle()
    return where
