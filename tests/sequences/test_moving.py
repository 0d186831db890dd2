"""Edits with leads on every step: who stays, who moves where, who leaves, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.fixtures_ledger import CALENDARS, empty
from tests.sequences.play import Play, at
from tests.sequences.texts import sequence

E, M = (table_of(model).c for model in (t.Enrolment, t.Message))
OLD = "- wait: 1 day\n- send: welcome\n- wait: 2 days\n- send: tips\n- wait: 3 days\n- send: offer"
MOVE = "edits: {enrolled: move}\n"
NIGHT = 'timing: {window: {hours: "09:00-10:00"}}\n'


def on_the_way(play: Play, steps: str = OLD, *, head: str = "") -> None:
    """Ann is in the first wait, applied as version 1."""
    play.apply(sequence(steps, head=head))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")


def test_a_wait_that_has_begun_lasts_as_long_as_it_did(play: Play) -> None:
    on_the_way(play)
    play.apply(sequence(OLD.replace("1 day", "5 days").replace("offer", "news"), head=MOVE))
    play.until("03-12 08:00")
    assert play.sent() == [
        ("welcome", "03-03 08:00"), ("tips", "03-05 08:00"), ("news", "03-08 08:00"),
    ]  # fmt: skip
    assert "version: moved to version 2: the same step" in play.decisions()


def test_who_stays_finishes_on_the_version_it_began_with(play: Play) -> None:
    on_the_way(play)
    play.apply(sequence("- send: news", head="edits: {enrolled: stay}\n"))
    play.until("03-12 08:00")
    assert [mail for mail, _ in play.sent()] == ["welcome", "tips", "offer"]


def test_a_step_that_is_gone_is_passed(play: Play) -> None:
    on_the_way(play)
    play.until("03-03 09:00")
    play.apply(sequence("- send: welcome\n- send: news\n- send: offer", head=MOVE))
    play.until("03-12 08:00")
    assert play.sent() == [("welcome", "03-03 08:00"), ("offer", "03-05 08:00")]
    why = "version: moved to version 2: its step is gone, goes on with the next one left"
    assert why in play.decisions()


def test_everybody_can_be_sent_out(play: Play) -> None:
    on_the_way(play)
    play.apply(sequence(OLD, head="edits: {enrolled: exit, reason: the offer is over}\n"))
    play.until("03-12 08:00")
    assert play.sent() == []
    assert play.state() == "exited"
    assert "exited: the offer is over (version 2)" in play.decisions()


def test_those_at_one_step_can_go_elsewhere_and_the_others_stay(play: Play) -> None:
    on_the_way(play)
    play.lead("bob")
    play.until("03-03 09:00")
    play.event("bob", "form_submitted")
    play.tick("03-03 10:00")  # bob in the first wait, ann in the second
    edits = 'edits: {steps: {"wait:1 day#1": exit, "wait:2 days#1": last}}\n'
    play.apply(sequence(OLD.replace("- send: offer", "- {id: last, send: offer}"), head=edits))
    play.until("03-12 08:00")
    assert play.sent() == [("welcome", "03-03 08:00"), ("offer", "03-05 08:00")]
    assert play.sent("bob") == []
    assert "exited: sent out by an edit (version 2)" in play.decisions("bob")


def test_a_mail_whose_step_is_gone_is_not_sent(play: Play) -> None:
    on_the_way(play, "- send: welcome\n- send: tips", head=NIGHT)
    assert [mail[:2] for mail in play.mails()] == [("welcome", "due")]
    play.apply(sequence("- send: tips", head=NIGHT + MOVE))
    play.until("03-04 08:00")
    assert play.mails() == [
        ("welcome", "cancelled", "its step was taken out by version 2"),
        ("tips", "sent", "accepted by the mail server"),
    ]


def test_a_mail_under_way_is_sent_once_whatever_moves(play: Play) -> None:
    on_the_way(play, "- send: welcome\n- send: tips", head=NIGHT)
    play.apply(sequence("- send: tips\n- wait: 1 day\n- send: welcome", head=NIGHT + MOVE))
    play.until("03-08 08:00")
    assert [mail for mail, _ in play.sent()] == ["welcome", "tips"]


def test_a_gate_goes_on_counting_and_its_new_condition_is_asked(play: Play) -> None:
    gate = "    gate: {when: {vip: true}, within: 10 days, otherwise: [{send: offer}]}\n    steps:"
    old = sequence("- send: welcome").replace("    steps:", gate)
    play.apply(old)
    play.lead(attributes={"plan": "gold"})
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    new = old.replace("vip: true", "plan: gold").replace("topic:", f"{MOVE}topic:", 1)
    play.apply(new)
    play.until("03-03 08:00")
    assert play.sent() == [("welcome", "03-02 08:00")]


def test_who_stood_at_a_gate_that_is_gone_goes_on_at_once(play: Play) -> None:
    gate = "    gate: {when: {vip: true}, within: 10 days}\n    steps:"
    play.apply(sequence("- send: welcome").replace("    steps:", gate))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.apply(sequence("- send: welcome", head=MOVE))
    play.until("03-03 08:00")
    assert play.sent() == [("welcome", "03-02 08:00")]


def test_who_is_sent_to_another_gate_has_all_its_time_there(play: Play) -> None:
    gate = "    gate: {when: {vip: true}, within: 10 days, otherwise: [{send: offer}]}\n    steps:"
    old = sequence("- send: welcome").replace("    steps:", gate)
    new = f"{old}\n  - stage: second\n{gate}\n      - send: tips\n"
    play.apply(old)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    edits = 'edits: {steps: {"gate:first": "gate:second"}}\n'
    play.apply(new.replace("topic:", f"{edits}topic:", 1))
    play.until("03-11 08:00")
    assert play.sent() == []
    play.until("03-13 08:00")
    assert play.sent() == [("offer", "03-12 08:00"), ("tips", "03-12 08:00")]


def test_an_exit_rule_of_the_newer_version_is_asked_at_once(play: Play) -> None:
    on_the_way(play)
    play.change("ann", "lifecycle", "customer")
    play.tick()
    rule = "exit: [{when: {lifecycle: customer}, reason: bought}]\n"
    play.apply(sequence(OLD, head=rule + MOVE))
    play.tick("03-02 09:00")
    assert play.state() == "exited"


def test_many_leads_take_as_many_statements_as_few(play: Play) -> None:
    from tests.fixtures_ledger import counting

    told = []
    for size in (3, 60):
        empty(play.ledger, but=CALENDARS)
        play.apply(sequence(OLD))
        with play.at_once():
            for number in range(size):
                play.lead(f"l{number}")
                play.event(f"l{number}", "form_submitted")
        play.tick("03-02 08:00")
        with counting(play.ledger) as sent:
            play.apply(sequence(OLD.replace("1 day", "2 days"), head=MOVE))
        told.append(len(sent))
        moved = select(func.count()).where(E.path == "flow/first/1", E.state == "active")
        assert play.rows(moved)[0][0] == size
        assert len(play.rows(select(E.definition_id).distinct())) == 1
    assert told[1] <= told[0]  # versions seen before are not read again


STEPS = (
    "- send: welcome", "- send: tips", "- send: offer", "- wait: 1 day", "- wait: 2 days",
    "- update: {add_tags: seen}", "- {id: one, wait: 3 days}", "- {id: two, send: news}",
    "- {wait_for: {event: poked}, within: 2 days, then: [{send: offer}]}",
    "- branch: [{when: {vip: true}, steps: [{wait: 1 day}]}, {otherwise: [{send: tips}]}]",
)  # fmt: skip
bodies = st.lists(st.sampled_from(STEPS), min_size=1, max_size=6).map("\n".join)


def plain(body: str) -> bool:
    """An id stands once."""
    return body.count("id: one") < 2 and body.count("id: two") < 2


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    bodies.filter(plain), bodies.filter(plain),
    st.sampled_from(["stay", "move", "exit"]), st.integers(0, 6),
)  # fmt: skip
def test_whatever_is_edited_everybody_comes_to_an_end_and_gets_nothing_twice(
    play: Play, before: str, after: str, enrolled: str, days: int
) -> None:
    empty(play.ledger, but=CALENDARS)
    play.apply(sequence(before))
    begun: datetime = at("03-02 08:00")
    for number in range(4):
        play.lead(f"l{number}", attributes={"vip": number % 2 == 0})
        play.event(f"l{number}", "form_submitted", begun + timedelta(days=number))
        play.tick(begun + timedelta(days=number))
    play.until(begun + timedelta(days=3 + days))
    play.apply(sequence(after, head=f"edits: {{enrolled: {enrolled}}}\n"))
    if enrolled != "stay":
        there = select(E.definition_id).where(E.state == "active").distinct()
        assert len(play.rows(there)) <= 1
    play.until(begun + timedelta(days=40))
    assert not play.rows(select(E.id).where(E.state.in_(("active", "failed"))))
    assert not play.rows(select(M.id).where(M.state.in_(("due", "deferred", "claimed"))))
    twice = select(M.enrolment_id, M.step).group_by(M.enrolment_id, M.step)
    assert not play.rows(twice.having(func.count() > 1))


@pytest.fixture(autouse=True)
def starts_at_eight(play: Play) -> None:
    play.now = at("03-02 08:00")
