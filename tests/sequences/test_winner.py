"""Winners of splits: what counts, when is looked, and who follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from insight.splits import splits
from nurture.delivery.rehearsal import AcceptingTransport
from nurture.ledger import tables as t
from nurture.ledger.intake.arrivals import withdraw_engagement
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.test_sets import crowd
from tests.sequences.texts import sequence

D, E, M, G, L = (
    table_of(model).c
    for model in (t.Decision, t.Enrolment, t.Message, t.Engagement, t.SplitLook)
)
FLOW = sequence(
    """
- split:
    name: proof
    hold_out: 10
    arms:
      study: {steps: [{send: offer}]}
      video: {steps: [{send: news}]}
    winner: {by: click_rate, after: 50 sends, confidence: 0.9}
""",
    head="enter: {when: {event: form_submitted}, again: always}\nwith_sales: send",
)
MANY = 160


def engaged(play: Play, kind: str, *, every: dict[str, int], key: str = "c", ago: int = 0) -> None:
    """Every so many-th lead of a template's mails did it."""
    rows = play.rows(select(M.id, M.lead_id, M.template).order_by(M.id))
    seen: Counter[str] = Counter()
    with play.ledger.begin() as session:
        for number, lead, template in rows:
            seen[template] += 1
            if every.get(template) and seen[template] % every[template] == 0:
                session.add(
                    t.Engagement(
                        source="nurture", key=f"{key}{number}", kind=kind, lead_id=lead,
                        message_id=number, occurred_at=play.now, received_at=play.now,
                        properties={"email": template},
                    )
                )  # fmt: skip


def looks(play: Play) -> list[tuple[Any, ...]]:
    rows = select(L.look, L.winner, L.arms).where(L.split == "proof").order_by(L.look)
    return [tuple(row) for row in play.rows(rows)]


def reasons(play: Play, name: str) -> list[str]:
    return [each.removeprefix("split: proof: ") for each in play.decisions(name, "split")]


@pytest.fixture
def play(play: Play) -> Play:
    """With mail that is accepted at once."""
    play.wrap = lambda runtime: replace(runtime, transport=AcceptingTransport())
    return play


@pytest.fixture
def begun(play: Play) -> Play:
    """A crowd whose mails went out two days ago."""
    play.apply(FLOW)
    crowd(play, MANY)
    play.tick()
    play.now += timedelta(days=2)
    return play


def newcomers(play: Play, *names: str) -> None:
    with play.at_once():
        for name in names:
            play.lead(name)
            play.event(name, "form_submitted")
    play.tick()


def test_new_leads_follow_the_arm_that_won_and_those_drawn_or_held_out_stay(begun: Play) -> None:
    play = begun
    engaged(play, "email_clicked", every={"offer": 2, "news": 20})
    first = play.rows(select(D.lead_id, D.reason).where(D.kind == "split"))
    newcomers(play, *(f"new{n}" for n in range(30)))
    ((look, winner, arms),) = looks(play)
    assert (look, winner) == (1, "study")
    assert sum(arms["study"]) + sum(arms["video"]) > 100
    told = Counter(reason for n in range(30) for reason in reasons(play, f"new{n}"))
    assert set(told) == {"follows the winner study", "held out (10 %)"}
    with play.at_once():
        for number in range(MANY):  # the old ones come once more
            play._ids[f"l{number}"] = number + 1
            play.event(f"l{number}", "form_submitted")
    play.tick()
    again = play.rows(select(D.lead_id, D.reason).where(D.kind == "split", D.lead_id <= MANY))
    assert Counter(again) == Counter(first) + Counter(first)
    play.now += timedelta(days=3)
    newcomers(play, "late")
    assert len(looks(play)) == 1  # decided once
    with play.ledger.looking() as session:
        (line,) = splits(session, play.definitions(), now=play.now)
    assert [(arm.arm, arm.share) for arm in line.arms] == [("study", 45), ("video", 45)]
    assert line.last is not None
    assert (line.last.winner, line.last.against, line.next_at) == ("study", "video", 0)
    assert line.last.p < 0.1
    assert 0 < line.last.low < line.arms[0].rate - line.arms[1].rate < line.last.high


def test_a_difference_that_may_be_chance_is_no_winner_until_twice_as_many_are_in(
    begun: Play,
) -> None:
    play = begun
    engaged(play, "email_clicked", every={"offer": 5, "news": 6})
    newcomers(play, "one")
    assert [row[:2] for row in looks(play)] == [(1, "")]
    for hours in range(1, 5):
        play.now += timedelta(hours=hours)
        newcomers(play, f"n{hours}")
    assert [row[:2] for row in looks(play)] == [(1, "")]  # no second look at the same sends
    assert all("drawn for" in each or "held" in each for each in reasons(play, "n4"))


def test_what_machines_did_and_what_was_taken_back_counts_for_nobody(begun: Play) -> None:
    play = begun
    engaged(play, "email_clicked_machine", every={"offer": 1}, key="m")
    engaged(play, "email_opened", every={"offer": 1}, key="o")
    engaged(play, "email_clicked", every={"news": 1}, key="w")
    with play.ledger.begin() as session:
        for (number,) in session.execute(select(G.id).where(G.key.startswith("w"))).all():
            withdraw_engagement(session, number, reason="a link scanner", now=play.now)
    newcomers(play, "one")
    ((_, winner, arms),) = looks(play)
    assert winner == ""
    assert [hits for _, hits in arms.values()] == [0, 0]


def test_nobody_looks_before_every_arm_has_its_sends_for_a_day(play: Play) -> None:
    play.apply(FLOW)
    crowd(play, MANY)
    play.tick()
    play.now += timedelta(hours=3)
    engaged(play, "email_clicked", every={"offer": 1})
    newcomers(play, "one")
    assert looks(play) == []
    play.now += timedelta(days=1)
    newcomers(play, "two")
    assert [row[:2] for row in looks(play)] == [(1, "study")]


@pytest.mark.parametrize("by", ["reply_rate", "goal_rate"])
def test_replies_and_goals_can_decide_as_well(play: Play, by: str) -> None:
    text = FLOW.replace("click_rate", by).replace("with_", "goal: {event: ordered}\nwith_")
    for mail in ("offer", "news"):
        text = text.replace(f"[{{send: {mail}}}]", f"[{{send: {mail}}}, {{wait: 5 days}}]")
    play.apply(text)
    crowd(play, MANY)
    play.tick()
    play.now += timedelta(days=2)
    kind = "email_replied" if by == "reply_rate" else "ordered"
    engaged(play, kind, every={"news": 2})
    with play.ledger.begin() as session:
        session.add_all(t.Touch(lead_id=number) for number in range(1, MANY + 1))
    play.tick()
    newcomers(play, "one", "two")
    assert [row[:2] for row in looks(play)] == [(1, "video")]


def test_goals_reached_in_time_after_the_end_count_for_the_arm(play: Play) -> None:
    head = "goal: {event: ordered}\ngoal_within: 10 days\nwith_"
    play.apply(FLOW.replace("click_rate", "goal_rate").replace("with_", head))
    crowd(play, MANY)
    play.tick()
    assert {row[0] for row in play.rows(select(E.state))} == {"completed"}
    play.now += timedelta(days=2)
    engaged(play, "ordered", every={"news": 2})
    with play.ledger.begin() as session:
        session.add_all(t.Touch(lead_id=number) for number in range(1, MANY + 1))
    play.tick()
    play.now += timedelta(days=9)
    engaged(play, "ordered", every={"offer": 1}, key="late")  # after their time
    with play.ledger.begin() as session:
        session.add_all(t.Touch(lead_id=number) for number in range(1, MANY + 1))
    newcomers(play, "one")
    ((look, winner, arms),) = looks(play)
    assert (look, winner) == (1, "video")
    assert arms["study"][1] == 0
    assert arms["video"][1] == arms["video"][0] // 2
