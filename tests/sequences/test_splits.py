"""Splits: the draw of a lead, and where it sends it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import sqrt
from typing import Any

from sqlalchemy import func, literal, select

from nurture.ledger import tables as t
from nurture.ledger.draws import PRIME, draw
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.test_sets import crowd, walk
from tests.sequences.texts import sequence

E, D, M = (table_of(model).c for model in (t.Enrolment, t.Decision, t.Message))
SPLIT = """
- split:
    name: proof
    hold_out: 20
    arms:
      study: {weight: 3, steps: [{send: offer}]}
      video: {steps: [{update: {add_tags: video}}]}
- wait: 1 day
"""
MANY = 40_000


def draws(ledger: Ledger, *names: str) -> list[Any]:
    """What each of many leads, numbered in a row, draws for each name."""
    first = select(literal(1).label("n")).cte("lead", recursive=True)
    lead = first.union_all(select(first.c.n + 1).where(first.c.n < MANY))
    with ledger.begin() as session:
        return list(session.execute(select(*(draw(lead.c.n, name) for name in names))))


def test_a_draw_hangs_on_the_name_and_the_lead_alone(ledger: Ledger) -> None:
    """Other numbers here would give leads on their way another arm."""
    with ledger.begin() as session:
        found = [
            session.execute(select(draw(literal(lead), name))).scalar_one()
            for name in ("flow/proof", "flow/other")
            for lead in (1, 2, 7_000_000_000_000)
        ]
    assert found == [905789052, 1815728226, 438182343, 662579584, 1955860206, 1046053327]


def test_draws_are_even_and_those_of_two_splits_have_nothing_to_do_with_each_other(
    ledger: Ledger,
) -> None:
    """Within five standard deviations of chance, in every cell of ten by ten."""
    pairs = draws(ledger, "flow/proof", "flow/other")
    cells = Counter((one * 10 // PRIME, two * 10 // PRIME) for one, two in pairs)
    expected = MANY / 100
    assert len(cells) == 100
    assert max(abs(count - expected) for count in cells.values()) < 5 * sqrt(expected)
    following = Counter(
        (one * 10 // PRIME, two * 10 // PRIME) for (one, _), (two, _) in pairwise(pairs)
    )
    assert max(abs(count - expected) for count in following.values()) < 5 * sqrt(expected)


def test_each_lead_goes_down_the_arm_it_draws_and_all_go_on_together(play: Play) -> None:
    play.apply(sequence(SPLIT))
    crowd(play, 400)
    walk(play, play.now)
    query = select(D.lead_id, D.reason).where(D.kind == "split").order_by(D.lead_id)
    drawn = play.rows(select(draw(E.lead_id, "flow/proof")).order_by(E.lead_id))
    reasons = ("held out (20 %)", "drawn for study (60 %)", "drawn for video (20 %)")
    wanted = [
        reasons[(number >= PRIME * 0.2) + (number >= PRIME * 0.8)] for (number,) in drawn
    ]
    assert [reason.removeprefix("proof: ") for _, reason in play.rows(query)] == wanted
    shares = Counter(wanted)
    assert 200 < shares["drawn for study (60 %)"] < 280
    mails = {lead for (lead,) in play.rows(select(M.lead_id))}
    studies = {n for n, reason in enumerate(wanted, start=1) if "study" in reason}
    assert mails == studies
    assert play.rows(select(func.count()).where(E.position == 5)) == [(400 - len(studies),)]
    assert play.rows(select(func.count()).where(E.position == 4)) == [(len(studies),)]


def test_a_lead_that_comes_again_comes_to_the_same_arm(play: Play) -> None:
    play.apply(
        sequence(SPLIT, head="enter: {when: {event: form_submitted}, again: always}")
    )
    for name in ("ann", "bob", "cid", "dan", "eve"):
        play.lead(name)
    for day in ("03-02 08:00", "03-04 08:00", "03-06 08:00"):
        play.until(day)
        for name in ("ann", "bob", "cid", "dan", "eve"):
            play.event(name, "form_submitted")
        play.tick()
    for name in ("ann", "bob", "cid", "dan", "eve"):
        drawn = play.decisions(name, "split")
        assert len(drawn) == 3
        assert len(set(drawn)) == 1
