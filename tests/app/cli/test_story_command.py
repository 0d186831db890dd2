"""`nurture test`: what it says to people, programs and CI servers, and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import Result

from tests.app.cli.conftest import document, invoke

FLOW = """\
sequence: win-back
topic: product-tips
enter: {when: {event: form_submitted}}
stages:
  - stage: pause  # for a while
    steps: [{send: pick-up-again}, {wait: 1 day}, {send: talk-to-us}]
tests:
  # What must hold.
  - name: two mails & a "day" between
    lead: {first_name: Ann, timezone: Europe/Paris}
    story:
      - "2026-03-02 10:00": {event: form_submitted, with: {form: <b>}}
      - '2026-03-03 10:00': {expect: {sent: [pick-up-again, talk-to-us], state: completed}}  # both
"""
PLACE = "sequences/win-back.yaml"
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter workspace whose only tests are those of one small sequence."""
    folder = tmp_path_factory.mktemp("workspaces") / "new"
    assert invoke("init", folder).exit_code == 0
    for path in (folder / "sequences").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.partition("\n# What must")[0].partition("\ntests:")[0] + "\n")
    (folder / PLACE).write_text(FLOW)
    return folder


@pytest.fixture
def write(starter: Path) -> Make:
    """The workspace with other words in its tests."""

    def changed(*pairs: tuple[str, str]) -> Path:
        text = FLOW
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        (starter / PLACE).write_bytes(text.encode())
        return starter

    return changed


def told(folder: Path, *words: str | Path) -> Result:
    return invoke("test", *words, "-w", folder)


WRONG = ("sent: [pick-up-again, talk-to-us], state: completed", "sent: talk-to-us, state: goal")


def test_what_passes_is_counted(write: Make) -> None:
    result = told(write())
    assert result.exit_code == 0
    assert result.stdout == "win-back: 1 passed\n"


def test_what_fails_is_the_timeline_with_the_first_difference_marked(write: Make) -> None:
    result = told(write(WRONG))
    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[1] == (f'failed: win-back: two mails & a "day" between ({PLACE}:9:5)')
    assert lines[2] == "when what happened why by"
    assert lines[3].startswith("2026-03-02 10:00 lead lead@example.test became known")
    both = "expected sent: [talk-to-us], got [pick-up-again, talk-to-us]"
    assert lines[-5:] == [
        f">>> 2026-03-03 10:00 story {both} {PLACE}:13:39",
        f"then: expected state: goal, got completed ({PLACE}:13:57)",
        "Times in Europe/Paris.",
        "",
        "win-back: 0 passed, 1 failed",
    ]
    assert any("message talk-to-us" in line for line in lines), "the mail it is about"


def test_programs_get_one_document(write: Make) -> None:
    found = document(told(write(WRONG), "--json"))
    assert (found["passed"], found["failed"], found["rewritten"]) == (0, 1, {})
    (story,) = found["stories"]
    assert story["place"] == f"{PLACE}:9:5"
    assert story["passed"] is False
    assert story["differences"][0] == {
        "at": "2026-03-03T09:00:00+00:00",
        "key": "sent",
        "expected": ["talk-to-us"],
        "got": ["pick-up-again", "talk-to-us"],
    }
    assert story["timeline"][0]["what"] == "lead"


def test_ci_servers_get_junit_with_everything_escaped(write: Make, tmp_path: Path) -> None:
    file = tmp_path / "stories.xml"
    strange = ("form: <b>", 'form: "<b>]]>&\\u0001\\uFFFE"')
    assert told(write(WRONG, strange), "--junit", file).exit_code == 1
    root = ET.parse(file).getroot()
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "1", "1")
    (suite,) = root
    (case,) = suite
    assert suite.attrib | {"time": ""} == {
        "name": "win-back", "tests": "1", "failures": "1", "errors": "0", "skipped": "0",
        "time": "",
    }  # fmt: skip
    assert case.get("name") == 'two mails & a "day" between'
    assert (case.get("classname"), case.get("file"), case.get("line")) == ("win-back", PLACE, "9")
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.get("message", "").startswith("expected sent: [talk-to-us], got ")
    assert "<b>]]>&\N{REPLACEMENT CHARACTER}" in (failure.text or "")


def test_a_deed_that_cannot_be_done_is_an_error_and_is_never_updated(
    write: Make, tmp_path: Path
) -> None:
    file = tmp_path / "stories.xml"
    wrong = ("state: completed}}", "state: goal}}")
    deed = ("# both\n", '# both\n      - "2026-03-03 11:00": {sales: accept}\n')
    folder = write(wrong, deed)
    before = (folder / PLACE).read_bytes()
    result = told(folder, "--update", "--junit", file)
    assert result.exit_code == 1
    assert "2026-03-03 11:00 sales: the lead was not offered to sales yet" in result.stdout
    assert (folder / PLACE).read_bytes() == before
    (suite,) = ET.parse(file).getroot()
    assert [each.tag for each in suite[0]] == ["error"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_update_writes_what_came_of_it_and_not_another_byte(
    write: Make, end: str, mark: str
) -> None:
    folder = write()
    right = mark + FLOW.replace("\n", end)
    wrong = right.replace("talk-to-us], state: completed", "welcome], state: goal")
    assert wrong != right
    (folder / PLACE).write_bytes(wrong.encode())
    result = told(folder, "--update")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"{PLACE}: 2 expectations rewritten"
    assert (folder / PLACE).read_bytes() == right.encode()
    assert told(folder).exit_code == 0


def test_update_leaves_a_file_alone_in_which_nothing_differs(write: Make) -> None:
    folder = write()
    before = (folder / PLACE).stat().st_mtime_ns
    assert told(folder, "--update").exit_code == 0
    assert (folder / PLACE).stat().st_mtime_ns == before


def test_names_nobody_knows_are_wrong_usage_with_the_nearest(write: Make) -> None:
    folder = write()
    for words, said in (
        (["win-bak"], "no sequence with tests is called win-bak. Nearest: win-back."),
        (["--story", "two mails"], "no story is called “two mails”. There are: two mails & a"),
    ):
        result = told(folder, *words)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())


def test_a_story_is_played_alone(write: Make) -> None:
    folder = write()
    assert told(folder, "win-back", "--story", 'two mails & a "day" between').exit_code == 0


def test_without_tests_there_is_nothing_to_say_but_how_to_write_them(write: Make) -> None:
    folder = write()
    (folder / PLACE).write_text(FLOW.partition("tests:")[0])
    result = told(folder)
    assert result.exit_code == 0
    assert "No sequence has tests" in result.stdout


def test_files_with_errors_are_named_and_nothing_is_played(write: Make) -> None:
    result = told(write(("send: talk-to-us", "send: talk-to-you")))
    assert result.exit_code == 1
    assert 'unknown template "talk-to-you"; did you mean "talk-to-us"?' in result.stderr
    assert result.stdout == ""
