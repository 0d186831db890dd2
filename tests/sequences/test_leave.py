"""Goals and exits: who leaves before the end, when, and what becomes of the mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from flows import work
from flows.tick import run_tick
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values, table_of
from tests.sequences.play import Play, at, batches_of
from tests.sequences.texts import sequence

LONG = "- wait: 30 days\n- send: welcome"
CUSTOMER = "exit: [{when: {lifecycle: customer}, reason: became a customer}]"
WINDOW = 'timing: {window: {days: mon-fri, hours: "09:00-17:00"}}\n'


def enter(play: Play, head: str, steps: str = LONG) -> None:
    play.apply(sequence(steps, head=head))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()


def test_an_exit_ends_the_enrolment_with_its_reason(play: Play) -> None:
    enter(play, CUSTOMER)
    play.change("ann", "lifecycle", "customer")
    play.tick("03-03 08:00")
    (enrolment,) = play.enrolments()
    assert (enrolment.state, enrolment.reason) == ("exited", "became a customer")
    assert enrolment.ended_at == at("03-03 08:00")
    assert (enrolment.due_at, enrolment.recheck_at, enrolment.watch_at) == (None, None, None)
    assert play.decisions("ann", "exited") == ["exited: became a customer"]


def test_a_goal_ends_the_enrolment(play: Play) -> None:
    enter(play, "goal: {event: demo_booked}")
    play.now = at("03-03 08:00")
    play.event("ann", "demo_booked")
    play.tick()
    assert play.state() == "goal"


def test_a_goal_comes_before_an_exit_that_holds_too(play: Play) -> None:
    enter(play, CUSTOMER + "\ngoal: {event: demo_booked}")
    play.now = at("03-03 08:00")
    play.event("ann", "demo_booked")
    play.change("ann", "lifecycle", "customer")
    play.tick()
    assert play.state() == "goal"
    assert len(play.decisions("ann", "goal", "exited")) == 1


def test_events_before_the_enrolment_do_not_count(play: Play) -> None:
    play.apply(sequence(LONG, head="goal: {event: demo_booked}"))
    play.lead()
    play.event("ann", "demo_booked", "03-01 08:00")
    play.event("ann", "form_submitted")
    play.tick()
    play.change("ann", "company", "New")
    play.tick("03-03 08:00")
    assert play.state() == "active"


def test_a_late_engagement_of_the_enrolments_time_still_counts(play: Play) -> None:
    enter(play, "goal: {event: demo_booked}")
    play.now = at("03-09 08:00")
    play.event("ann", "demo_booked", "03-04 08:00")
    play.tick()
    assert play.state() == "goal"


def test_mail_that_waits_for_its_window_is_called_off(play: Play) -> None:
    enter(play, WINDOW + CUSTOMER, "- send: welcome")
    assert [state for _, state, _ in play.mails()] == ["due"]
    play.change("ann", "lifecycle", "customer")
    play.until("03-02 12:00")
    assert play.mails() == [("welcome", "cancelled", "left the sequence: became a customer")]
    assert play.sent() == []


def test_only_the_sequence_with_the_rule_is_left(play: Play) -> None:
    play.apply(sequence(LONG, head=CUSTOMER), sequence(LONG, name="other"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    play.change("ann", "lifecycle", "customer")
    play.tick("03-03 08:00")
    assert (play.state(), play.state("ann", "other")) == ("exited", "active")


def test_time_alone_can_end_an_enrolment(play: Play) -> None:
    play.apply(sequence(LONG, head="exit: [{when: {score: {below: 20}}, reason: lost interest}]"))
    play.lead()
    play.event("ann", "page_viewed")
    play.event("ann", "form_submitted")
    play.until("03-20 08:00", step=timedelta(days=30))
    (enrolment,) = play.enrolments()
    assert enrolment.state == "exited"
    fallen = at("03-02 08:00") + timedelta(days=14) * 0.585
    assert enrolment.ended_at is not None
    assert timedelta(0) <= enrolment.ended_at - fallen < timedelta(hours=1)


def test_an_exit_during_a_pause_is_made_up_for(play: Play) -> None:
    enter(play, CUSTOMER)
    pause = [{"sequence": "flow", "since": play.now, "reason": "a typo"}]
    play.do(lambda s: insert_new_values(s, t.Pause, pause))
    play.change("ann", "lifecycle", "customer")
    play.tick("03-03 08:00")
    assert play.state() == "active"
    play.do(lambda s: s.execute(table_of(t.Pause).delete()))
    play.change("ann", "company", "touched by the resume")
    play.tick("03-04 08:00")
    assert play.state() == "exited"


def test_more_leads_than_a_batch_leave_by_time(play: Play) -> None:
    rule = "exit: [{when: {not: {event: poked, within: 2 days}}, reason: silent}]"
    definitions = play.apply(sequence(LONG, head=rule))
    names = [f"l{n}" for n in range(7)]
    for name in names:
        play.lead(name)
        play.event(name, "form_submitted")
        play.event(name, "poked", "03-02 08:00")
    play.tick()
    enrolment = table_of(t.Enrolment).c
    assert play.rows(select(enrolment.watch_at).distinct()) == [(at("03-04 08:00"),)]
    with batches_of(2, definitions):
        outcome = play.tick("03-04 08:00")
    assert {play.state(name) for name in names} == {"exited"}
    assert outcome.next_due is None or outcome.next_due > play.now


def tick_without(play: Play, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A tick in which a pass fails."""

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(work, name, failing)
        assert run_tick(play.runtime(), now=play.now).failures


def test_who_could_not_be_judged_stays_and_all_others_go_on(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at exits fails: nobody it is about gets a mail that an exit might have stopped."""
    play.apply(
        sequence(
            "- wait: 1 day\n- send: welcome",
            head="exit: [{when: {lifecycle: customer}, reason: a customer}]",
        )
    )
    for name in ("ann", "bob"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick("03-02 08:00")
    play.now = at("03-03 09:00")
    play.change("ann", "lifecycle", "customer")
    tick_without(play, monkeypatch, "leave")
    assert play.sent("bob") == [("welcome", "03-03 09:00")]
    assert play.mails("ann") == []
    play.tick()
    assert play.state("ann") == "exited"
    assert play.mails("ann") == []


LATE = 'timing: {window: {days: mon-fri, hours: "09:00-17:00"}, late: {send_within: 2 hours}}\n'
PLANNED = ("welcome", "due", "outside its sending window: goes when the window opens")
CHANGED = {"ann": ("lifecycle", "customer"), "bob": ("country", "DE")}
"""Of whom something new is known: it lets Ann leave, and Bob stay."""


@pytest.mark.parametrize(("moment", "fate"), [("03-02 09:30", "sent"), ("03-02 12:00", "expired")])
def test_nothing_is_said_of_the_mail_of_who_could_not_be_judged(
    play: Play, monkeypatch: pytest.MonkeyPatch, moment: str, fate: str
) -> None:
    """It neither goes nor ends, all other mail does; the next tick looks at its leads first."""
    play.apply(sequence("- send: welcome", head=LATE + CUSTOMER))
    for name in ("ann", "bob", "cid"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick("03-02 08:00")
    planned = [play.mails(name) for name in CHANGED]
    play.now = at(moment)
    for name, (field, value) in CHANGED.items():
        play.change(name, field, value)
    tick_without(play, monkeypatch, "leave")
    assert [play.mails(name) for name in CHANGED] == planned == 2 * [[PLANNED]]
    assert play.mails("cid")[0][1] == fate
    play.tick()
    assert play.mails("ann") == [("welcome", "cancelled", "left the sequence: became a customer")]
    assert play.mails("bob")[0][1] == fate


def test_a_mail_does_not_go_before_the_look_that_time_alone_asks_for(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "exit: [{when: {not: {event: poked, within: 1 hour}}, reason: silent}]"
    play.apply(sequence("- send: welcome", head=WINDOW + rule))
    play.lead()
    play.event("ann", "form_submitted")
    play.event("ann", "poked")
    play.tick("03-02 08:00")
    play.now = at("03-02 09:00")
    tick_without(play, monkeypatch, "advance")
    assert play.mails() == [PLANNED]
    play.tick()
    assert play.mails() == [("welcome", "cancelled", "left the sequence: silent")]
