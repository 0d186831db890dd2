"""A tick keeps its turn while it is at work, and ends where another has taken it over."""

from __future__ import annotations

from typing import Any

import pytest

from flows import tick, turn
from flows.tick import Outcome, jobs, run_piece
from nurture.ledger import ticks
from nurture.ledger.engine import Ledger
from nurture.ledger.ticks import LEASE
from tests.faults.test_ticks import MONDAY, Company, company

__all__ = ["company"]


def asked_by_another(ledger: Ledger, company: Company) -> bool:
    return ticks.take_turn(ledger, owner="another", clock=lambda: company.play.now)


def test_a_tick_at_work_for_many_leases_keeps_its_turn(
    company: Company, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "KEEP_EVERY", 0.0)
    company.play.now = MONDAY
    outcome, done = Outcome(MONDAY), 0
    for job in jobs(company.play.runtime(), outcome):
        for piece in job.pieces:
            run_piece(piece, outcome)
            company.play.now += LEASE * 0.9
            assert not asked_by_another(ledger, company)
            done += 1
    assert done > 3
    assert asked_by_another(ledger, company)


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_tick_whose_turn_was_taken_over_ends_with_its_round(
    company: Company, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, taken_over: bool
) -> None:
    """Else both would go on, each taking the other's touches."""
    rounds: list[int] = []
    whole_round = tick._round

    def with_news(*given: Any) -> Any:
        rounds.append(1)
        found = yield from whole_round(*given)
        if len(rounds) == 1:
            with ledger.begin() as session:
                ticks.touch_everybody(session)
            company.play.now += LEASE
            assert not taken_over or asked_by_another(ledger, company)
        return found

    monkeypatch.setattr(tick, "_round", with_news)
    company.play.now = MONDAY
    company.play.tick(MONDAY)
    assert len(rounds) == (1 if taken_over else 2)
    with ledger.looking() as session:
        assert ticks.whose_turn(session)[0] == ("another" if taken_over else "")
        assert ticks.waiting(session, now=MONDAY) == taken_over
