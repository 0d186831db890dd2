"""Edits while leads are on their way."""

from __future__ import annotations

from sqlalchemy import update

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.texts import sequence

ENROLMENT = table_of(t.Enrolment)
FIRST = sequence("- wait: 1 day\n- send: welcome")
SECOND = sequence("- wait: 1 day\n- send: tips\n- send: offer")


def test_running_enrolments_finish_on_the_version_they_began(play: Play) -> None:
    play.apply(FIRST)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.apply(SECOND)
    play.lead("bob")
    play.event("bob", "form_submitted")
    play.until("03-04 08:00")
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]
    assert [mail for mail, _ in play.sent("bob")] == ["tips", "offer"]
    versions = {play.enrolments(name)[0].definition_id for name in ("ann", "bob")}
    assert len(versions) == 2


def test_an_exit_added_later_does_not_reach_back(play: Play) -> None:
    play.apply(FIRST)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    head = "exit: [{when: {lifecycle: customer}, reason: a customer}]"
    play.apply(sequence("- wait: 1 day\n- send: welcome", head=head))
    play.change("ann", "lifecycle", "customer")
    play.until("03-04 08:00")
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]


def test_a_removed_sequence_lets_nobody_in_and_everybody_finish(play: Play) -> None:
    play.apply(FIRST, sequence("- wait: 1 hour", name="other"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    (play.folder / "sequences/flow.yaml").unlink()
    play.apply()
    play.lead("bob")
    play.event("bob", "form_submitted")
    play.until("03-04 08:00")
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]
    assert play.state("bob") == ""


def test_again_counts_over_versions(play: Play) -> None:
    play.apply(sequence("- send: welcome", head="enter: {when: {event: form_submitted}}"))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.apply(sequence("- send: tips", head="enter: {when: {event: form_submitted}}"))
    play.event("ann", "form_submitted")
    play.tick("03-02 09:00")
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]


def test_a_step_that_does_not_exist_ends_the_enrolment_and_nothing_else(play: Play) -> None:
    play.apply(FIRST)
    for name in ("ann", "bob"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick("03-02 08:00")
    lost = update(ENROLMENT).where(ENROLMENT.c.lead_id == 1).values(position=40)
    play.do(lambda s: s.execute(lost))
    play.until("03-04 08:00")
    (enrolment,) = play.enrolments("ann")
    assert enrolment.state == "failed"
    reason = "its step does not exist in this version of the sequence"
    assert play.decisions("ann", "failed") == [f"failed: {reason}"]
    assert [mail for mail, _ in play.sent("bob")] == ["welcome"]


def test_a_version_nobody_can_read_stops_only_itself(play: Play) -> None:
    waits_at_a_gate = """
sequence: gated
topic: tips
enter: {when: {event: form_submitted}}
stages:
  - stage: a
    gate: {when: {score: {below: 20}}, within: 90 days}
    steps: [{send: news}]
"""
    play.apply(FIRST, waits_at_a_gate)
    play.lead()
    play.event("ann", "page_viewed")
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    definition = table_of(t.Definition)
    broken = update(definition).where(definition.c.name == "gated")
    play.do(lambda s: s.execute(broken.values(source="sequence: [", hash="x")))
    play.until("04-20 08:00")  # never due for ever, although the gate's hour has come
    assert play.definitions().unreadable
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]
    assert play.state("ann", "gated") == "active"
