"""A score is explained in sentences a rep can use, and in lines that add up to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.scoring.explain import Line, explain, sentences, told
from tests.fixtures_ledger import NOW, counting, kept, make_lead
from tests.scoring.rules import FORM, GERMAN, PRICING, scoring, tick, viewed

DAY = timedelta(days=1)


def test_an_explanation_says_it_most_valuable_first_and_adds_up(ledger: Ledger) -> None:
    german = GERMAN | {"reason": "is in Germany"}
    rules = scoring(PRICING | {"limit": "20 per lead"}, FORM, fit=(german,))
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        for days in (5, 4, 3, 2):
            viewed(session, lead, NOW - days * DAY)
        viewed(session, lead, NOW - 10 * DAY, kind="form_submitted", properties={"form": "trial"})
        tick(session, rules)
        kept(session, t.ScoreEntry(
            lead_id=lead.id, kind="step", points=-3.0, at=NOW, path="trial/interest/2",
            reason="did not answer",
        ))  # fmt: skip
        assert lead.id is not None
        with counting(ledger) as sent:
            found = explain(session, lead.id, now=NOW)
        assert len(sent) == 1
    assert found.sentences == (
        "viewed the pricing page 4 times in the last 5 days (+20)",
        "is in Germany (+15)",
        "form_submitted 10 days ago (+10)",
        "did not answer just now (-3)",
    )
    assert (found.behaviour, found.fit, found.score) == (27, 15, 42)
    form = found.lines[-1]
    assert (form.rule, form.points, form.worth) == ("form", 20, 10)
    assert (form.kind, form.properties) == ("form_submitted", {"form": "trial"})
    assert form.path == "scoring/behaviour/form"
    assert sum(line.worth for line in found.lines) == found.score


def test_a_lead_without_entries_has_nothing_to_explain(ledger: Ledger) -> None:
    with ledger.begin() as session:
        found = explain(session, 404, now=NOW)
    assert (found.score, found.lines, found.sentences) == (0, (), ())


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ([timedelta(0)], "read it just now (+8)"),
        ([timedelta(minutes=59)], "read it 59 minutes ago (+8)"),
        ([timedelta(hours=47)], "read it 1 day ago (+8)"),
        ([timedelta(hours=1), timedelta(0)], "read it 2 times in the last hour (+16)"),
        ([timedelta(hours=47), timedelta(0)], "read it 2 times in the last 2 days (+16)"),
        ([timedelta(0)] * 3, "read it 3 times in the last minute (+24)"),
    ],
)
def test_a_sentence_says_how_often_and_since_when(ages: list[timedelta], said: str) -> None:
    lines = [Line("behaviour", "r", 8, 8, 8, NOW - age, "read it", "p") for age in ages]
    assert sentences(lines, now=NOW) == (said,)


def test_rules_whose_points_are_gone_make_no_sentence() -> None:
    assert sentences([Line("behaviour", "r", 8, 8, 0.4, NOW, "read it", "p")], now=NOW) == ()


def test_the_heaviest_are_kept_whether_they_give_or_take() -> None:
    lines = [
        Line("behaviour", name, points, points, points, NOW, name, "p")
        for name, points in (("light", 2), ("heavy", 9), ("taken", -5))
    ]
    assert sentences(lines, now=NOW, most=2) == ("heavy just now (+9)", "taken just now (-5)")


def test_many_leads_are_told_in_one_statement_as_each_alone(ledger: Ledger) -> None:
    rules = scoring(PRICING, FORM)
    with ledger.begin() as session:
        leads = [make_lead(session, f"{name}@example.test") for name in ("ann", "ben", "cy")]
        for number, lead in enumerate(leads):
            for days in range(number):
                viewed(session, lead, NOW - days * DAY)
        tick(session, rules)
        alone = {lead.id: explain(session, lead.id or 0, now=NOW).sentences for lead in leads}
        with counting(ledger) as sent:
            found = told(session, select(t.Lead.id), now=NOW, most=5)
        assert len(sent) == 1
    assert found == {lead: said for lead, said in alone.items() if said}
    assert len(found) == 2


def test_a_limit_is_no_part_of_the_sentence() -> None:
    cut = Line("behaviour", "r", 4, 8, 4, NOW, "read; and liked it; not all its points: …", "p")
    assert sentences([cut], now=NOW) == ("read; and liked it just now (+4)",)
