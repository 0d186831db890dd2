"""Which event let a lead in, by its key: of two the first, as it was told last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.test_same import CALLED_OFF, HEAD, reasons
from tests.sequences.texts import sequence

STRANGE: list[Any] = [
    "x" * 300, "naïve “Größe” 東京", "a'b\"c\\d", "%_*?", "null", "true", " ", "\u202eabc", 0, -1,
    10**18, 0.1, False,
]  # fmt: skip


def test_strange_keys_are_told_apart_and_found_again(play: Play) -> None:
    play.apply(sequence("- wait: 9 days", head=CALLED_OFF))
    play.lead()
    for key in STRANGE:
        play.event("ann", "ordered", id=key)
    play.tick("03-02 08:10")
    assert len(play.enrolments()) == len(STRANGE)
    for left, key in enumerate(STRANGE, start=1):
        play.event("ann", "poked", id=key)
        play.tick(play.now + timedelta(minutes=1))
        assert len(reasons(play)) == left, key


@pytest.mark.parametrize("key", ["x" * 301, "y" * 12_000, [], {}, ["a"], {"a": {"b": 1}}, None, ""])
def test_what_is_no_key_lets_nobody_in_and_holds_up_nobody(play: Play, key: Any) -> None:
    play.apply(sequence("- wait: 9 days", head=CALLED_OFF))
    play.lead()
    play.lead("bob")
    play.event("ann", "ordered", id=key)
    play.event("bob", "ordered", id="b")
    play.tick("03-02 08:10")
    assert play.state() == ""
    assert play.state("bob") == "active"


def test_of_two_events_with_one_key_at_once_the_first_lets_in(play: Play) -> None:
    steps = "- branch: [{when: {event: poked, same: how}, steps: [{end: as first}]}]"
    play.apply(sequence(f"- wait: 1 hour\n{steps}", head=HEAD))
    play.lead()
    play.event("ann", "ordered", "03-02 08:00", id="a", how="second")
    play.event("ann", "ordered", "03-02 07:59", id="a", how="first")
    play.event("ann", "ordered", "03-02 07:59", id="a", how="as early, told later")
    play.event("ann", "poked", how="first")
    play.until("03-02 10:00")
    (one,) = play.enrolments()
    assert one.reason == "as first"
    happened = table_of(t.Engagement).c
    (row,) = play.rows(select(happened.properties).where(happened.id == one.engagement_id))
    assert row[0]["how"] == "first"


def test_told_once_more_an_event_is_what_it_was(play: Play) -> None:
    play.apply(sequence("- wait: 9 days", head=CALLED_OFF.replace("same: id", "same: how")))
    play.lead()
    told = play.event("ann", "ordered", id="a", how="one")
    play.tick("03-02 08:10")
    play.retell("ann", "ordered", None, told, id="a", how="two")
    play.event("ann", "poked", how="two")
    play.tick("03-02 08:20")
    assert reasons(play) == {}
    play.event("ann", "poked", how="one")
    play.tick("03-02 08:30")
    assert reasons(play) == {"a": "called off"}


def test_a_corrected_event_takes_the_place_of_the_first(play: Play) -> None:
    head = HEAD + "exit: [{when: {event: ordered, same: id}, reason: another date}]"
    play.apply(sequence("- wait: 1 hour\n- send: welcome\n- wait: 9 days", head=head))
    play.lead()
    play.event("ann", "ordered", id="a", date="2026-05-01")
    play.event("ann", "ordered", id="b", date="2026-05-01")
    play.tick("03-02 08:10")
    play.event("ann", "ordered", "03-02 08:30", id="a", date="2026-05-02")
    play.until("03-02 12:00")
    states = [(each.key, each.turn, each.state) for each in play.enrolments()]
    assert states == [("a", 1, "exited"), ("b", 1, "active"), ("a", 2, "active")]
    assert len(play.sent()) == 2
    play.event("ann", "ordered", "03-02 12:10", id="b", date="2026-05-03")
    play.event("ann", "ordered", "03-02 12:20", id="b", date="2026-05-04")
    play.tick("03-02 13:00")
    third = play.enrolments()[-1]
    assert (third.key, third.state, third.begun_at) == ("b", "active", at("03-02 12:20"))
    play.event("ann", "ordered", "03-02 11:00", id="b", date="told late")
    play.tick("03-02 13:10")
    assert play.enrolments()[-1].id == third.id, "what happened before is no correction"
    assert len(play.enrolments()) == 4
    play.tick()
    assert len(play.enrolments()) == 4, "an event lets in once"


def test_two_bookings_of_one_instant_are_one_after_the_other(play: Play) -> None:
    head = HEAD + "exit: [{when: {event: ordered, same: id}, reason: another date}]"
    play.apply(sequence("- wait: 9 days", head=head))
    play.lead()
    for date in ("first", "second"):
        play.event("ann", "ordered", "03-02 08:05", id="a", date=date)
    play.tick("03-02 08:10")
    (one,) = play.enrolments()
    assert (one.state, one.engagement_id) == ("active", 2)
    play.event("ann", "ordered", "03-02 08:05", id="a", date="third")
    play.tick("03-02 08:20")
    assert [each.engagement_id for each in play.enrolments() if each.state == "active"] == [3]


def test_names_of_properties_may_be_anything(play: Play) -> None:
    name = "Größe $.b x"
    head = f"enter: {{when: {{event: ordered}}, once_per: {name}}}\n"
    head += f"exit: [{{when: {{event: poked, same: {name}}}, reason: called off}}]"
    play.apply(sequence("- wait: 9 days", head=head))
    play.lead()
    for key in ("a", "b"):
        play.event("ann", "ordered", **{name: key})
    play.tick("03-02 08:10")
    play.event("ann", "poked", **{name: "b"})
    play.tick("03-02 08:20")
    assert reasons(play) == {"b": "called off"}
