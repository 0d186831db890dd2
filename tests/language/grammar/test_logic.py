"""What conditions say about each other is true of everybody."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nurture.language.grammar.conditions import AllOf
from nurture.language.grammar.logic import implies, impossible
from nurture.language.grammar.parsing import parse_condition
from tests.conditions import drawn
from tests.conditions.people import (
    HALF_LIVES,
    NAMES,
    TEXTS,
    VALUES,
    Person,
)
from tests.conditions.reference import holds
from tests.fixtures_ledger import NOW

often = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)
chance = random.Random(7)


def anybody(number: int) -> Person:
    some = chance.choice
    return Person(
        id=number,
        country=some(TEXTS),
        email=some([None, "a@example.test"]),
        lifecycle=some(["lead", "mql", "customer"]),
        attributes={name: some(VALUES) for name in NAMES if chance.random() < 0.8},
        entries=[
            (
                some(["behaviour", "fit"]),
                some([-30.0, 5.0, 20.0, 60.0]),
                some(HALF_LIVES),
                NOW,
                False,
            )
            for _ in range(number % 3)
        ],
    )


CROWD = [anybody(number) for number in range(150)]
simple = st.one_of(drawn.fields, drawn.score_tests)


@often
@given(st.lists(simple, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))))
def test_nobody_meets_what_is_said_to_be_impossible(condition: Any) -> None:
    assume(impossible(condition))
    assert not any(holds(condition, who, NOW, None) for who in CROWD)


@often
@given(st.one_of(*(st.tuples(each, each) for each in (drawn.fields, drawn.score_tests))))
def test_who_meets_one_meets_what_it_is_said_to_imply(pair: tuple[Any, Any]) -> None:
    one, other = pair
    assume(implies(one, other))
    for who in CROWD:
        assert not holds(one, who, NOW, None) or holds(other, who, NOW, None)


@pytest.mark.parametrize(
    "written",
    [
        {"score": {"at_least": 50, "below": 30}},
        {"all": [{"score": {"at_least": 50}}, {"score": {"below": 50}}]},
        {"all": [{"country": ["DE", "AT"]}, {"country": "FR"}]},
        {"all": [{"country": "DE"}, {"not": {"country": "DE"}}]},
        {"all": [{"company": {"known": False}}, {"company": {"contains": "x"}}]},
        {"any": [{"score": {"below": 3, "above": 4}}, {"fit": {"above": 5, "at_most": 5}}]},
        {"tags": "a", "any": [{"score": {"below": 3, "above": 4}}]},
    ],
)
def test_contradictions_are_found(written: Any) -> None:
    assert impossible(parse_condition(written))


@pytest.mark.parametrize(
    "written",
    [
        {"score": {"at_least": 50, "at_most": 50}},
        {"all": [{"country": ["DE", "AT"]}, {"country": "de"}]},
        {"all": [{"tags": "a"}, {"tags": "b"}]},
        {"any": [{"score": {"below": 3, "above": 4}}, {"fit": {"above": 5}}]},
        {"not": {"country": "DE"}, "company": {"known": False}},
    ],
)
def test_what_can_hold_is_not_called_a_contradiction(written: Any) -> None:
    assert not impossible(parse_condition(written))


@pytest.mark.parametrize(
    ("one", "other", "so"),
    [
        ({"score": {"at_least": 60}}, {"score": {"at_least": 40}}, True),
        ({"score": {"at_least": 40}}, {"score": {"at_least": 60}}, False),
        ({"score": {"above": 40}}, {"score": {"at_least": 40}}, True),
        ({"score": {"at_least": 40}}, {"score": {"above": 40}}, False),
        ({"score": {"between": [40, 50]}}, {"score": {"below": 51}}, True),
        ({"country": "DE"}, {"country": ["AT", "de"]}, True),
        ({"country": ["DE", "FR"]}, {"country": ["AT", "de"]}, False),
        ({"country": "DE", "tags": "a"}, {"tags": "a"}, True),
        ({"tags": "a"}, {"country": "DE", "tags": "a"}, False),
        ({"tags": "a"}, {"any": [{"country": "DE"}, {"tags": "a"}]}, True),
        ({"tags": "a"}, {"fit": {"at_least": 1}}, False),
    ],
)
def test_what_implies_what(one: Any, other: Any, so: bool) -> None:
    assert implies(parse_condition(one), parse_condition(other)) is so
