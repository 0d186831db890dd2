"""Going to a named step: back, on, and only so often."""

from __future__ import annotations

from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.texts import sequence

SCORE, MESSAGE = table_of(t.ScoreEntry).c, table_of(t.Message).c
ROUND = """
- send: welcome
- {id: ask, send: news}
- score: 3
- wait: 1 day
- goto: {step: ask, at_most: 2}
- update: {add_tags: through}
"""
STAGES = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}}
stages:
  - stage: first
    steps: [{branch: [{when: {country: DE}, steps: [{goto: late}]}]}, {id: rest, wait: 1 day}]
  - stage: second
    gate:
      when: {tags: never}
      within: 1 day
      otherwise: [{goto: {step: rest, at_most: 1}}, {end: gave up}]
    steps: [{send: offer}, {id: late, wait: 5 days}]
"""


def test_a_lead_goes_back_so_often_and_then_on(play: Play) -> None:
    play.apply(sequence(ROUND))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert play.decisions("ann", "goto") == [
        "goto: went to ask",
        "goto: went to ask",
        "goto: went to ask twice already",
    ]
    (enrolment,) = play.enrolments()
    assert (enrolment.state, enrolment.ended_at) == ("completed", at("03-05 08:00"))


def test_what_was_done_once_is_not_done_again(play: Play) -> None:
    play.apply(sequence(ROUND))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert play.sent() == [("welcome", "03-02 08:00"), ("news", "03-02 08:00")]
    assert [row.points for row in play.rows(select(SCORE.points))] == [3]


def test_a_mail_may_be_sent_anew_in_every_round(play: Play) -> None:
    play.apply(sequence(ROUND.replace("send: news", "send: {email: news, resend: true}")))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert play.sent() == [
        ("welcome", "03-02 08:00"),
        ("news", "03-02 08:00"),
        ("news", "03-03 08:00"),
        ("news", "03-04 08:00"),
    ]
    times = select(MESSAGE.occurrence).order_by(MESSAGE.id)
    assert [time for (time,) in play.rows(times)] == [1, 1, 2, 3]


def test_rounds_missed_in_an_outage_are_gone_at_once(play: Play) -> None:
    play.apply(sequence(ROUND.replace("send: news", "update: {add_tags: asked}")))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    outcome = play.tick("03-20 08:00")
    assert play.state() == "completed"
    assert outcome.next_due is None or outcome.next_due > play.now


def test_each_enrolment_goes_its_own_rounds(play: Play) -> None:
    play.apply(sequence(ROUND, head="enter: {when: {event: form_submitted}, again: always}"))
    play.lead()
    for day in ("03-02 08:00", "03-12 08:00"):
        play.until(day)
        play.event("ann", "form_submitted")
        play.until(f"{day[:3]}{int(day[3:5]) + 5:02} 08:00")
    assert play.decisions("ann", "goto").count("goto: went to ask") == 4


def test_a_shut_gate_sends_back_and_the_stage_goes_with_the_lead(play: Play) -> None:
    play.apply(STAGES)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-03 12:00")
    assert play.enrolments()[0].stage == "second"
    play.until("03-04 12:00")
    assert play.enrolments()[0].stage == "first"
    play.until("03-06 08:00")
    assert play.decisions("ann", "goto", "end") == [
        "goto: went to rest",
        "goto: went to rest once already",
        "end: gave up",
    ]


def test_whoever_goes_on_to_a_later_stage_reached_it_and_is_not_asked_at_its_gate(
    play: Play,
) -> None:
    play.apply(STAGES)
    play.lead(country="DE")
    play.event("ann", "form_submitted")
    play.tick()
    assert play.decisions("ann", "stage", "gate", "goto") == [
        "stage: reached first",
        "goto: went to late",
        "stage: reached second",
    ]
    (enrolment,) = play.enrolments()
    assert (enrolment.stage, enrolment.due_at) == ("second", at("03-07 08:00"))
