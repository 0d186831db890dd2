"""Whole ticks with a CRM beside them: none waits for it, and an idle one asks nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows import work
from flows.runtime import Runtime
from flows.tick import run_tick
from handoff.crm import claim as claims
from handoff.crm import pulling, pushing
from handoff.crm.cards import deal_key
from handoff.crm.port import Change, Pulled, Pushed
from handoff.tables import CRM_RECORD
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import counting
from tests.handoff import sales_desk as desk
from tests.handoff.crm.beside import DONE, Told
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF

SCORING = """
behaviour:
  - {rule: pricing, when: {event: page_viewed}, points: 60, reason: looked at prices}
thresholds:
  - {threshold: hot, at: 50, rearm: 10, lifecycle: mql}
"""
CRM = "crm: {system: hubspot, outcomes: {closedwon: won}, stages: {won: closedwon}}\n"


@dataclass
class Company:
    """A small workspace whose CRM is a note pad."""

    play: Play
    crm: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.play.wrap = self._with_crm
        self.play.apply(scoring=SCORING, handoff=HANDOFF + CRM)

    def _with_crm(self, runtime: Runtime) -> Runtime:
        return replace(runtime, crm=lambda definitions: self.crm)

    def crossed(self, count: int) -> None:
        with self.play.at_once():
            for number in range(count):
                self.play.lead(f"l{number}")
                self.play.event(f"l{number}", "page_viewed")

    def states(self) -> list[str]:
        with self.play.ledger.begin() as session:
            return [row.state for row in desk.rows(session, CRM_RECORD, "state")]


@pytest.fixture
def company(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    for passes in (pushing, pulling):
        monkeypatch.setattr(passes, "PATIENCE", 0.0)
    return Company(Play(ledger, tmp_path / "workspace", at("03-02 10:00")))


def test_one_tick_offers_tells_asks_and_does_what_was_said(company: Company) -> None:
    company.crossed(1)
    company.play.tick()
    assert [card.deal.state for card in company.crm.cards if card.deal] == ["offered"]
    company.crm.looks = [
        Pulled(DONE, (Change("c1", deal_key(1), company.play.now, stage="closedwon"),), "x")
    ]
    company.play.tick(company.play.now + timedelta(minutes=5))
    assert company.play.handoff("l0").state == "won"
    company.play.tick(company.play.now + timedelta(minutes=1))
    assert company.crm.cards[-1].deal is not None
    assert company.crm.cards[-1].deal.state == "won"


def test_a_crm_that_hangs_holds_up_no_tick_and_is_no_reason_to_tick_again(
    company: Company,
) -> None:
    company.crm.always = None
    company.crm.looks = [None]
    company.crossed(12)
    outcome = company.play.tick()
    assert len(company.crm.hanging) == claims.MOST
    assert outcome.next_due is not None
    assert outcome.next_due > company.play.now
    for future in company.crm.hanging:
        future.set_result(Pushed(DONE))
    company.crm.always = DONE
    company.play.tick()
    assert set(company.states()) == {"told"}


def test_what_is_left_after_a_while_is_left_to_the_next_tick(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "A_WHILE", -1.0)
    company.crossed(20)
    outcome = company.play.tick()
    assert len(company.crm.cards) == claims.MOST
    assert outcome.next_due == company.play.now
    company.play.tick()
    company.play.tick()
    assert len(company.crm.cards) == 20
    assert set(company.states()) == {"told"}


def test_an_idle_tick_asks_no_more_with_a_crm_than_without(company: Company) -> None:
    def idle() -> int:
        company.play.tick(company.play.now + timedelta(seconds=30))
        with counting(company.play.ledger) as sent:
            company.play.tick(company.play.now + timedelta(seconds=30))
        return len(sent)

    company.play.tick()
    with_crm = idle()
    company.play.apply(handoff=HANDOFF)
    company.play.tick()
    assert with_crm == idle()


def test_a_crm_that_fails_to_be_made_stops_itself_alone(company: Company) -> None:
    def broken(definitions: object) -> Told:
        raise ZeroDivisionError

    company.crossed(1)
    outcome = run_tick(replace(company.play.runtime(), crm=broken), now=company.play.now)
    assert outcome.broken == {"tell the CRM", "ask the CRM"}
    assert company.play.handoff("l0").state == "offered"
