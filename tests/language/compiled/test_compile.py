"""Compiling: order, targets, keys, paths, windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.language.compiled import program as p
from nurture.language.compiled.compile import compile_sequence
from nurture.language.files.hours import window_hours
from nurture.language.files.sequence import SequenceModel, WindowModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.one_file import read
from tests.language.conftest import PLAIN


@pytest.fixture(scope="module")
def head() -> Workspace:
    data = (PLAIN / "nurture.yaml").read_bytes()
    model = read(Workspace, "nurture.yaml", data, LENIENT, name="nurture").model
    assert model is not None
    return model


def program(head: Workspace, text: str) -> p.Program:
    reading = read(SequenceModel, "x.yaml", text.encode(), LENIENT, name="x")
    assert reading.model is not None, reading.problems
    return compile_sequence(reading.model, head, definition_id=7, topics={"news": "events"})


HEADER = "sequence: s\ntopic: product-tips\nenter: {segment: {country: DE}}\nstages:\n"


def test_arms_follow_their_step_and_rejoin_behind_it(head: Workspace) -> None:
    compiled = program(
        head,
        HEADER
        + """
  - stage: one
    steps:
      - branch:
          - {when: {country: DE}, steps: [{update: {add_tags: de}}, {end: german}]}
          - {when: {country: AT}, steps: []}
          - {otherwise: [{score: 5}]}
      - send: news
""",
    )
    kinds = [(type(step).__name__, step.path, step.next) for step in compiled.steps]
    assert kinds == [
        ("EnterStage", "s/one", 1),
        ("Branch", "s/one/1", 5),
        ("Update", "s/one/1/arm 1/1", 3),
        ("End", "s/one/1/arm 1/2", 5),
        ("Score", "s/one/1/otherwise/1", 5),
        ("Send", "s/one/2", 6),
        ("End", "s", None),
    ]
    branch = compiled.steps[1]
    assert isinstance(branch, p.Branch)
    assert [target for _, target in branch.arms] == [2, 5]
    assert branch.otherwise == 4


def test_the_arms_of_a_split_share_what_is_not_held_out(head: Workspace) -> None:
    arms = "{b: {weight: 3, steps: [{score: 5}]}, a: {steps: []}}"
    compiled = program(
        head,
        f"{HEADER}  - stage: one\n    steps:\n"
        f"      - split: {{name: proof, arms: {arms}, hold_out: 20}}\n      - send: news\n",
    ).steps
    split = compiled[1]
    assert isinstance(split, p.Split)
    assert split.key == "split:proof#1"
    assert split.arms == (("b", 60.0, 2), ("a", 20.0, 3))
    assert (split.hold_out, split.next) == (20.0, 3)
    assert (compiled[2].path, compiled[2].next) == ("s/one/1/arm b/1", 3)


def test_a_goto_leads_to_the_step_of_that_name_before_or_behind(head: Workspace) -> None:
    compiled = program(
        head,
        f"{HEADER}  - stage: one\n    steps: [{{goto: last}}, {{id: first, wait: 1 day}}]\n"
        "  - stage: two\n    gate: {when: {score: 5}, within: 2 days, otherwise: [{goto: first}]}\n"
        "    steps: [{send: news}, {id: last, send: other}]\n",
    ).steps
    found = [(each.path, each.target, each.next) for each in compiled if isinstance(each, p.Goto)]
    assert found == [("s/one/1", 7, 2), ("s/two/gate/otherwise/1", 2, 6)]
    assert (compiled[7].path, compiled[2].path) == ("s/two/2", "s/one/2")


def test_a_gate_without_otherwise_ends_and_one_with_it_rejoins_the_stage(head: Workspace) -> None:
    text = (
        HEADER
        + "  - stage: one\n    gate: {when: {score: 5}, within: 2 days%s}\n"
        + "    steps: [{send: news}]\n"
    )
    plain = program(head, text % "").steps
    assert isinstance(plain[1], p.Gate)
    assert (plain[1].next, plain[1].otherwise) == (2, 3)
    armed = program(head, text % ", otherwise: [{score: 1}]").steps
    assert isinstance(armed[1], p.Gate)
    assert (armed[1].next, armed[1].otherwise, armed[2].next) == (3, 2, 3)


def test_keys_are_ids_or_kind_argument_and_ordinal(head: Workspace) -> None:
    steps = "[{send: news}, {wait: 2 days}, {send: {email: news, topic: product-tips}}"
    steps += ", {id: last, send: news}, {hand_off: true}]"
    compiled = program(head, f"{HEADER}  - stage: one\n    steps: {steps}\n")
    assert [step.key for step in compiled.steps] == [
        "stage:one", "send:news#1", "wait:2 days#1", "send:news#2", "last", "hand_off:#1",
        "end#closing",
    ]  # fmt: skip
    sends = [step.topic for step in compiled.steps if isinstance(step, p.Send)]
    assert sends == ["events", "product-tips", "events"]


def test_every_target_of_the_plain_sequences_lies_ahead(head: Workspace) -> None:
    for path in sorted(Path(PLAIN / "sequences").glob("*.yaml")):
        compiled = program(head, path.read_text(encoding="utf-8"))
        assert [step.position for step in compiled.steps] == list(range(len(compiled.steps)))
        for step in compiled.steps[:-1]:
            assert step.next is not None
            assert step.next > step.position


def test_equal_windows_share_a_key_and_another_holiday_gives_another(head: Workspace) -> None:
    one = WindowModel(days="mon-fri", hours="09:00-17:00", calendar="berlin")
    same = WindowModel(
        days=["mon", "tue", "wed,thu", "fri"], hours="09:00 - 17:00", calendar="berlin"
    )
    key, calendar = window_hours(one, head)
    assert window_hours(same, head) == (key, calendar)
    berlin = head.calendars["berlin"].model_copy(update={"closed": ("2026-06-01",)})
    edited = head.model_copy(update={"calendars": head.calendars | {"berlin": berlin}})
    assert window_hours(one, edited)[0] != key


def test_a_window_lies_within_its_calendar(head: Workspace) -> None:
    _, calendar = window_hours(
        WindowModel(days="mon-sun", hours="06:00-09:00", calendar="berlin"), head
    )
    assert calendar.week[0] == ((8 * 60, 9 * 60),)
    assert calendar.week[6] == ()
