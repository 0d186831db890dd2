"""Stopping another sequence."""

from __future__ import annotations

from sqlalchemy import func, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.test_sets import crowd, walk
from tests.sequences.texts import sequence

E, D, M = (table_of(model).c for model in (t.Enrolment, t.Decision, t.Message))
OTHER = sequence(
    "- wait: 1 day\n- send: offer\n- wait: 9 days",
    name="other",
    head="enter: {when: {event: ordered}, once_per: order_id}\n"
    "timing: {window: {calendar: office}}",
)
FLOW = sequence("- wait: 2 days\n- stop: other\n- send: welcome")


def test_every_enrolment_there_ends_and_this_one_goes_on(play: Play) -> None:
    play.apply(OTHER, FLOW)
    play.lead()
    play.lead("bob")
    for order in ("7", "8"):
        play.event("ann", "ordered", order_id=order)
    play.event("bob", "ordered", order_id="9")
    play.event("ann", "form_submitted")
    play.until("03-04 12:00")
    others = play.enrolments("ann", "other")
    assert [(each.state, each.reason, each.path, each.ended_at) for each in others] == [
        ("exited", "stopped by flow", "flow/first/2", at("03-04 08:00"))
    ] * 2
    assert play.decisions("ann", "stop", "exited") == [
        "stop: stopped other",
        "exited: stopped by flow",
        "exited: stopped by flow",
    ]
    assert play.sent("ann")[-1] == ("welcome", "03-04 08:00")
    assert play.state("bob", "other") == "active"


def test_mails_not_under_way_yet_are_called_off(play: Play) -> None:
    play.apply(OTHER, FLOW.replace("2 days", "35 hours"))
    play.lead()
    play.tick("03-02 18:00")  # the office is shut: the offer waits for the morning after the next
    play.event("ann", "ordered", order_id="7")
    play.event("ann", "form_submitted")
    play.until("03-05 08:00")
    assert play.mails() == [
        ("offer", "cancelled", "left the sequence: stopped by flow"),
        ("welcome", "sent", "accepted by the mail server"),
    ]


def test_a_lead_that_is_not_there_goes_on(play: Play) -> None:
    play.apply(OTHER, FLOW)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-04 08:00")
    assert play.decisions("ann", "stop", "exited") == ["stop: is not in other"]
    assert [mail for mail, _ in play.sent()] == ["welcome"]
    assert play.state() == "completed"


def test_a_crowd_is_stopped_in_as_many_statements_as_one_lead(play: Play) -> None:
    play.apply(OTHER.replace("enter: {when: {event: ordered}, once_per: order_id}",
                             "enter: {when: {event: form_submitted}}"), FLOW)  # fmt: skip
    crowd(play, 60)
    walk(play, play.now)
    walk(play, at("03-04 08:00"))
    states = select(E.sequence, E.state, func.count()).group_by(E.sequence, E.state)
    assert sorted(play.rows(states)) == [("flow", "active", 60), ("other", "exited", 60)]
