"""`nurture report splits`: what it says of a split without mails, before and after a winner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.delivery.rehearsal import AcceptingTransport
from tests.app.cli.conftest import document, invoke, ledger_of
from tests.sequences.play import Play
from tests.sequences.test_sets import crowd
from tests.sequences.test_winner import FLOW, MANY, engaged, newcomers

COMMAND = ("report", "splits", "--workspace")


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A workspace on disk whose only sequence has a split, applied."""
    folder = tmp_path / "work"
    folder.mkdir()
    Play(ledger=None, folder=folder).write("sequences/flow.yaml", FLOW)  # type: ignore[arg-type]
    assert invoke("apply", "-w", folder).exit_code == 0
    ledger = ledger_of(folder)
    yield Play(
        ledger, folder, wrap=lambda runtime: replace(runtime, transport=AcceptingTransport())
    )
    ledger.close()


def said(play: Play) -> list[str]:
    result = invoke(*COMMAND, play.folder)
    assert result.exit_code == 0
    return result.stdout.splitlines()


def looked_at(play: Play, every: dict[str, int]) -> None:
    """Every so many-th lead of a mail clicked, and somebody came to the split afterwards."""
    crowd(play, MANY)
    play.tick()
    play.now += timedelta(days=2)
    engaged(play, "email_clicked", every=every)
    newcomers(play, "one")


def test_a_split_nobody_came_to_has_arms_and_says_when_it_is_looked_at(play: Play) -> None:
    assert said(play) == [
        "",
        "flow: proof, by clicks (flow/first/1)",
        "arm    share  sends  clicks   rate",
        "study   45 %      0       0  0.00%",
        "video   45 %      0       0  0.00%",
        "10 % are held out.",
        "Looked at when every arm has 50 sends, each a day old.",
    ]
    (line,) = document(invoke(*COMMAND, play.folder, "--json"))["splits"]
    assert (line["last"], line["next_at"]) == (None, 50)


def test_a_difference_that_may_be_chance_is_said_to_be_no_winner(play: Play) -> None:
    looked_at(play, {"offer": 5, "news": 6})
    assert said(play)[2:] == [
        "arm    share  sends  clicks    rate",
        "study   45 %     78      15  19.23%",
        "video   45 %     70      11  15.71%",
        "10 % are held out.",
        ("No winner yet. Look 1, 2026-03-04 08:00 (Europe/Berlin): study and video differ by"
        " -9.4 to +15.5 percentage points, p 1 (a winner needs less than 0.1)."),
        "Looked at again when every arm has 100 sends, each a day old.",
    ]


def test_a_winner_is_told_with_how_sure_it_is_and_by_how_much(play: Play) -> None:
    looked_at(play, {"offer": 2, "news": 20})
    assert said(play)[2:] == [
        "arm    share  sends  clicks    rate",
        "study   45 %     78      39  50.00%",
        "video   45 %     69       3   4.35%",
        "10 % are held out.",
        ("study has won. Look 1, 2026-03-04 08:00 (Europe/Berlin): study does better than video by"
        " +32.4 to +56.9 percentage points, p below 0.001 (under 0.1)."),
    ]
    (line,) = document(invoke(*COMMAND, play.folder, "--json"))["splits"]
    last = line.pop("last")
    assert line == {
        "sequence": "flow", "split": "proof", "path": "flow/first/1", "by": "click_rate",
        "after": 50, "confidence": 0.9, "hold_out": 10, "next_at": 0,
        "arms": [
            {"arm": "study", "share": 45, "sends": 78, "hits": 39, "rate": 0.5},
            {"arm": "video", "share": 45, "sends": 69, "hits": 3, "rate": 3 / 69},
        ],
    }  # fmt: skip
    assert (last["look"], last["winner"], last["against"]) == (1, "study", "video")
    assert (last["at"], last["best"]) == ("2026-03-04T07:00:00+00:00", "study")
    assert last["p"] < 1e-8
    assert 0.32 < last["low"] < 39 / 78 - 3 / 69 < last["high"] < 0.57


def test_replies_and_goals_are_called_so_and_without_a_winner_clicks_are_counted(
    play: Play,
) -> None:
    for by, word in (("reply_rate", "replies"), ("goal_rate", "goals")):
        play.apply(FLOW.replace("click_rate", by).replace("with_", "goal: {event: ordered}\nwith_"))
        assert said(play)[1:3] == [
            f"flow: proof, by {word} (flow/first/1)",
            f"arm    share  sends  {word}   rate",
        ]
    play.apply("\n".join(row for row in FLOW.splitlines() if "winner" not in row))
    assert said(play)[1] == "flow: proof, by clicks (flow/first/1)"
    assert said(play)[-1] == "10 % are held out."


def test_where_no_sequence_has_a_split_it_says_so(play: Play) -> None:
    play.apply("sequence: flow\ntopic: tips\nenter: {by: command}\n"
               "stages: [{stage: first, steps: [{send: offer}]}]\n")  # fmt: skip
    assert said(play) == ["No applied sequence has a split."]
    assert document(invoke(*COMMAND, play.folder, "--json")) == {"splits": []}
