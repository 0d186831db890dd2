"""Steps that write something: update, score, hand_off, start, end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values, table_of
from tests.sequences.play import Play
from tests.sequences.texts import HANDOFF, sequence

CHANGE, TAG, CONSENT, ENTRY, EPISODE = (
    table_of(model).c for model in (t.Change, t.LeadTag, t.Consent, t.ScoreEntry, t.Episode)
)


def run(play: Play, steps: str, **lead: Any) -> None:
    """One lead walks the steps at once."""
    play.apply(sequence(steps))
    play.lead(**lead)
    play.event("ann", "form_submitted")
    play.tick()
    assert play.state() == "completed"


def changes(play: Play) -> list[tuple[str, str, str]]:
    rows = select(CHANGE.field, CHANGE.old, CHANGE.new).order_by(CHANGE.id)
    return [tuple(row) for row in play.rows(rows)]


def test_an_update_writes_fields_and_says_what_was_there(play: Play) -> None:
    fields = "{country: DE, plan: pro, employees: 12, vip: true}"
    run(play, f"- update: {{fields: {fields}, lifecycle: mql}}", country="AT")
    lead = play.lead_row()
    assert (lead.country, lead.lifecycle) == ("DE", "mql")
    assert lead.attributes == {"plan": "pro", "employees": 12, "vip": True}
    assert changes(play) == [
        ("country", "AT", "DE"),
        ("plan", "", "pro"),
        ("employees", "", "12"),
        ("vip", "", "true"),
        ("lifecycle", "lead", "mql"),
    ]


def test_an_update_that_changes_nothing_leaves_no_change(play: Play) -> None:
    known = {"plan": "pro", "employees": 12, "vip": True, "other": 1}
    fields = "{country: DE, plan: pro, employees: 12, vip: true}"
    run(play, f"- update: {{fields: {fields}}}", country="DE", attributes=known)
    assert play.lead_row().attributes == known
    assert changes(play) == []


def test_tags_come_and_go_with_their_reason(play: Play) -> None:
    run(play, "- update: {add_tags: [a, b]}\n- update: {remove_tags: [b, c]}")
    assert play.rows(select(TAG.tag, TAG.reason)) == [("a", "flow/first/1")]
    assert changes(play) == [("tags", "b", "")]


def test_two_orders_of_one_lead_write_one_change(play: Play) -> None:
    head = "enter: {when: {event: ordered}, once_per: order_id}"
    play.apply(sequence("- update: {fields: {plan: pro}}\n- score: 5", head=head))
    play.lead()
    for order in ("1", "2"):
        play.event("ann", "ordered", order_id=order)
    play.tick()
    assert changes(play) == [("plan", "", "pro")]
    assert len(play.rows(select(ENTRY.id))) == 2


def test_a_sequence_unsubscribes_and_never_overrules_a_no(play: Play) -> None:
    steps = "- update: {unsubscribe: [tips], subscribe: [offers]}"
    play.apply(sequence(steps))
    for name in ("ann", "bob"):
        play.lead(name)
    play.opt_out("bob", "tips")
    play.opt_out("bob", "offers")
    play.tick("03-02 09:00")
    for name in ("ann", "bob"):
        play.event(name, "form_submitted")
    play.tick()
    rows = play.rows(
        select(CONSENT.topic, CONSENT.subscribed, CONSENT.reason).order_by(
            CONSENT.lead_id, CONSENT.topic
        )
    )
    assert rows == [
        ("offers", True, "flow/first/1"),
        ("tips", False, "flow/first/1"),
        ("offers", False, "said stop"),
        ("tips", False, "said stop"),
    ]


def test_a_yes_is_turned_into_a_no(play: Play) -> None:
    play.apply(sequence("- update: {unsubscribe: [tips]}"))
    lead = play.lead()
    said = {"lead_id": lead, "topic": "tips", "subscribed": True, "decided_at": play.now,
            "reason": "asked for it"}  # fmt: skip
    play.do(lambda s: insert_new_values(s, t.Consent, [said]))
    play.event("ann", "form_submitted")
    play.tick()
    assert play.rows(select(CONSENT.subscribed)) == [(False,)]


def test_a_score_step_counts_once_and_is_seen_in_the_same_tick(play: Play) -> None:
    run(play, "- score: {points: 70, reason: came this far}")
    lead = play.lead_row()
    assert (lead.behaviour, lead.lifecycle) == (70.0, "mql")
    play.tick("03-03 08:00")
    assert play.rows(select(ENTRY.points, ENTRY.reason)) == [(70.0, "came this far")]


def test_hand_off_offers_the_lead_to_sales_at_once(play: Play) -> None:
    play.apply(sequence("- hand_off: {team: smb, reason: is ripe}\n- wait: 1 day"), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 09:30")
    handoff = play.handoff("ann")
    assert (handoff.team, handoff.state, handoff.path) == ("smb", "offered", "flow/first/1")
    assert handoff.rep == "bo"
    assert play.decisions("ann", "hand_off") == ["hand_off: offered to sales: is ripe"]


def test_who_is_with_sales_is_not_offered_again(play: Play) -> None:
    steps = "- hand_off: {team: smb, reason: one}\n- wait: 1 day\n- hand_off: smb"
    play.apply(sequence(steps), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 09:30")
    play.sales("ann", "accept")
    play.until("03-04 09:00")
    assert play.decisions("ann", "hand_off")[1:] == ["hand_off: is with sales already"]
    assert len(play.rows(select(EPISODE.id))) == 1


def test_start_moves_a_lead_to_another_sequence(play: Play) -> None:
    play.apply(
        sequence("- start: other"),
        sequence("- send: news", name="other", head="enter: {segment: {tags: never}}"),
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    assert play.state() == "moved"
    assert play.sent() == [("news", "03-02 08:00")]
    assert play.decisions("ann", "entered")[1] == "entered: started by flow"


def test_start_doubles_nobody_who_is_there_already(play: Play) -> None:
    both = "enter: {when: {event: form_submitted}}"
    play.apply(
        sequence("- wait: 1 hour\n- start: other"),
        sequence("- wait: 5 days", name="other", head=both),
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-02 10:00")
    assert play.state() == "moved"
    assert len(play.enrolments("ann", "other")) == 1


def test_start_is_not_held_back_by_again(play: Play) -> None:
    both = "enter: {when: {event: form_submitted}, again: never}"
    play.apply(
        sequence("- wait: 1 hour\n- start: other"),
        sequence("- send: news", name="other", head=both),
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-02 10:00")
    assert [each.turn for each in play.enrolments("ann", "other")] == [1, 2]


def test_who_is_started_into_a_paused_sequence_stands_there_until_it_goes_on(play: Play) -> None:
    play.apply(
        sequence("- start: other"),
        sequence("- send: news", name="other", head="enter: {segment: {tags: never}}"),
    )
    pause = [{"sequence": "other", "since": play.now, "reason": "a typo"}]
    play.do(lambda s: insert_new_values(s, t.Pause, pause))
    play.lead()
    play.event("ann", "form_submitted")
    outcome = play.tick()
    assert play.state("ann", "other") == "active"
    assert play.sent() == []
    assert outcome.next_due is None or outcome.next_due > play.now
    play.do(lambda s: s.execute(table_of(t.Pause).delete()))
    play.tick("03-02 09:00")
    assert play.sent() == [("news", "03-02 09:00")]


def test_a_started_sequence_that_was_taken_away_ends_the_way_with_a_reason(play: Play) -> None:
    play.apply(
        sequence("- wait: 1 day\n- start: other"),
        sequence("- send: news", name="other", head="enter: {segment: {tags: never}}"),
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    (play.folder / "sequences/other.yaml").unlink()
    play.apply(sequence("- wait: 1 day"))
    play.until("03-04 08:00")
    assert play.decisions("ann", "start") == ["start: other is not applied any more"]
    assert play.state() == "moved"


def test_end_says_why(play: Play) -> None:
    run(play, "- send: welcome\n- end: that is all")
    assert play.decisions("ann", "end") == ["end: that is all"]
