"""Prefect absent, killed or silent while a tick runs: the rows of a plain tick, and no picture."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from app.embedded.prefect_settings import prefect_client, prefect_environment
from flows import running, work
from nurture.ledger.tally import Tally
from tests.fixtures_ledger import empty
from tests.flows.conftest import Prefect, SeenPlay
from tests.flows.test_runs import begin, rows

pytestmark = [pytest.mark.flows, pytest.mark.xdist_group("prefect")]
LEADS = ("ann", "ben", "cem")


def _company(play: SeenPlay) -> SeenPlay:
    """A few leads who looked at a page, before any tick."""
    begin(play, *LEADS)
    for name in LEADS:
        play.event(name, "page_viewed")
    return play


@pytest.fixture
def plain(play: SeenPlay) -> dict[str, list[Any]]:
    """The rows of the same tick without Prefect; the ledger is as before it."""
    _company(play)
    play.tick("03-02 09:00")
    found = rows(play)
    assert len(found["message"]) == len(found["score_entry"]) == len(LEADS)
    empty(play.ledger)
    return found


def _between_batches(monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], None]) -> None:
    """There is trouble after the first batch of a pass, which leaves all its work to the second."""
    rescore, batches = work.rescore, iter([Tally(more=True)])

    def rescoring(*given: Any, **named: Any) -> Tally:
        first = next(batches, None)
        if first is None:
            return rescore(*given, **named)
        trouble()
        return first

    monkeypatch.setattr(work, "rescore", rescoring)


def _seen_again(play: SeenPlay) -> SeenPlay:
    """The same leads and engagements once more, before any tick."""
    return _company(SeenPlay(play.ledger, play.folder))


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
            _between_batches(monkeypatch, freeze)
        outcome = again.see("03-02 09:00")
    finally:
        os.kill(prefect.server.pid, signal.SIGCONT)
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain


def test_a_task_prefect_refuses_to_begin_is_done_without_it(
    play: SeenPlay, plain: Any, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no slot, no answer")

    again = _seen_again(play)
    monkeypatch.setattr(running, "_piece", refused)
    outcome = again.see("03-02 09:00")
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain


def test_a_server_killed_in_the_middle_costs_only_the_picture(
    play: SeenPlay, plain: Any, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = _seen_again(play)
    _between_batches(monkeypatch, prefect.kill)
    outcome = again.see("03-02 09:00")
    assert outcome.unseen
    assert not outcome.failures
    assert rows(again) == plain
