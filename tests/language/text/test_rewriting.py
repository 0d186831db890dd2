"""Rewriting values of a YAML file: those asked for, and not another byte."""

from __future__ import annotations

from typing import Any

import pytest

from nurture.language.text.rewriting import NotRewritten, flow, rewrite

PLAIN = "a: {sent: welcome, score: 38}  # why\nb: 1\n"
LISTED = "a:\n  sent:\n    - welcome  # at once\n    - tips\n  # and then\n  b: 1\n"

CASES: list[tuple[str, Any, str]] = [
    (PLAIN, {("a", "score"): 40}, PLAIN.replace("38", "40")),
    (PLAIN, {("a", "score"): 38.5}, PLAIN.replace("38", "38.5")),
    (PLAIN, {("a", "sent"): ["tips"]}, PLAIN.replace("welcome", "tips")),
    (PLAIN, {("a", "sent"): []}, PLAIN.replace("welcome", "[]")),
    (PLAIN, {("a", "sent"): ["a", "b"], ("a", "score"): 1},
     "a: {sent: [a, b], score: 1}  # why\nb: 1\n"),
    (LISTED, {("a", "sent"): ["welcome", "news"]}, LISTED.replace("tips", "news")),
    (LISTED, {("a", "sent"): ["welcome"]}, LISTED.replace("\n    - tips", "")),
    (LISTED, {("a", "sent"): ["welcome", "tips", "news"]},
     LISTED.replace("- tips\n", "- tips\n    - news\n")),
    ("a:\n- x  # one\n", {("a",): ["x", "y"]}, "a:\n- x  # one\n- y\n"),
    ("a:\r\n- x  # one", {("a",): ["x", "y"]}, "a:\r\n- x  # one\r\n- y\r\n"),
    ("a:\n- x\n- y  # two\nb: 1", {("a",): ["x"]}, "a:\n- x\nb: 1"),
    (LISTED, {("a", "sent"): []}, LISTED.replace("- welcome  # at once\n    - tips", "[]")),
    ("a: [x, y]  # two\n", {("a",): ["x", "z"]}, "a: [x, z]  # two\n"),
    ("a: [x,\n    y]\n", {("a",): ["x"]}, "a: [x]\n"),
    ("a: {x: '1'}\n", {("a",): [{"x": "it's"}]}, "a: {x: 'it''s'}\n"),
    ('a: {x: "1", y: "2"}\n', {("a",): [{"x": "1"}, {"y": "3"}]}, 'a: {x: "1", y: "3"}\n'),
    ('a: {x: "1"}\n', {("a",): [{"y": "09:00"}, {"z": "b"}]}, 'a: {y: "09:00", z: b}\n'),
    ('a: {x: "1"}\n', {("a",): [{"y": "a: b"}, {"y": "b"}]}, 'a: [{y: "a: b"}, {y: b}]\n'),
    ('a:\n  x: "1"  # so\n  y: b\nc: 1\n', {("a",): [{"x": "2"}, {"y": "b"}]},
     'a:\n  x: "2"  # so\n  y: b\nc: 1\n'),
    ("a: yes it is\n", {("a",): "true"}, 'a: "true"\n'),
    ("a: old\n", {("a",): "the cap is reached: goes on # later"},
     'a: "the cap is reached: goes on # later"\n'),
    ("a: old\n", {("a",): "2026-03-02 09:00"}, 'a: "2026-03-02 09:00"\n'),
    ("a: old\n", {("a",): "none"}, "a: none\n"),
    ('a: "old"\n', {("a",): "ne\u00b7w"}, 'a: "ne\u00b7w"\n'),
    ("a: >\n  old\n  text\nb: 1\n", {("a",): "new"}, 'a: "new"\nb: 1\n'),
    ("ä: 'ü'  # ö\r\na: 1\r\n", {("a",): 2}, "ä: 'ü'  # ö\r\na: 2\r\n"),
    ("a: 1", {("a",): 2}, "a: 2"),
    ("x:\n- {a: 1}\n- {a: 1}\n", {("x", 1, "a"): 2}, "x:\n- {a: 1}\n- {a: 2}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "changes", "after"), CASES)
def test_what_was_asked_for_is_changed_in_the_form_it_had(
    text: str, changes: dict[Any, Any], after: str
) -> None:
    assert rewrite(text, list(changes.items())) == after


@pytest.mark.parametrize(
    ("text", "loc"), [("a: 1\n", ("b",)), ("a: [1]\n", ("a", 1)), ("a: 1\n", ("a", "b")), ("", ())]
)
def test_what_does_not_stand_there_is_not_written(text: str, loc: Any) -> None:
    with pytest.raises(NotRewritten):
        rewrite(text, [(loc, 2)])


def test_a_file_with_an_alias_is_left_alone() -> None:
    with pytest.raises(NotRewritten):
        rewrite("a: &x [1]\nb: *x\n", [(("b",), [2])])


def test_values_are_written_on_one_line() -> None:
    assert flow([{"welcome": "2026-03-02 09:00"}, "tips", 3, 2.5, True]) == (
        '[{welcome: "2026-03-02 09:00"}, tips, 3, 2.5, true]'
    )
