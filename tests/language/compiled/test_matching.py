"""Which step of a newer version is which of an older one, and what an edit is said to change."""

from __future__ import annotations

import pytest

from nurture.language.applied.differences import Difference, differences, step_differences
from nurture.language.compiled.compile import compile_sequence
from nurture.language.compiled.matching import matched
from nurture.language.compiled.program import Program
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.one_file import read
from tests.sequences.texts import WORKSPACE, sequence


def program(steps: str, *, second: str = "- wait: 3 days") -> Program:
    text = sequence(steps) + "\n  - stage: second\n    steps:\n      " + second
    model = read(SequenceModel, "flow.yaml", text.encode(), LENIENT, name="flow").model
    head = read(Workspace, "nurture.yaml", WORKSPACE.encode(), LENIENT, name="nurture").model
    assert model is not None
    assert head is not None
    return compile_sequence(model, head, definition_id=1, topics={})


OTHER = "- wait: 2 days\n- send: welcome\n- {id: hint, send: offer}\n- update: {add_tags: b}"
OLD = "- send: welcome\n- wait: 2 days\n- {id: hint, send: tips}\n- update: {add_tags: a}"


@pytest.mark.parametrize(
    ("steps", "gone", "known_as"),
    [
        (OLD, (), {}),
        (OTHER, (), {}),
        ("- send: welcome\n- {id: hint, send: tips}", ("wait:2 days#1", "update#1"), {}),
        (
            "- send: welcome\n- wait: 3 days\n- {id: hint, send: tips}\n- update: {add_tags: a}",
            (),
            {"wait:2 days#1": "wait:3 days#1", "wait:3 days#1": "wait:3 days#2"},
        ),
        (
            "- send: news\n- wait: 2 days\n- {id: other, send: tips}\n- update: {add_tags: a}",
            ("send:welcome#1", "hint"),
            {},
        ),
        ("- update: {add_tags: x}\n" + OLD, (), {"update#1": "update#2"}),
    ],
    ids=["nothing", "reordered", "taken out", "another length", "another id", "one more"],
)  # fmt: skip
def test_steps_are_matched(steps: str, gone: tuple[str, ...], known_as: dict[str, str]) -> None:
    old = program(OLD)
    pairs = matched(old, program(steps))
    assert {step.key for step in old.steps} - set(pairs) == set(gone)
    assert all(pairs[old] == new for old, new in known_as.items())
    assert len(set(pairs.values())) == len(pairs)


def test_an_edit_of_steps_is_said_by_step() -> None:
    new = program(
        "- {id: hint, send: offer}\n- send: welcome\n- wait: 4 days\n- send: news",
        second="- wait: 3 days",
    )
    assert step_differences(program(OLD), new) == [
        Difference("-", "flow/first/4", "Update the lead (add tag a)"),
        Difference("~", "flow/first/1", "Send tips", "Send offer"),
        Difference("~", "flow/first/3", "Wait 2 days", "Wait 4 days"),
        Difference("+", "flow/first/4", after="Send news"),
    ]


def test_a_step_that_only_moved_is_said_to_have() -> None:
    new = program(
        "- wait: 2 days\n- {id: hint, send: tips}\n- update: {add_tags: a}\n- send: welcome"
    )
    assert step_differences(program(OLD), new) == [
        Difference(">", "flow/first/4", "flow/first/1", "Send welcome")
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a: 1\nb: [x, y]", "a: 2\nb: [x]", ["~ a 1 2", "- b/y y "]),
        ("reps:\n- {rep: bo, room: 3}", "reps:\n- {rep: cy}\n- {rep: bo, room: 4}",
         ["~ reps/bo/room 3 4", "+ reps/cy  {rep: cy}"]),
        ("routing: [{when: {a: 1}, team: x}]", "routing: [{when: {a: 2}, team: x}]",
         ["~ routing/1/when/a 1 2"]),
        ("a: true", "a: {on: true}", ["~ a true {on: true}"]),
        ("a: 1\n# said anew", "a:    1", []),
    ],
)  # fmt: skip
def test_an_edit_of_other_files_is_said_by_place(before: str, after: str, said: list[str]) -> None:
    found = differences("handoff", before, after)
    assert [f"{d.sign} {d.place} {d.before} {d.after}" for d in found] == said


def test_of_a_sequence_all_but_its_steps_is_compared_by_place() -> None:
    found = differences(
        "sequence", sequence("- end: true"), sequence("- wait: 1 day", head="goal: {vip: true}\n")
    )
    assert found == [Difference("+", "goal", after="{vip: true}")]


def test_a_mail_is_compared_by_its_front_matter_and_its_lines() -> None:
    old = "---\nsubject: Hello\n---\n<p>one</p>\n<p>two</p>\n"
    new = "---\nsubject: Good day\n---\n<p>one</p>\n<p>2</p>\n<p>three</p>\n"
    assert differences("template", old, new) == [
        Difference("~", "subject", "Hello", "Good day"),
        Difference("~", "body", "1 line", "2 lines"),
    ]


def test_what_a_gate_a_branch_and_a_wait_for_an_event_ask_is_part_of_what_they_say() -> None:
    def asking(score: int, days: int) -> Program:
        arm = f"{{when: {{score: {{at_least: {score}}}}}, steps: [{{wait: 1 day}}]}}"
        waits = f"- wait_for: {{event: page_viewed}}\n  within: {days} days"
        return program(f"{waits}\n- branch: [{arm}]")

    assert step_differences(asking(30, 2), asking(45, 3)) == [
        Difference(
            "~", "flow/first/1", "Wait for page_viewed (within 2 days)",
            "Wait for page_viewed (within 3 days)",
        ),
        Difference(
            "~", "flow/first/2", "Branch (score at least 30)", "Branch (score at least 45)"
        ),
    ]  # fmt: skip
