"""A sequence's stories as text: what the file says without them, and they alone."""

from __future__ import annotations

import pytest

from nurture.language.text.parts import part, without

HEAD = "sequence: flow\ntopic: tips  # what for\n"
STAGES = "stages:\n  - {stage: a, steps: [{send: welcome}]}\n"
TESTS = 'tests:\n  - name: it goes\n    story:\n      - "2026-03-02 09:00": {event: poked}\n'


@pytest.mark.parametrize(
    ("whole", "left"),
    [
        (HEAD + STAGES + TESTS, HEAD + STAGES),
        (HEAD + STAGES + "\n# What must hold.\n" + TESTS, HEAD + STAGES),
        (HEAD + STAGES + "# the end\n\n" + TESTS, HEAD + STAGES + "# the end\n"),
        (HEAD + TESTS + STAGES, HEAD + STAGES),
        (HEAD + STAGES + "'tests': []\n", HEAD + STAGES),
        (HEAD + STAGES + TESTS.rstrip(), HEAD + STAGES),
        ((HEAD + STAGES + TESTS).replace("\n", "\r\n"), (HEAD + STAGES).replace("\n", "\r\n")),
        (HEAD + STAGES, HEAD + STAGES),
        ("tests: [", "tests: ["),
        ("{sequence: flow, tests: []}\n", "{sequence: flow, tests: []}\n"),
        ("description: |\n  tests:\n   - none\n", "description: |\n  tests:\n   - none\n"),
        ("- tests: []\n", "- tests: []\n"),
    ],
)
def test_a_sequence_without_its_tests_is_the_rest_of_the_file(whole: str, left: str) -> None:
    assert without(whole, "tests") == left
    assert len(left) + len(part(whole, "tests")) == len(whole)


def test_an_entry_comes_with_the_comment_above_it() -> None:
    whole = HEAD + "\n# Who is on the way.\nedits: {enrolled: move}\n" + STAGES + TESTS
    assert part(whole, "edits") == "\n# Who is on the way.\nedits: {enrolled: move}\n"
    assert part(whole, "tests") == TESTS
    assert part(whole, "topic") == "topic: tips  # what for\n"
    assert part(whole, "nothing") == ""
