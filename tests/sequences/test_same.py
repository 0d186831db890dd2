"""What a step compares with the event that let its lead in: one appointment and not the other."""

from __future__ import annotations

from datetime import timedelta

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.asked import ask_in
from tests.sequences.play import Play
from tests.sequences.texts import sequence

HEAD = "enter: {when: {event: ordered}, once_per: id, again: always}\n"
CALLED_OFF = HEAD + "exit: [{when: {event: poked, same: id}, reason: called off}]"
E = table_of(t.Enrolment).c


def reasons(play: Play, name: str = "ann") -> dict[str, str]:
    """By key: why the lead left, '' while it is in."""
    return {each.key: each.reason for each in play.enrolments(name) if each.state == "exited"}


def test_an_exit_ends_the_enrolment_of_the_same_key_alone(play: Play) -> None:
    play.apply(sequence("- wait: 9 days", head=CALLED_OFF))
    play.lead()
    for key in ("a", "b", "A", 7, 7.5, True):
        play.event("ann", "ordered", id=key)
    play.tick("03-02 08:10")
    for key in ("a", "7", 7.5, "true", "c", None, "", [], {"id": "b"}):
        play.event("ann", "poked", id=key)
    play.event("ann", "poked")
    play.tick("03-02 08:20")
    gone = dict.fromkeys(("a", "7", "7.5", "true"), "called off")
    assert reasons(play) == gone
    assert {each.key for each in play.enrolments() if each.state == "active"} == {"A", "b"}


def test_a_wait_for_ends_with_the_same_event_alone(play: Play) -> None:
    steps = """
- wait_for: {event: poked, same: id}
  within: 3 days
  then: [{end: poked}]
  otherwise: [{end: left alone}]
"""
    play.apply(sequence(steps, head=HEAD))
    play.lead()
    for key in ("a", "b"):
        play.event("ann", "ordered", id=key)
    play.tick("03-02 08:10")
    play.event("ann", "poked", "03-03 08:00", id="b")
    play.until("03-06 08:00")
    ends = {each.key: each.reason for each in play.enrolments()}
    assert ends == {"a": "left alone", "b": "poked"}
    assert "event: happened: poked with the same id" in play.decisions()


def test_what_let_in_is_no_news_of_itself(play: Play) -> None:
    steps = """
- wait_for: [{event: ordered, same: [id, how]}, {event: poked, same: id, then: [{end: poked}]}]
  within: 3 days
  otherwise: [{end: nothing came}]
"""
    head = HEAD + "goal: {event: ordered, same: id, where: {how: again}}"
    play.apply(sequence(steps, head=head))
    play.lead()
    play.event("ann", "ordered", "03-02 08:10", id="a", how="again")
    play.tick("03-02 08:10")
    assert play.state() == "active"
    play.until("03-06 08:10")
    assert play.enrolments()[0].reason == "nothing came"


def test_a_branch_asks_for_the_same_order_also_of_what_let_in(play: Play) -> None:
    steps = """
- wait: 1 hour
- branch:
    - {when: {event: ordered, same: id, where: {total: {above: 10}}}, steps: [{end: large}]}
    - {when: {event: poked, same: id, at_least: 2}, steps: [{end: poked twice}]}
    - {when: {not: {event: poked, same: id}}, steps: [{end: left alone}]}
"""
    play.apply(sequence(steps, head=HEAD))
    play.lead()
    for key, total in (("a", 20), ("b", 5), ("c", 5), ("d", 5)):
        play.event("ann", "ordered", id=key, total=total)
    for key in ("b", "b", "d", "e", "e"):
        play.event("ann", "poked", id=key)
    play.until("03-02 10:00")
    ends = {each.key: each.reason for each in play.enrolments()}
    closing = "came to the end of the sequence"
    assert ends == {"a": "large", "b": "poked twice", "c": "left alone", "d": closing}


def test_a_gate_opens_by_the_same_event_and_closes_by_itself(play: Play) -> None:
    gated = sequence("- wait: 1 minute", head=HEAD) + """
  - stage: second
    gate: {when: {event: poked, same: id, within: 2 hours}, within: 1 day}
    steps: [{wait: 9 days}]
"""
    play.apply(gated)
    play.lead()
    for key in ("a", "b"):
        play.event("ann", "ordered", id=key)
    play.tick("03-02 08:10")
    play.event("ann", "poked", id="b")
    play.until("03-03 12:00")
    assert {each.key: each.state for each in play.enrolments()} == {"a": "completed", "b": "active"}


def test_a_goal_of_the_same_order_counts_after_the_end(play: Play) -> None:
    head = HEAD + "goal: {event: poked, same: id}\ngoal_within: 9 days"
    play.apply(sequence("- wait: 1 hour", head=head))
    play.lead()
    for key in ("a", "b"):
        play.event("ann", "ordered", id=key)
        play.until(play.now + timedelta(days=1))
    play.event("ann", "poked", id="a")
    play.tick(play.now + timedelta(hours=1))
    assert all(each.goal_at is None for each in play.enrolments()), "only the last is asked for"
    play.event("ann", "poked", id="b")
    play.tick(play.now + timedelta(hours=1))
    assert [each.key for each in play.enrolments() if each.goal_at] == ["b"]


def test_who_was_asked_in_by_a_key_has_it_and_nothing_else(play: Play) -> None:
    exits = "exit: [{when: {event: poked, same: id}, reason: by key}, {when: {event: poked,"
    head = HEAD + exits + " same: how}, reason: by more}]"
    play.apply(sequence("- wait: 9 days", head=head))
    lead = play.lead()
    play.tick("03-02 08:10")
    for key in ("a", "b"):
        play.do(
            lambda s, key=key: ask_in(
                s, play.definitions(), "flow", [lead], key=key, reason="by hand", now=play.now
            )
        )
    play.event("ann", "poked", id="b", how="a")
    play.tick("03-02 08:20")
    assert reasons(play) == {"b": "by key"}


def test_who_was_started_there_by_another_sequence_has_nothing_the_same(play: Play) -> None:
    play.apply(
        sequence("- wait: 9 days", head=CALLED_OFF),
        sequence("- start: flow", name="other", head="enter: {when: {event: form_submitted}}"),
    )
    play.lead()
    play.event("ann", "form_submitted", id="a")
    play.tick("03-02 08:10")
    play.event("ann", "poked", id="a")
    play.event("ann", "poked", id="")
    play.tick("03-02 08:20")
    assert play.state() == "active"


def test_who_waits_for_room_brings_the_event_along(play: Play) -> None:
    head = CALLED_OFF.replace("same: id", "same: how")
    head = head.replace("again: always", "at_most: 1 per day")
    play.apply(sequence("- wait: 9 days", head=head))
    play.lead()
    for key in ("a", "b"):
        play.event("ann", "ordered", f"03-02 07:0{'ab'.index(key)}", id=key, how=key * 2)
    play.until("03-03 08:00")
    assert [each.key for each in play.enrolments()] == ["a", "b"]
    play.event("ann", "poked", how="bb")
    play.tick("03-03 09:00")
    assert reasons(play) == {"b": "called off"}


def test_moved_to_a_version_that_asks_the_event_is_known(play: Play) -> None:
    once = "enter: {when: {event: ordered}, again: always}"
    play.apply(sequence("- id: rest\n  wait: 9 days\n- wait: 9 days", head=once))
    play.lead()
    play.event("ann", "ordered", id="a")
    play.tick("03-02 08:10")
    play.apply(
        sequence(
            "- id: rest\n  wait: 9 days\n- wait: 9 days",
            head=CALLED_OFF + "\nedits: {enrolled: move}",
        )
    )
    play.event("ann", "poked", id="b")
    play.tick("03-02 08:20")
    assert play.state() == "active"
    play.event("ann", "poked", id="a")
    play.tick("03-02 08:30")
    assert play.state() == "exited"


def test_an_event_that_was_taken_back_is_the_same_in_nothing(play: Play) -> None:
    play.apply(sequence("- wait: 9 days", head=CALLED_OFF))
    play.lead()
    play.event("ann", "ordered", id="a")
    play.tick("03-02 08:10")
    play.withdraw(play.event("ann", "poked", id="a"))
    play.tick("03-02 08:20")
    assert play.state() == "active"
