"""Conditions by name: what they mean, and that a version keeps the meaning it was applied with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nurture.language.applied.differences import differences
from nurture.language.applied.loading import load_version
from nurture.language.grammar.conditions import AllOf, AnyOf, Not
from nurture.language.grammar.parsing import parse_condition
from nurture.language.grammar.segments import named, with_segments
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.grammar.words import describe
from nurture.language.reading.closing import closed
from nurture.language.text.source import parse
from nurture.language.text.tree import plain
from nurture.ledger.engine import Ledger
from tests.language.applied.test_versions import TRIAL, applied, statuses
from tests.language.conftest import Edit

DE = parse_condition({"country": "DE"})
LARGE = AllOf((parse_condition({"employees": {"at_least": 250}}),), "large")
SEGMENTS = {"german-large": {"all": ["large", {"country": "DE"}]},
            "large": {"employees": {"at_least": 250}}}  # fmt: skip
KNOWN = with_segments(LENIENT, SEGMENTS)
BOTH = AllOf((AllOf((LARGE, DE)),), "german-large")


@pytest.mark.parametrize(
    ("written", "meant", "said"),
    [
        ("large", LARGE, "in large"),
        ({"segment": "german-large"}, BOTH, "in german-large"),
        ({"segment": "large", "country": "DE"}, AllOf((LARGE, DE)), "in large and country is DE"),
        ({"segment": ["large", "german-large"]}, AnyOf((LARGE, BOTH)),
         "in large or in german-large"),
        ({"not": "large"}, Not(LARGE), "not (in large)"),
        ({"any": ["german-large", {"country": "DE"}]}, AnyOf((BOTH, DE)),
         "in german-large or country is DE"),
    ],
)  # fmt: skip
def test_a_name_stands_wherever_a_condition_can(written: Any, meant: Any, said: str) -> None:
    condition = parse_condition(written, KNOWN)
    assert condition == meant
    assert describe(condition) == said


def test_own_segments_go_before_those_of_nurture_yaml_also_inside_them() -> None:
    known = with_segments(KNOWN, {"large": {"employees": {"at_least": 50}}})
    smaller = AllOf((parse_condition({"employees": {"at_least": 50}}),), "large")
    assert parse_condition("german-large", known) == AllOf((AllOf((smaller, DE)),), "german-large")
    assert named(parse_condition("german-large", known)) == {"large", "german-large"}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nsegments:\n  own: {country: DE}\nb: |+\n  text\n\n",
        "  a: 1\n  b: two\n",
        "{a: 1, b: {c: 'yes'}}",
        "---\na: 1\nb: 2\n...\n",
        "a: 1\n# segments: no\nb: 2 # the end",
    ],
)
def test_a_file_is_closed_whatever_its_form(text: str) -> None:
    added = {"segments": {"own": {"country": "DE"}, "on": {"known": "09:00", "no": [1.5, True]}}}
    content: Any = plain(parse(text)[0])  # type: ignore[arg-type]
    made, faults = parse(closed(text, added))
    assert not faults
    assert plain(made) == content | added  # type: ignore[arg-type]
    assert closed(text, {}) == text


NAMED = "segments:\n  large: {employees: {at_least: 250}}  # since May\n  big: large\ncaps:\n"


def test_a_version_keeps_what_its_segments_meant(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    """A change of a segment makes new versions of what uses it, of nothing else; a comment none."""
    edit("nurture.yaml", "caps:\n", NAMED)
    edit(TRIAL, "when: {employees: {at_least: 250}, score", "when: {segment: big, score")
    edit("handoff.yaml", "when: {employees: {at_least: 250}}", "when: large")
    applied(ledger, workspace)
    edit("nurture.yaml", "since May", "since June")
    first, _ = applied(ledger, workspace)
    assert {name for name, status in statuses(first).items() if status != "same"} == {"nurture"}
    edit("nurture.yaml", "at_least: 250", "at_least: 500")
    second, definitions = applied(ledger, workspace)
    changed = {name for name, status in statuses(second).items() if status == "changed"}
    assert changed == {"nurture", "trial-welcome", "handoff"}
    assert definitions.unreadable == ()
    with ledger.begin() as session:
        old, row = load_version(session, "trial-welcome", 1)
        new, newer = load_version(session, "trial-welcome", 2)
        found = differences("sequence", row.source, newer.source)
    assert [(each.sign, each.place, each.before, each.after) for each in found] == [
        ("~", "segments/large/employees/at_least", "250", "500")
    ]
    assert len(old.steps) == len(new.steps)
    assert old.steps != new.steps
