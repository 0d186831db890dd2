"""Steps that keep a lead: send, wait, wait_for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from flows import tick
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.texts import sequence

CLICK = "{event: email_clicked, where: {email: welcome}}"
THEN = f"""
- send: welcome
- wait_for: {CLICK}
  within: 3 days
  then: [{{update: {{add_tags: keen}}}}]
  otherwise: [{{send: tips}}]
"""


def tags(play: Play) -> set[str]:
    tag = table_of(t.LeadTag).c
    return {name for (name,) in play.rows(tag.tag.table.select().with_only_columns(tag.tag))}


def test_a_send_keeps_the_lead_until_its_mail_is_sent(play: Play) -> None:
    play.apply(sequence("- send: welcome\n- send: tips"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    assert play.sent() == [("welcome", "03-02 08:00"), ("tips", "03-02 08:00")]
    assert play.state() == "completed"


def test_a_mail_that_may_not_go_lets_the_lead_go_on_with_its_reason(play: Play) -> None:
    play.apply(sequence("- send: welcome\n- update: {add_tags: after}"))
    play.lead()
    play.opt_out("ann", "tips")
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    assert play.mails() == [("welcome", "suppressed", "not subscribed to the topic")]
    assert play.state() == "completed"


def test_a_lead_without_an_address_is_nurtured_and_never_mailed(play: Play) -> None:
    play.apply(sequence("- send: welcome", head="enter: {segment: {tags: vip}}"))
    play.lead(email=None, email_key=None, external_id="7")
    play.do(lambda s: s.add(t.LeadTag(lead_id=1, tag="vip", added_at=play.now)))
    play.tick("03-02 08:00")
    assert play.mails() == [("welcome", "suppressed", "the lead has no address")]
    assert play.state() == "completed"


def test_a_wait_counts_from_the_instant_the_mail_was_sent(play: Play) -> None:
    head = 'timing: {window: {days: mon-fri, hours: "09:00-17:00"}}'
    play.apply(sequence("- send: welcome\n- wait: 2 hours\n- send: tips", head=head))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-02 12:00")
    assert play.sent() == [("welcome", "03-02 09:00"), ("tips", "03-02 11:00")]


def test_waits_add_up_however_late_the_tick(play: Play) -> None:
    play.apply(sequence("- wait: 2 hours\n- wait: 3 hours\n- send: welcome"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.tick("03-02 10:55")
    assert play.enrolments()[0].due_at == at("03-02 13:00")
    play.tick("03-03 08:00")
    assert play.sent() == [("welcome", "03-03 08:00")]


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Europe/Berlin", "03-05 11:00"),  # Thursday: four hours on Wednesday, two on Thursday
        ("America/New_York", "03-04 21:00"),  # nine to five there: 15:00 to 23:00 here
        (None, "03-05 11:00"),  # the workspace's zone
    ],
)
def test_business_hours_are_the_windows_in_the_leads_zone(
    play: Play, zone: str | None, due: str
) -> None:
    head = "timing: {zone: lead, window: {calendar: office}}"
    play.apply(sequence("- wait: 6 business hours\n- send: welcome", head=head))
    play.lead(zone=zone)
    play.event("ann", "form_submitted", "03-04 13:00")
    play.tick("03-04 13:00")
    assert play.enrolments()[0].due_at == at(due)


def test_business_hours_pass_over_nights_weekends_and_days_off(play: Play) -> None:
    head = "timing: {zone: lead, window: {calendar: office}}"
    play.apply(sequence("- wait: 6 business hours\n- send: welcome", head=head))
    play.lead()
    play.event("ann", "form_submitted", "03-05 15:00")  # Friday the 6th is closed
    play.tick("03-05 15:00")
    assert play.enrolments()[0].due_at == at("03-09 13:00")


def test_the_time_of_a_wait_for_may_be_business_time(play: Play) -> None:
    head = "timing: {zone: lead, window: {calendar: office}}"
    steps = "- wait_for: {event: poked}\n  within: 6 business hours\n- send: welcome"
    play.apply(sequence(steps, head=head))
    play.lead()
    play.event("ann", "form_submitted", "03-04 13:00")
    play.tick("03-04 13:00")
    assert play.enrolments()[0].due_at == at("03-05 11:00")


def test_an_event_moves_a_waiting_lead_at_once(play: Play) -> None:
    play.apply(sequence(THEN))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-03 10:00")
    play.event("ann", "email_clicked", email="welcome")
    play.tick()
    assert tags(play) == {"keen"}
    assert play.decisions("ann", "event") == [
        "event: happened: email_clicked with email is welcome"
    ]


def test_no_event_in_time_goes_the_other_way(play: Play) -> None:
    play.apply(sequence(THEN))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert play.sent() == [("welcome", "03-02 08:00"), ("tips", "03-05 08:00")]
    assert play.decisions("ann", "event") == [
        "event: not within 3 days: email_clicked with email is welcome"
    ]


@pytest.mark.parametrize(("when", "counts"), [("03-05 07:59", True), ("03-05 08:01", False)])
def test_what_happened_in_time_counts_even_when_the_tick_is_late(
    play: Play, when: str, counts: bool
) -> None:
    play.apply(sequence(THEN))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at(when)
    play.event("ann", "email_clicked", email="welcome")
    play.tick("03-07 08:00")
    assert (tags(play) == {"keen"}) is counts
    assert bool(play.sent()[1:]) is not counts


def test_a_click_before_the_step_was_reached_counts_from_the_mail_it_names(play: Play) -> None:
    play.apply(sequence(THEN.replace("- wait_for", "- wait: 1 day\n- wait_for")))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-02 08:05")
    play.event("ann", "email_clicked", email="welcome")
    play.until("03-03 08:00")
    assert tags(play) == {"keen"}


def test_a_click_on_an_older_mail_of_that_name_does_not_count(play: Play) -> None:
    play.apply(sequence(THEN, head="enter: {when: {event: form_submitted}, again: always}"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-02 09:00")
    play.event("ann", "email_clicked", email="welcome")
    play.tick()
    play.now = at("03-02 10:00")
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert [mail for mail, _ in play.sent()] == ["welcome", "welcome", "tips"]


def test_without_a_mail_it_counts_from_reaching_the_step(play: Play) -> None:
    steps = "- wait: 1 day\n- wait_for: {event: poked}\n  within: 1 day\n- send: welcome"
    play.apply(sequence(steps))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-02 20:00")
    play.event("ann", "poked")  # a day early
    play.until("03-03 12:00")
    assert play.sent() == []
    play.event("ann", "poked")
    play.tick()
    assert play.sent() == [("welcome", "03-03 12:00")]


def test_a_withdrawn_engagement_moves_nobody(play: Play) -> None:
    play.apply(sequence("- wait_for: {event: poked}\n  within: 1 day\n- send: welcome"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-02 09:00")
    play.withdraw(play.event("ann", "poked"))
    play.tick()
    assert play.sent() == []


def test_who_comes_to_a_mail_that_is_over_goes_on(play: Play) -> None:
    play.apply(sequence("- send: welcome\n- wait: 1 day\n- send: tips"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    enrolment = table_of(t.Enrolment)
    for state in ("sent", "unknown"):
        play.do(lambda s, to=state: s.execute(update(table_of(t.Message)).values(state=to)))
        play.do(lambda s: s.execute(update(enrolment).values(position=1, due_at=play.now)))
        play.tick(play.now + timedelta(hours=1))
        due = play.enrolments()[0].due_at
        assert due == play.now + timedelta(days=1)
        assert len(play.mails()) == 1


def test_a_wait_ends_even_where_the_hours_of_a_zone_are_not_kept_yet(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lead of a new zone comes in between two looks at the zones: nobody waits for ever."""
    head = "timing: {zone: lead, window: {calendar: office}}"
    play.apply(sequence("- wait: 6 business hours\n- update: {add_tags: done}", head=head))
    play.lead(zone="Asia/Tokyo")
    play.event("ann", "form_submitted")
    with monkeypatch.context() as late:
        late.setattr(tick, "keep_openings", lambda *_, **__: None)
        play.tick("03-02 08:00")
    assert play.enrolments()[0].due_at == at("03-02 14:00")
    play.tick("03-02 14:00")
    assert tags(play) == {"done"}
