"""Who enters, when again, and what never lets anybody in."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values, table_of
from nurture.sequences.enrol import start_in
from tests.sequences.play import L, Play
from tests.sequences.texts import sequence

TOUCH = table_of(t.Touch).c
ONE_MAIL = "- send: welcome"
ALWAYS = "enter: {when: {event: form_submitted}, again: always}"


def entry(text: str) -> str:
    return f"enter: {{{text}}}"


def test_an_event_lets_its_lead_in_with_the_reason(play: Play) -> None:
    play.apply(
        sequence(ONE_MAIL, head=entry("when: {event: form_submitted, where: {form: trial}}"))
    )
    play.lead()
    play.lead("bob")
    play.event("ann", "form_submitted", form="trial")
    play.event("bob", "form_submitted", form="contact")
    play.tick()
    assert play.state("ann") == "completed"
    assert play.state("bob") == ""
    assert play.decisions("ann")[0] == "entered: entered: form_submitted with form is trial"


def test_a_segment_lets_in_whoever_comes_to_meet_it(play: Play) -> None:
    play.apply(sequence(ONE_MAIL, head=entry("segment: {country: DE}")))
    play.lead(country="DE")
    play.lead("bob", country="AT")
    play.tick()
    assert (play.state("ann"), play.state("bob")) == ("completed", "")
    play.change("bob", "country", "DE")
    play.tick("03-02 09:00")
    assert play.state("bob") == "completed"


def test_who_is_let_in_within_a_savepoint_has_the_reason_too(play: Play) -> None:
    """What a CRM says is done in one, and so is `nurture sequences enter`."""
    program = play.apply(sequence(ONE_MAIL, head=entry("by: command"))).active["flow"]
    play.lead()
    play.lead("bob")
    with play.ledger.begin() as session:
        for name in ("ann", "bob"):
            mine = select(L.id).where(L.first_name == name.capitalize())
            with session.begin_nested():
                start_in(session, program, mine, now=play.now, reason="asked", path="asked/1")
    assert [play.decisions(name) for name in ("ann", "bob")] == [["entered: asked"]] * 2


def test_never_again_means_once_in_a_lifetime(play: Play) -> None:
    play.apply(sequence(ONE_MAIL, head=entry("when: {event: form_submitted}, again: never")))
    play.lead()
    for day in ("03-02 08:00", "03-20 08:00", "12-20 08:00"):
        play.tick(day)
        play.event("ann", "form_submitted")
        play.tick()
    assert len(play.enrolments()) == 1


def test_again_after_counts_from_the_end_of_the_last_enrolment(play: Play) -> None:
    play.apply(
        sequence(
            "- wait: 5 days", head=entry("when: {event: form_submitted}, again: after 10 days")
        )
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-07 08:00")  # ended on the 7th
    for day, times in (("03-13 08:00", 1), ("03-17 07:59", 1), ("03-17 08:00", 2)):
        play.tick(day)
        play.event("ann", "form_submitted")
        play.tick()
        assert len(play.enrolments()) == times, day


def test_always_lets_in_again_but_not_twice_at_a_time(play: Play) -> None:
    play.apply(sequence("- wait: 1 day", head=ALWAYS))
    play.lead()
    for hour in ("08:00", "09:00"):
        play.tick(f"03-02 {hour}")
        play.event("ann", "form_submitted")
        play.event("ann", "form_submitted")
        play.tick()
    assert len(play.enrolments()) == 1
    play.tick("03-03 08:00")
    play.event("ann", "form_submitted")
    play.tick("03-03 08:01")
    assert [each.turn for each in play.enrolments()] == [1, 2]


def test_each_order_has_an_enrolment_of_its_own(play: Play) -> None:
    play.apply(sequence("- wait: 1 day", head=entry("when: {event: ordered}, once_per: order_id")))
    play.lead()
    for order in ("7", "8", "7", 7, ""):
        play.event("ann", "ordered", order_id=order)
    play.event("ann", "ordered")
    play.event("ann", "ordered", order_id=None)
    play.tick()
    assert sorted(each.key for each in play.enrolments()) == ["7", "8"]


def test_an_event_that_reaches_us_too_late_lets_nobody_in(play: Play) -> None:
    play.apply(sequence(ONE_MAIL, head=entry("when: {event: form_submitted}, within: 2 days")))
    play.lead()
    play.lead("bob")
    play.event("ann", "form_submitted", "02-28 07:59")
    play.event("bob", "form_submitted", "02-28 08:01")
    play.tick()
    assert (play.state("ann"), play.state("bob")) == ("", "completed")


def test_an_outage_keeps_nobody_out(play: Play) -> None:
    play.apply(sequence(ONE_MAIL, head=entry("when: {event: form_submitted}, within: 2 days")))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-07 08:00")
    assert play.state() == "completed"


def test_a_withdrawn_event_lets_nobody_in(play: Play) -> None:
    play.apply(sequence(ONE_MAIL))
    play.lead()
    key = play.event("ann", "form_submitted")
    engagement = table_of(t.Engagement)
    marked = engagement.update().where(engagement.c.key == key).values(withdrawn_at=play.now)
    play.do(lambda s: s.execute(marked))  # its touch stays, as when a tick holds it already
    play.tick()
    assert play.state() == ""


def test_nobody_enters_a_paused_sequence(play: Play) -> None:
    play.apply(sequence(ONE_MAIL))
    play.lead()
    pause = [{"sequence": "flow", "since": play.now, "reason": "a typo"}]
    play.do(lambda s: insert_new_values(s, t.Pause, pause))
    play.event("ann", "form_submitted")
    outcome = play.tick()
    assert play.state() == ""
    assert outcome.next_due is None or outcome.next_due > play.now


def test_a_tick_that_died_lets_nobody_in_twice(play: Play) -> None:
    play.apply(sequence("- update: {add_tags: x}", head=ALWAYS))
    play.lead()
    play.event("ann", "form_submitted")
    touches = play.rows(select(TOUCH.lead_id, TOUCH.engagement_id))
    play.tick()
    again = [{"lead_id": lead, "engagement_id": event} for lead, event in touches]
    play.do(lambda s: s.execute(table_of(t.Touch).insert(), again))
    play.tick("03-02 08:15")
    assert len(play.enrolments()) == 1


def test_a_segment_that_always_holds_does_not_spin(play: Play) -> None:
    head = entry("segment: {country: DE}, again: always")
    play.apply(sequence("- update: {add_tags: x}", head=head))
    play.lead(country="DE")
    outcome = play.tick()
    assert len(play.enrolments()) == 1
    assert outcome.next_due is None or outcome.next_due > play.now
    play.change("ann", "company", "New")
    play.tick("03-03 08:00")
    assert len(play.enrolments()) == 2


def test_who_would_leave_at_once_gets_no_mail(play: Play) -> None:
    head = "exit: [{when: {lifecycle: customer}, reason: is a customer}]"
    play.apply(sequence(ONE_MAIL, head=head))
    play.lead(lifecycle="customer")
    play.event("ann", "form_submitted")
    play.tick()
    assert play.mails() == []
    assert play.decisions() == ["entered: entered: form_submitted", "exited: is a customer"]


def test_every_entry_leaves_one_decision(play: Play) -> None:
    play.apply(sequence("- wait: 1 day", head=ALWAYS), sequence("- wait: 1 day", name="other"))
    for name in ("ann", "bob", "cid"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick()
    kinds = play.rows(
        select(table_of(t.Decision).c.kind, func.count()).group_by(table_of(t.Decision).c.kind)
    )
    assert dict(kinds) == {"entered": 6, "stage": 6}


@pytest.mark.parametrize("zone", ["Mars/Olympus", None])
def test_a_zone_nobody_knows_is_read_as_the_workspaces(play: Play, zone: str | None) -> None:
    head = 'timing: {zone: lead, window: {days: mon-fri, hours: "09:00-17:00"}}'
    play.apply(sequence("- send: welcome", head=head))
    play.lead()
    play.change("ann", "timezone", zone or "")
    if zone is None:
        play.do(lambda s: s.execute(table_of(t.Lead).update().values(timezone=None)))
    play.event("ann", "form_submitted")
    play.until("03-02 10:00")
    play.do(lambda s: s.execute(table_of(t.Lead).update().values(timezone="Europe/Berlin")))
    assert play.sent() == [("welcome", "03-02 09:00")]
