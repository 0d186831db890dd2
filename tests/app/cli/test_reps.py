"""`nurture reps`: who takes leads now, and the switch."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.instants import LATEST
from app.clocks import wall_clock
from tests.app.cli.conftest import Run, document

SOON = f"{wall_clock() + LATEST / 100:%Y-%m-%d}"


def test_the_list_says_who_takes_leads_and_what_they_have(run: Run) -> None:
    lines = run("reps", "list").stdout.splitlines()
    assert lines[0].split() == [
        "rep", "team", "now", "open", "today", "weight", "skills", "last", "lead",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["bo", "mareike", "owen", "alicia", "theo"]
    rows = document(run("reps", "list", "--json"))["reps"]
    assert (rows[0]["rep"], rows[0]["teams"], rows[0]["open"]) == ("bo", ["enterprise"], 1)
    assert (rows[1]["room"], rows[1]["per_day"]) == (15, None)


def test_a_pause_is_seen_survives_an_apply_and_ends_by_hand(run: Run, folder: Path) -> None:
    said = run("reps", "pause", "bo", "--until", SOON, "--reason", "ill")
    assert said.exit_code == 0, said.output
    assert said.stdout == f"bo is paused until {SOON} 00:00 in Europe/Berlin: nothing new comes.\n"
    file = folder / "handoff.yaml"
    file.write_text(file.read_text().replace("room: 15", "room: 16"))
    assert run("apply").exit_code == 0
    bo, mareike, *_ = document(run("reps", "list", "--json"))["reps"]
    assert (bo["state"], bo["reason"], mareike["room"]) == ("paused", "ill", 16)
    assert "(ill)" in run("reps", "list").stdout
    assert document(run("reps", "pause", "bo", "--json"))["changed"] is False
    assert document(run("reps", "resume", "bo", "--json"))["changed"] is True
    assert run("reps", "resume", "bo").stdout == "bo was not paused.\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("pause", "boo"), 1, "'boo' is not a rep of handoff.yaml; there is bo, mareike"),
        (("pause", "bo", "--until", "2020-01-01"), 1, "is over: say an instant that is still"),
        (("pause", "bo", "--until", "tomorrow"), 2, "'tomorrow' is no instant; write 2026-03-09"),
        (("pause", "bo", "--until", "0001-01-01T00:00+14:00"), 2, "is no instant"),
        (("pause", "bo", "--until", "9999-12-31T23:59-14:00"), 2, "is no instant"),
        (("pause", "bo", "--until", "9999-12-31"), 1, "more than ten years ahead"),
        (("resume", "b\x1b[31mo"), 1, "is not a rep"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    done = run("reps", *words)
    assert done.exit_code == code
    assert said in done.stderr
    assert "\x1b" not in done.stderr


def test_a_plan_says_what_becomes_of_the_leads_of_who_is_gone(run: Run, folder: Path) -> None:
    file = folder / "handoff.yaml"
    text = file.read_text()
    assert run("handoffs", "give", "1", "owen").exit_code == 0
    begin, end = text.index("      - rep: owen\n"), text.index("  smb:\n")
    file.write_text(text[:begin] + text[end:])
    for _ in range(2):
        lines = run("plan").stdout.splitlines()
        assert lines[-2:] == [
            "open handoffs of reps and teams that are gone:",
            "          1 of owen (enterprise): to the queue of enterprise",
        ]
    assert document(run("plan", "--json"))["handoffs"] == [
        {"team": "enterprise", "rep": "owen", "handoffs": 1, "to": "enterprise"}
    ]
    assert run("apply").exit_code == 0
    assert document(run("handoffs", "show", "1", "--json"))["rep"] == ""
    assert "owen is gone from handoff.yaml" in run("lead", "timeline", "ann@example.test").stdout
    assert document(run("plan", "--json"))["handoffs"] == []
