"""Gates and branches."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at

GATED = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}}
stages:
  - stage: first
    steps:
      - wait: 1 hour
  - stage: second
    gate: {when: {score: {at_least: 30}}, within: 2 days, otherwise: [{send: news}, {end: cold}]}
    steps:
      - send: offer
"""
BRANCH = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}}
stages:
  - stage: first
    steps:
      - branch:
          - {when: {employees: {at_least: 500}}, steps: [{send: offer}]}
          - {when: {employees: {at_least: 100}}, steps: [{send: news}]}
          - {otherwise: [{send: tips}]}
      - send: welcome
"""


def test_a_gate_lets_through_who_meets_it_on_arrival(play: Play) -> None:
    play.apply(GATED)
    play.lead()
    play.event("ann", "page_viewed")
    play.event("ann", "poked")  # 40 points, which fade a little in the hour
    play.event("ann", "form_submitted")
    play.until("03-02 10:00")
    assert play.sent() == [("offer", "03-02 09:00")]
    assert play.decisions("ann", "gate") == ["gate: passed: score at least 30"]


def test_a_gate_opens_the_moment_the_score_is_there(play: Play) -> None:
    play.apply(GATED)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-02 12:00")
    assert play.sent() == []
    play.event("ann", "page_viewed")
    play.tick()
    assert play.sent() == [("offer", "03-02 12:00")]


def test_a_gate_that_stays_shut_sends_the_other_way_in_time(play: Play) -> None:
    play.apply(GATED)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-05 08:00")
    assert play.sent() == [("news", "03-04 09:00")]
    assert play.decisions("ann", "gate", "end") == [
        "gate: did not hold within 2 days: score at least 30",
        "end: cold",
    ]


def test_a_gate_without_otherwise_ends_the_way(play: Play) -> None:
    play.apply(GATED.replace(", otherwise: [{send: news}, {end: cold}]", ""))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-05 08:00")
    assert play.sent() == []
    assert play.state() == "completed"


def test_a_late_tick_closes_a_gate_in_one_go(play: Play) -> None:
    play.apply(GATED)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    outcome = play.tick("03-06 08:00")
    assert play.sent() == [("news", "03-06 08:00")]
    assert outcome.next_due is None or outcome.next_due > play.now


def test_a_gate_is_asked_again_when_time_alone_opens_it(play: Play) -> None:
    play.apply(GATED.replace("at_least: 30", "below: 20").replace("2 days", "60 days"))
    play.lead()
    play.event("ann", "page_viewed", "03-02 08:00")  # 30 points, half gone after 14 days
    play.event("ann", "form_submitted")
    play.until("03-20 08:00", step=timedelta(days=30))
    fallen = at("03-02 08:00") + timedelta(days=14) * 0.585  # 30 * 2 ** -0.585 is 20
    (mail,) = play.rows(select(table_of(t.Message).c.handed_at))
    assert mail[0] - fallen < timedelta(hours=1)


def test_a_gate_may_ask_for_silence(play: Play) -> None:
    quiet = "{not: {event: poked, within: 3 days}}"
    play.apply(GATED.replace("{score: {at_least: 30}}", quiet).replace("2 days", "30 days"))
    play.lead()
    play.event("ann", "poked", "03-02 08:00")
    play.event("ann", "form_submitted")
    play.until("03-10 08:00", step=timedelta(days=30))
    assert play.sent() == [("offer", "03-05 08:00")]


def test_the_first_arm_that_holds_is_taken_and_all_go_on_together(play: Play) -> None:
    play.apply(BRANCH)
    for name, employees in (("ann", 900), ("bob", 100), ("cid", 3), ("dan", None)):
        known = {} if employees is None else {"employees": employees}
        play.lead(name, attributes=known)
        play.event(name, "form_submitted")
    play.tick()
    mails = {name: [mail for mail, _ in play.sent(name)] for name in ("ann", "bob", "cid", "dan")}
    assert mails == {
        "ann": ["offer", "welcome"],
        "bob": ["news", "welcome"],
        "cid": ["tips", "welcome"],
        "dan": ["tips", "welcome"],
    }
    assert play.decisions("ann", "branch") == ["branch: employees at least 500"]
    assert play.decisions("bob", "branch") == ["branch: employees at least 100"]
    assert play.decisions("dan", "branch") == ["branch: nothing else held"]


def test_the_reason_where_somebody_stands_is_the_reason_of_the_last_turn(play: Play) -> None:
    play.apply(BRANCH.replace("- send: welcome", "- wait: 1 day"))
    play.lead(attributes={"employees": 900})
    play.event("ann", "form_submitted")
    play.tick()
    assert play.enrolments()[0].reason == "employees at least 500"
