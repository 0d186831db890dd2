"""Who is kept out of a sequence, who waits for room in it, and who is asked in."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.errors import Conflict, InputRefused, NotFound
from nurture.ledger.statements.upsert import insert_new_values, table_of
from nurture.ledger.timeline import timeline
from nurture.sequences.asked import ask_in
from tests.sequences.play import BERLIN, E, Play
from tests.sequences.texts import sequence

A = table_of(t.Arrival).c
WAIT = "- wait: 30 days"


def told(play: Play, name: str) -> list[str]:
    def lines(session: Session) -> list[str]:
        return [
            f"{line.text}: {line.reason}"
            for line in timeline(session, play._ids[name])
            if line.what == "sequence"
        ]

    found: list[str] = play.do(lines)
    return found


def entered(play: Play) -> dict[str, str]:
    """By lead, in order: the day it entered."""
    names = {number: name for name, number in play._ids.items()}
    rows = play.rows(select(E.lead_id, E.entered_at).order_by(E.entered_at, E.id))
    return {names[lead]: f"{at.astimezone(BERLIN):%m-%d}" for lead, at in rows}


def test_events_wait_for_room_in_the_order_they_happened(play: Play) -> None:
    """Each keeps its instant, and enters when there is room, unless it is kept out by then."""
    play.apply(sequence(
        WAIT,
        head="enter: {when: {event: form_submitted}, at_most: 2 per day, except: {tags: rival}}\n"
        "goal: {event: demo_booked}",
    ))  # fmt: skip
    for number, name in enumerate(("eve", "dan", "cleo", "bob", "ann")):
        play.lead(name)
        play.event(name, "form_submitted", f"03-02 07:0{5 - number}")
    outcome = play.tick()
    assert list(entered(play)) == ["ann", "bob"]
    assert f"{outcome.next_due:%m-%d %H:%M}" == "03-02 23:00"  # the day ends in Berlin
    play.tick("03-02 20:00")
    assert list(entered(play)) == ["ann", "bob"]
    tag = {"lead_id": play._ids["dan"], "tag": "rival", "added_at": play.now}
    play.do(lambda s: insert_new_values(s, t.LeadTag, [tag]))
    play.event("cleo", "demo_booked", "03-02 19:00")
    play.until("03-03 08:00")
    assert entered(play) == {"ann": "03-02", "bob": "03-02", "cleo": "03-03", "eve": "03-03"}
    assert play.state("cleo") == "goal"  # after the form, though before it entered
    assert told(play, "dan") == [
        "waits to enter flow: waits for room: 2 enter in a day",
        "did not enter flow: there was room, and the entry did not hold any more",
    ]
    assert told(play, "eve")[0] == "waits to enter flow: waits for room: 2 enter in a day"
    assert play.tick("03-04 08:00").next_due is not None


def test_a_segment_and_dates_wait_and_who_left_meanwhile_takes_no_room(play: Play) -> None:
    play.apply(sequence(WAIT, head="enter: {segment: {country: DE}, at_most: 1 per day}"))
    for name in ("ann", "bob", "cleo"):
        play.lead(name, country="DE")
    play.tick()
    play.change("bob", "country", "AT")
    play.until("03-05 08:00")
    assert entered(play) == {"ann": "03-02", "cleo": "03-03"}
    assert len(play.rows(select(A.id))) == 3, "nobody waits twice"
    play.apply(sequence(WAIT, head="enter: {segment: {country: DE}}"))
    play.lead("dan", country="DE")
    play.lead("eve", country="DE")
    play.tick()
    assert len(entered(play)) == 4


def test_who_is_excluded_is_told_why_once(play: Play) -> None:
    play.apply(sequence(
        WAIT,
        head="enter: {when: {event: form_submitted}, except: {lifecycle: customer}}",
    ))  # fmt: skip
    play.lead(lifecycle="customer")
    key = play.event("ann", "form_submitted")
    play.tick()
    play.retell("ann", "form_submitted", "03-02 08:00", key)
    play.tick("03-02 09:00")
    assert entered(play) == {}
    assert told(play, "ann") == ["did not enter flow: kept out: lifecycle is customer"]


def test_leads_are_asked_in_by_the_rules_of_the_entry(play: Play) -> None:
    head = "enter: {by: command, at_most: 2 per day, except: {country: FR}}"
    definitions = play.apply(sequence("- update: {add_tags: x}", head=head))
    ids = [play.lead(name, country=land) for name, land in
           (("ann", "DE"), ("bob", "FR"), ("cleo", "DE"), ("dan", "DE"))]  # fmt: skip
    play.tick()

    def ask(*leads: int, name: str = "flow", key: str = "") -> list[tuple[str, str]]:
        def asking(session: Session) -> list[tuple[str, str]]:
            said = ask_in(session, definitions, name, leads, key=key, reason="a fair", now=play.now)
            return [(each.state, each.reason) for each in said]

        found: list[tuple[str, str]] = play.do(asking)
        return found

    room = ("waiting", "waits for room: 2 enter in a day")
    assert ask(*ids, 99) == [
        ("entered", ""), ("refused", "kept out: country is FR"), ("entered", ""), room,
        ("refused", "is not known"),
    ]  # fmt: skip
    assert ask(ids[0], ids[3]) == [("inside", "is in it already"), room]
    play.tick()
    assert play.decisions("ann")[0] == "entered: a fair"
    assert ask(ids[0]) == [("refused", "was in it before, and it lets nobody in again")]
    play.until("03-03 00:00")
    assert list(entered(play)) == ["ann", "cleo", "dan"]
    with pytest.raises(NotFound, match="Nearest: flow"):
        ask(ids[0], name="flo")
    with pytest.raises(InputRefused, match="no keys"):
        ask(ids[0], key="7")
    play.do(lambda s: insert_new_values(s, t.Pause, [{"sequence": "flow", "since": play.now}]))
    with pytest.raises(Conflict, match="paused"):
        ask(ids[0])
