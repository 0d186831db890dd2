"""Prefect absent, killed or silent while a tick runs: the rows of a plain tick, and no picture."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from app.prefect_settings import prefect_client, prefect_environment
from flows import work
from nurture.ledger.tally import Tally
from tests.fixtures_ledger import empty
from tests.flows.conftest import Prefect, SeenPlay
from tests.flows.test_runs import begin, rows

pytestmark = [pytest.mark.flows, pytest.mark.xdist_group("prefect")]
LEADS = ("ann", "ben", "cem")


@pytest.fixture
def plain(play: SeenPlay) -> dict[str, list[Any]]:
    """The rows of the same tick without Prefect; the ledger is as before it."""
    begin(play, *LEADS)
    play.tick("03-02 09:00")
    found = rows(play)
    assert len(found["message"]) == len(LEADS)
    empty(play.ledger)
    return found


def _once(monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], None]) -> list[int]:
    """In the middle of the tick, after the first of two batches of a stage, there is trouble."""
    advance, batches = work.advance, [0]

    def advancing(*given: Any, **named: Any) -> Tally:
        done = advance(*given, **named)
        batches[0] += 1
        if batches[0] == 1:
            trouble()
        return Tally(done.counts, more=done.more or batches[0] == 1)

    monkeypatch.setattr(work, "advance", advancing)
    return batches


def _seen_again(play: SeenPlay) -> SeenPlay:
    """The same leads and engagements once more, before any tick."""
    again = SeenPlay(play.ledger, play.folder)
    begin(again, *LEADS)
    return again


def test_a_server_that_is_not_there_is_not_needed(
    play: SeenPlay, plain: Any, prefect: Prefect
) -> None:
    again = _seen_again(play)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with prefect_client(os.environ, prefect_environment(prefect.home, nobody)):
            outcome = again.see("03-02 09:00")
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain
    assert not prefect.runs()


@pytest.mark.parametrize("when", ["before", "in the middle"])
def test_a_server_that_accepts_and_never_answers_is_left_to_itself(
    play: SeenPlay, plain: Any, prefect: Prefect, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    again = _seen_again(play)

    def freeze() -> None:
        os.kill(prefect.server.pid, signal.SIGSTOP)

    try:
        if when == "before":
            freeze()
        else:
            _once(monkeypatch, freeze)
        outcome = again.see("03-02 09:00")
    finally:
        os.kill(prefect.server.pid, signal.SIGCONT)
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain


def test_a_server_killed_in_the_middle_costs_only_the_picture(
    play: SeenPlay, plain: Any, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = _seen_again(play)
    batches = _once(monkeypatch, prefect.kill)
    outcome = again.see("03-02 09:00")
    assert batches[0] > 1
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain
