"""Scoring that would not mean what it says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nurture.language.checks.view import File, View, items, tables
from nurture.language.files.scoring import Scoring, parse_limit
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
    TopicTest,
)
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Node, Scalar, Table

_NOT_FIT = ("score", "behaviour", "fit", "grade", "event", "sequence", "handoff", "topic")


def fit(view: View) -> Iterator[Problem]:
    """Fit looks at who the lead is; what it did and its score would make it circular."""
    for file in view.of("scoring"):
        for loc, _ in tables(file, ("fit",)):
            for place in _subjects(file, (*loc, "when")):
                message = (
                    f'fit is about fields, tags and lifecycle; "{place[-1]}" belongs elsewhere'
                )
                yield file.problem(place, "fit-subject", message, key=True)
    for file, model in _models(view):
        for number, rule in enumerate(model.fit):
            for name in passing(rule.when):
                message = (
                    f'fit is judged when something new is known of a lead, not as days pass; ask'
                    f' "{name}" for a date, as in before: "2026-12-24"'
                )
                yield file.problem(("fit", number, "when"), "fit-subject", message, key=True)
            for name, subject in _in_segments(rule.when, ""):
                message = (
                    f'fit is about fields, tags and lifecycle; the segment "{name}" asks for'
                    f' "{subject}"'
                )
                yield file.problem(("fit", number, "when"), "fit-subject", message, key=True)


def _models(view: View) -> Iterator[tuple[File, Scoring]]:
    for file in view.of("scoring"):
        model = view.models.get(file.path)
        if isinstance(model, Scoring):
            yield file, model


def _in_segments(when: Condition, name: str) -> Iterator[tuple[str, str]]:
    """The subjects below segments that fit is not about, each with the outermost segment."""
    match when:
        case AllOf(parts, own):
            for part in parts:
                yield from _in_segments(part, name or own)
        case AnyOf(parts):
            for part in parts:
                yield from _in_segments(part, name)
        case Not(part):
            yield from _in_segments(part, name)
        case ScoreTest(subject, _) if name:
            yield name, subject
        case GradeTest() | EventTest() | SequenceTest() | HandoffTest() | TopicTest() if name:
            yield name, type(when).__name__.removesuffix("Test").lower()


def passing(when: Condition) -> Iterator[str]:
    """The fields whose dates are compared with today."""
    match when:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from passing(part)
        case Not(part):
            yield from passing(part)
        case FieldTest(name, _, "date", test):
            if test.operator != "known" and not isinstance(test.values[0], str):
                yield name


def _subjects(file: File, loc: Loc) -> Iterator[Loc]:
    node = file.at(loc)
    if not isinstance(node, Table):
        return
    for key, entry in node.entries.items():
        if key in _NOT_FIT:
            yield (*loc, key)
        elif key in ("all", "any", "not"):
            yield from _subjects(file, (*loc, key))
            for index, _ in enumerate(items(entry.node)):
                yield from _subjects(file, (*loc, key, index))


def margins(view: View) -> Iterator[Problem]:
    """A threshold re-arms below its line."""
    for file in view.of("scoring"):
        for loc, threshold in tables(file, ("thresholds",)):
            rearm = number(threshold.get("rearm"))
            if rearm is not None and rearm < 0:
                message = "the margin cannot be below zero: it says how far the score must fall"
                yield file.problem((*loc, "rearm"), "threshold-margin", message)


def grades(view: View) -> Iterator[Problem]:
    """Each grade begins below the one before it, and no two are called alike."""
    for file in view.of("scoring"):
        table = file.at(("grades",))
        entries = table.entries if isinstance(table, Table) else {}
        for (better, before), (name, entry) in pairwise(entries.items()):
            high, low = number(before.node), number(entry.node)
            if high is not None and low is not None and low >= high:
                message = (
                    f'the best grade stands first: "{name}" begins at {low:g}, not below'
                    f' "{better}" ({high:g})'
                )
                yield file.problem(("grades", name), "grade-order", message)
        seen: dict[str, str] = {}
        for name in entries:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                message = f'"{name}" and "{other}" are taken for each other; name one otherwise'
                yield file.problem(("grades", name), "duplicate-name", message, key=True)


def points(view: View) -> Iterator[Problem]:
    """A rule gives points, and its limit leaves room for them once (warnings)."""
    for file in view.of("scoring"):
        for part in ("behaviour", "fit"):
            for loc, rule in tables(file, (part,)):
                worth = number(rule.get("points"))
                if worth == 0:
                    message = "a rule worth no points changes nothing"
                    yield file.problem((*loc, "points"), "points", message, severity="warning")
                limit = _limit(rule.get("limit"))
                if worth is not None and limit is not None and limit < abs(worth):
                    message = f"the limit cuts off every {abs(worth):g} points at {limit:g}"
                    yield file.problem((*loc, "limit"), "points", message, severity="warning")


def number(node: Node | None) -> float | None:
    """The number of a scalar, None for anything else."""
    value = node.value if isinstance(node, Scalar) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _limit(node: Node | None) -> float | None:
    try:
        return parse_limit(node.value).points if isinstance(node, Scalar) else None
    except ValueError:
        return None


CHECKS = (fit, margins, grades, points)
