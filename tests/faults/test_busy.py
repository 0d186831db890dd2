"""A tick beside others who write all the time: what it wrote goes out, and it comes to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows import work
from flows.tick import LOOKS, ROUNDS, Outcome, jobs, run_piece
from nurture.ledger import ticks
from nurture.ledger.engine import Ledger
from tests.faults.test_ticks import MONDAY, Company, company

__all__ = ["company"]
Played = Callable[[timedelta | None], tuple[Outcome, list[str]]]


@pytest.fixture
def played(company: Company, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Played:
    """Plays a tick of Monday; says how it ended, and its jobs and looks in order.

    Whenever it has looked at leads all of them are touched anew, and a second has passed.
    """
    seen: list[str] = []
    score = work.score

    def disturbed(*given: Any, **how: Any) -> Any:
        seen.append("look")
        with ledger.begin() as session:
            ticks.touch_everybody(session)
        company.play.now += timedelta(seconds=1)
        return score(*given, **how)

    def play(longest: timedelta | None) -> tuple[Outcome, list[str]]:
        company.play.now, outcome = MONDAY, Outcome(MONDAY)
        for job in jobs(replace(company.play.runtime(), longest=longest), outcome):
            seen.append(job.name)
            for piece in job.pieces:
                run_piece(piece, outcome)
        return outcome, seen

    monkeypatch.setattr(work, "score", disturbed)
    return play


def test_mail_waits_for_a_few_looks_at_leads_and_not_for_all(played: Played) -> None:
    outcome, seen = played(None)
    assert outcome.failures == []
    assert seen[: seen.index("deliver")].count("look") <= LOOKS + 1
    assert seen.count("nurture") + seen.count("score") <= ROUNDS


def test_a_tick_ends_with_its_round_when_its_instant_is_long_over(played: Played) -> None:
    """What happens meanwhile happens after its instant, and is for the next one."""
    outcome, seen = played(timedelta(seconds=2))
    assert outcome.failures == []
    assert seen.count("nurture") + seen.count("score") == 1
    assert "deliver" in seen
    assert outcome.next_due is not None
    assert outcome.next_due <= MONDAY, "the next one is at once"
