"""`nurture report reasons`: as a table, as a document, and when it is asked wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.cli.conftest import document, invoke, ledger_of
from tests.sequences.play import Play
from tests.sequences.texts import HANDOFF as TEAMS
from tests.sequences.texts import sequence

COMMAND = ("report", "reasons", "--workspace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with three handoffs: one rejected, one won, one open."""
    folder = tmp_path / "work"
    folder.mkdir()
    play = Play(ledger=None, folder=folder)  # type: ignore[arg-type]
    play.write("sequences/flow.yaml", sequence("- hand_off: smb"))
    play.write("handoff.yaml", TEAMS + "recycle: {reasons: [bad timing]}\n")
    assert invoke("apply", "-w", folder).exit_code == 0
    play = Play(ledger_of(folder), folder)
    for name in ("ann", "bea", "cem"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick()
    play.sales("ann", "reject", reason="bad timing: in May")
    play.sales("bea", "outcome", result="won", amount=1200.5)
    play.ledger.close()
    return folder


def test_a_table_of_what_came_of_handoffs_and_one_of_reasons(folder: Path) -> None:
    result = invoke(*COMMAND, folder, "--by", "sequence")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == [
        "sequence opened won amount won sent back of opened",
        "flow 3 1 1,200.5 1 33%",
        "",
        "sequence reason rejected recycled lost of opened",
        "flow bad timing 1 0 0 33%",
    ]


def test_the_same_as_a_document(folder: Path) -> None:
    found = document(invoke(*COMMAND, folder, "--since", "2026-01-01", "--json"))
    (line,) = found["lines"]
    assert (line["opened"], line["amount"], line["states"]["won"]) == (3, 1200.5, 1)
    (reason,) = line["reasons"]
    assert reason["reason"] == "bad timing"
    assert reason["counts"] == {"lost": 0, "rejected": 1, "recycled": 0}


def test_nothing_is_told_as_nothing(folder: Path) -> None:
    result = invoke(*COMMAND, folder, "--since", "2026-04-01")
    assert (result.exit_code, result.stdout.strip()) == (0, "No handoffs.")


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("--by", "sequense"), 1, "'sequense' is nothing to count by"),
        (("--since", "yesterday"), 2, "'yesterday' is no instant"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    folder: Path, asked: tuple[str, ...], code: int, said: str
) -> None:
    result = invoke(*COMMAND, folder, *asked)
    assert result.exit_code == code
    assert said in result.stderr
