"""Conditions drawn at random, only of the forms the reader lets pass."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from nurture.language.grammar import conditions as c
from tests.conditions.people import KINDS, NAMES, NUMBERS, SEQUENCES, TAGS, TEXTS, TOPICS

words = st.sampled_from([each for each in TEXTS if each])
patterns = st.sampled_from(["*", "?", "d*", "?E", "50%", "a_c", "a?c", "*o*", "x*y", "a!*", "[a]*"])
numbers = st.sampled_from([*NUMBERS, 5.0, 99.9])
known = st.booleans().map(lambda yes: c.Test("known", (yes,)))


def some(values: st.SearchStrategy[c.Value]) -> st.SearchStrategy[tuple[c.Value, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


text_tests = st.one_of(
    known,
    some(words).map(lambda values: c.Test("is", values)),
    some(words).map(lambda values: c.Test("contains", values)),
    some(words).map(lambda values: c.Test("starts_with", values)),
    some(patterns).map(lambda values: c.Test("matches", values)),
)
number_tests = st.one_of(
    known,
    some(numbers).map(lambda values: c.Test("is", values)),
    st.builds(
        lambda operator, value: c.Test(operator, (value,)),
        st.sampled_from(["at_least", "at_most", "above", "below"]),
        numbers,
    ),
    st.tuples(numbers, numbers).map(lambda two: c.Test("between", tuple(sorted(two)))),
)
yes_no_tests = st.one_of(known, some(st.booleans()).map(lambda values: c.Test("is", values)))
days = st.sampled_from([-400, -30, -1, 0, 1, 2, 30, 400])
some_days = st.sampled_from(["2026-03-01", "2026-03-02", "2026-04-01", "2024-02-29"])
passing_tests = st.builds(
    lambda operator, value: c.Test(operator, (value,)),
    st.sampled_from(["before", "after", "within"]),
    days,
)
date_tests = st.one_of(
    known,
    passing_tests,
    some(some_days).map(lambda values: c.Test("is", values)),
    st.builds(
        lambda operator, value: c.Test(operator, (value,)),
        st.sampled_from(["before", "after"]),
        some_days,
    ),
)
property_tests = st.one_of(
    text_tests,
    number_tests,
    some(st.one_of(words, numbers, st.booleans())).map(lambda values: c.Test("is", values)),
)
fields = st.one_of(
    text_tests.map(lambda test: c.FieldTest("country", False, "text", test)),
    known.map(lambda test: c.FieldTest("email", False, "text", test)),
    date_tests.map(lambda test: c.FieldTest("created_at", False, "date", test)),
    *(
        st.builds(
            lambda name, test, kind=kind: c.FieldTest(name, True, kind, test),
            st.sampled_from(NAMES),
            tests,
        )
        for kind, tests in (
            ("text", text_tests),
            ("number", number_tests),
            ("yes_no", yes_no_tests),
            ("date", date_tests),
        )
    ),
)  # fmt: skip
score_tests = st.builds(
    c.ScoreTest,
    st.sampled_from(["score", "behaviour", "fit"]),
    st.one_of(
        number_tests,
        st.integers(-20, 60).map(lambda line: c.Test("at_least", (line,))),
        st.integers(-20, 60).map(lambda line: c.Test("below", (line,))),
    ),
)
events = st.builds(
    c.EventTest,
    st.sampled_from(KINDS),
    st.one_of(st.just(()), property_tests.map(lambda test: (("email", test),))),
    st.sampled_from([None, timedelta(hours=24), timedelta(hours=72), timedelta(days=30)]),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([None, 0, 1, 3]),
    st.sampled_from([(), (), ("plan",), ("plan", "email")]),
)
grades = some(st.sampled_from(["A", "B", "C", "D", "gone"])).map(c.GradeTest)
rows = st.one_of(
    some(st.sampled_from(TAGS)).map(c.TagTest),
    some(st.sampled_from(TOPICS)).map(c.TopicTest),
    some(st.sampled_from(SEQUENCES)).map(c.SequenceTest),
    some(st.sampled_from(["open", "offered", "working", "lost", "lapsed", "won"])).map(
        c.HandoffTest
    ),
)


def trees(leaves: st.SearchStrategy[c.Condition]) -> st.SearchStrategy[c.Condition]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: c.AllOf(tuple(parts))),
            st.lists(inner, max_size=3).map(lambda parts: c.AnyOf(tuple(parts))),
            inner.map(c.Not),
        ),
        max_leaves=5,
    )


anything = trees(st.one_of(fields, score_tests, grades, events, rows))
dates = st.builds(
    lambda name, test: c.FieldTest(name, name != "created_at", "date", test),
    st.sampled_from([*NAMES, "created_at"]),
    passing_tests,
)
timely = trees(st.one_of(score_tests, grades, events, dates))
