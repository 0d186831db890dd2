"""Conditions from YAML to the tree, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nurture.language.grammar.conditions import (
    AllOf,
    AnyOf,
    Condition,
    EventTest,
    FieldTest,
    GradeTest,
    Not,
    ScoreTest,
    SequenceTest,
    TagTest,
    TopicTest,
)
from nurture.language.grammar.conditions import Test as Comparison
from nurture.language.grammar.parsing import parse_condition, parse_event
from nurture.language.grammar.vocabulary import Known

KNOWN = Known(
    fields={
        "employees": "number", "plan": "text", "trial": "yes_no", "renewal": "date",
        "score": "number",
    },
    events=frozenset({"plan_imported"}),
    grades=("A", "B"),
    topics=frozenset({"tips"}),
    sequences=frozenset({"welcome"}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ({"country": "DE"}, FieldTest("country", False, "text", Comparison("is", ("DE",)))),
        ({"plan": ["a", "b"]}, FieldTest("plan", True, "text", Comparison("is", ("a", "b")))),
        ({"trial": True}, FieldTest("trial", True, "yes_no", Comparison("is", (True,)))),
        (
            {"renewal": {"known": True}},
            FieldTest("renewal", True, "date", Comparison("known", (True,))),
        ),
        ({"attr.score": 3}, FieldTest("score", True, "number", Comparison("is", (3,)))),
        ({"score": {"above": 3}}, ScoreTest("score", Comparison("above", (3,)))),
        ({"fit": {"between": [1, 5]}}, ScoreTest("fit", Comparison("between", (1, 5)))),
        ({"tags": ["a", "b"]}, TagTest(("a", "b"))),
        ({"topic": "tips"}, TopicTest(("tips",))),
        ({"sequence": "welcome"}, SequenceTest(("welcome",))),
        ({"lifecycle": "mql"}, FieldTest("lifecycle", False, "text", Comparison("is", ("mql",)))),
        ({"not": {"tags": "a"}}, Not(TagTest(("a",)))),
        ({"any": [{"tags": "a"}, {"tags": "b"}]}, AnyOf((TagTest(("a",)), TagTest(("b",))))),
        (
            {"employees": {"at_least": 5, "below": 9}},
            AllOf(
                (
                    FieldTest("employees", True, "number", Comparison("at_least", (5,))),
                    FieldTest("employees", True, "number", Comparison("below", (9,))),
                )
            ),
        ),
        ({"grade": ["A", "B"]}, GradeTest(("A", "B"))),
        (
            {"event": "demo_booked", "same": "order_id", "within": "2 days"},
            EventTest("demo_booked", (), timedelta(days=2), same=("order_id",)),
        ),
        (
            {"renewal": {"within": "30 days", "after": "today"}, "created_at": "2026-03-02"},
            AllOf(
                (
                    FieldTest("renewal", True, "date", Comparison("within", (30,))),
                    FieldTest("renewal", True, "date", Comparison("after", (0,))),
                    FieldTest("created_at", False, "date", Comparison("is", ("2026-03-02",))),
                )
            ),
        ),
        (
            {
                "event": "plan_imported", "within": "2 days", "at_least": 2,
                "where": {"n": {"above": 3}},
            },
            EventTest("plan_imported", (("n", Comparison("above", (3,))),), timedelta(days=2), 2),
        ),
    ],
)  # fmt: skip
def test_a_condition_means_this_tree(value: Any, tree: Condition) -> None:
    assert parse_condition(value, KNOWN) == tree


@pytest.mark.parametrize(
    ("value", "rule", "loc"),
    [
        ({"plann": "x"}, "unknown-field", ("plann",)),
        ({"plan": {"at_least": 3}}, "wrong-type", ("plan", "at_least")),
        ({"employees": {"contains": "3"}}, "wrong-type", ("employees", "contains")),
        ({"employees": "many"}, "wrong-type", ("employees",)),
        ({"trial": ["yes"]}, "wrong-type", ("trial", 0)),
        ({"country": None}, "wrong-value", ("country",)),
        ({"country": []}, "wrong-value", ("country",)),
        ({"country": {}}, "wrong-value", ("country",)),
        ({"employees": {"between": [5, 1]}}, "wrong-value", ("employees", "between")),
        ({"employees": {"above": True}}, "wrong-value", ("employees", "above")),
        ({"renewal": "2026-13-01"}, "bad-date", ("renewal",)),
        ({"event": "demo_booked", "same": []}, "wrong-value", ("same",)),
        ({"event": "demo_booked", "same": {"id": 1}}, "wrong-value", ("same",)),
        ({"same": "id"}, "unknown-key", ("same",)),
        ({"grade": "D"}, "unknown-grade", ("grade",)),
        ({"grade": ["A", 3]}, "wrong-value", ("grade", 1)),
        ({"grade": {"at_least": "B"}}, "wrong-value", ("grade",)),
        ({"handoff": ["open", "opne"]}, "unknown-state", ("handoff", 1)),
        ({"any": [{"x": 1}, {"not": {"tags": 3}}]}, "wrong-value", ("any", 1, "not", "tags")),
        ({"within": "2 days"}, "unknown-key", ("within",)),
        ({"event": "plan_imported", "within": "soon"}, "bad-duration", ("within",)),
        ({"event": "plan_imported", "at_least": 0}, "wrong-value", ("at_least",)),
        ({"topic": "other"}, "unknown-topic", ("topic",)),
        ({}, "wrong-value", ()),
        ("hot leads", "unknown-segment", ()),
        (3, "wrong-value", ()),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: Any, rule: str, loc: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_condition(value, KNOWN)
    assert (rule, loc) in [(error["type"], error["loc"]) for error in caught.value.errors()]


def test_an_entry_event_takes_no_count_and_no_window() -> None:
    with pytest.raises(ValidationError, match="cannot stand beside this event"):
        parse_event({"event": "form_submitted", "within": "2 days"}, KNOWN)


def test_without_declared_names_the_type_of_a_field_is_guessed_from_its_test() -> None:
    assert parse_condition({"gone": {"at_least": 3}}) == FieldTest(
        "gone", True, "number", Comparison("at_least", (3,))
    )
