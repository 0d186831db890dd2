"""Fit rules give points while they hold."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.scoring.fit import TOGETHER
from tests.fixtures_ledger import NOW, make_lead
from tests.scoring.rules import GERMAN, points, scoring, tick, touched

LATER = NOW + timedelta(hours=1)


def test_a_fit_rule_gives_points_while_it_holds(ledger: Ledger) -> None:
    rules = scoring(fit=(GERMAN,))
    with ledger.begin() as session:
        lead = make_lead(session, country="de")
        touched(session, lead)
        tick(session, rules)
        assert (lead.fit, points(session, lead)) == (15, [15])
        lead.country = "FR"
        touched(session, lead)
        lost = tick(session, rules, now=LATER)
        entry = session.execute(select(t.ScoreEntry)).scalar_one()
        assert (lead.fit, entry.withdrawn_at) == (0, LATER)
        assert entry.withdrawn_reason == "no longer holds: country is DE"
        assert lost.total("fit lost") == 1
        lead.country = "DE"
        touched(session, lead)
        tick(session, rules, now=LATER)
        assert (lead.fit, points(session, lead)) == (15, [15])


def test_leads_nobody_touched_are_left_alone(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        assert not tick(session, scoring(fit=(GERMAN,)))
        assert lead.scored_at is None


def test_a_rule_that_is_worth_something_else_now_replaces_its_entry(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        touched(session, lead)
        tick(session, scoring(fit=(GERMAN,)))
        touched(session, lead)
        tick(session, scoring(fit=(GERMAN | {"points": 40},)))
        assert (lead.fit, points(session, lead)) == (40, [40])


def test_hundreds_of_rules_are_judged_and_counted_each_by_its_own_name(ledger: Ledger) -> None:
    many = tuple(GERMAN | {"rule": f"rule-{n}", "points": 1} for n in range(2 * TOGETHER + 1))
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        touched(session, lead)
        tally = tick(session, scoring(fit=many))
        assert lead.fit == len(many)
        paths = {path for _, path in tally.counts}
        assert paths == {f"scoring/fit/{each['rule']}" for each in many}
        lead.country = "FR"
        touched(session, lead)
        assert tick(session, scoring(fit=many)).total("fit lost") == len(many)
        assert lead.fit == 0


def test_a_rule_taken_out_takes_its_points_with_it(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        touched(session, lead)
        tick(session, scoring(fit=(GERMAN,)))
        touched(session, lead)
        tick(session, scoring())
        entry = session.execute(select(t.ScoreEntry)).scalar_one()
        assert (lead.fit, entry.withdrawn_reason) == (0, "the rule was taken out of scoring.yaml")
