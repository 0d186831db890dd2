"""Waiting until a date or an instant of the event that let the lead in."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.texts import sequence

BERLIN = "Europe/Berlin"
ENTER = "enter: {when: {event: ordered}, once_per: id}"
NOON = ', at: "12:00"'


def waiting(
    play: Play, rest: str, said: Any, *, zone: str = BERLIN, head: str = ENTER, **more: Any
) -> str:
    """When a lead of an event on the second of March, eight o'clock in Berlin, goes on, in its own
    wall time."""
    play.apply(sequence(f"- wait: {{until: starts, of: event{rest}}}\n- wait: 1 minute", head=head))
    play.lead(zone=zone)
    play.event("ann", "ordered", id=1, **({} if said is ... else {"starts": said}), **more)
    play.tick("03-02 08:00")
    (enrolment,) = play.enrolments()
    assert enrolment.due_at is not None
    return f"{enrolment.due_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("rest", "said", "due"),
    [
        ("", "2026-03-12", "2026-03-12 00:00"),
        (NOON, "2026-03-12", "2026-03-12 12:00"),
        (", offset: -1 days", "2026-03-12", "2026-03-11 00:00"),
        (", offset: -90 minutes", "2026-03-12", "2026-03-11 22:30"),
        ("", "2026-03-12T15:30", "2026-03-12 15:30"),
        ("", "2026-03-12 15:30:20Z", "2026-03-12 16:30"),
        ("", "2026-03-12T15:30:00-05:00", "2026-03-12 21:30"),
        (", offset: -1 days", "2026-03-12T22:30:00-05:00", "2026-03-12 04:30"),
        (", offset: -2 hours", "2026-03-12T15:30:00+01:00", "2026-03-12 13:30"),
        (", offset: 1 week", "2026-03-12T15:30:00+01:00", "2026-03-19 15:30"),
        (NOON, "2026-03-12T23:30:00-05:00", "2026-03-13 12:00"),
        (f", offset: -1 days{NOON}", "2026-03-12T23:30:00-05:00", "2026-03-12 12:00"),
        (f", offset: -90 minutes{NOON}", "2026-03-12T08:00:00+01:00", "2026-03-12 10:30"),
        # A day keeps the time of day where clocks change, hours are hours.
        (", offset: 1 days", "2026-03-28T15:30:00+01:00", "2026-03-29 15:30"),
        (", offset: 25 hours", "2026-03-28T15:30:00+01:00", "2026-03-29 17:30"),
        ("", "2026-03-29T02:30", "2026-03-29 03:00"),
        ("", "2026-10-25T02:30:00+01:00", "2026-10-25 02:30"),
        ("", "2026-03-12 at noon", "2026-03-12 00:00"),
    ],
)
def test_a_date_or_instant_of_the_event_is_waited_for(
    play: Play, rest: str, said: str, due: str
) -> None:
    assert waiting(play, rest, said) == due
    assert play.decisions("ann", "wait") == []


def test_the_second_of_two_hours_is_not_the_first(play: Play) -> None:
    assert waiting(play, "", "2026-10-25T02:30:00+01:00") == "2026-10-25 02:30"
    assert play.enrolments()[0].due_at == at("2026-10-25 01:30", ZoneInfo("UTC"))


def test_a_time_without_a_zone_is_the_leads(play: Play) -> None:
    assert waiting(play, "", "2026-03-12T15:30", zone="America/New_York") == "2026-03-12 15:30"


def test_a_zone_the_sequence_names_counts(play: Play) -> None:
    head = ENTER + "\ntiming: {zone: Asia/Tokyo}"
    due = waiting(play, "", "2026-03-12T15:30", head=head)
    assert due == "2026-03-12 07:30"


WHAT = "starts of the event"
STRANGE: list[Any] = [
    ..., None, "", "soon", "2026-13-01", 1773327000, 20260312, 1.5, True, [], ["2026-03-12"],
    {"date": "2026-03-12"}, "12.03.2026", "x" * 9_000, "２０２６-03-12", " 2026-03-12",
    "-2026-03-12",
]  # fmt: skip


def test_what_is_no_date_holds_nobody(play: Play) -> None:
    """Also not beside each other: a lead each, and one who waits."""
    said = {f"l{number}": each for number, each in enumerate(STRANGE)} | {"bob": "2026-03-12"}
    steps = "- wait: {until: starts, of: event, offset: -1 days}\n- wait: 1 minute"
    play.apply(sequence(steps, head=ENTER))
    with play.at_once():
        for name, each in said.items():
            play.lead(name)
            play.event(name, "ordered", id=1, **({} if each is ... else {"starts": each}))
    play.tick("03-02 08:00")
    due = {name: play.enrolments(name)[0].due_at for name in said}
    assert due.pop("bob") == at("2026-03-11 00:00")
    assert due == dict.fromkeys(due, at("2026-03-02 08:01"))
    why = [f"wait: {WHAT} is not known: went on at once"]
    assert {name: play.decisions(name, "wait") for name in due} == dict.fromkeys(due, why)


@pytest.mark.parametrize(
    ("rest", "said", "what"),
    [
        ("", "2026-03-01", WHAT),
        ("", "2026-03-02T07:59:59+01:00", WHAT),
        (", offset: -2 hours", "2026-03-02T09:00:00+01:00", f"2 hours before {WHAT}"),
        (", offset: -1 days", "0001-01-01", f"1 day before {WHAT}"),
        (", offset: -1 days", "0001-01-01T00:00:00+14:00", f"1 day before {WHAT}"),
    ],
)
def test_what_is_over_holds_nobody(play: Play, rest: str, said: str, what: str) -> None:
    assert waiting(play, rest, said) == "2026-03-02 08:01"
    assert play.decisions("ann", "wait") == [f"wait: {what} was over: went on at once"]


@pytest.mark.parametrize("said", ["9999-12-31", "9999-12-31T23:59:59-14:00"])
def test_the_last_day_there_is_stops_nothing(play: Play, said: str) -> None:
    steps = "- wait: {until: starts, of: event, offset: 400 days}\n- send: welcome"
    play.apply(sequence(steps, head=ENTER))
    play.lead()
    play.event("ann", "ordered", id=1, starts=said)
    play.until("03-05 08:00")
    assert play.state() in ("active", "completed")
    assert play.enrolments()


def test_each_appointment_has_its_own_date(play: Play) -> None:
    play.apply(
        sequence("- wait: {until: starts, of: event, offset: -1 days}\n- send: welcome", head=ENTER)
    )
    play.lead()
    for number, day in enumerate(("2026-03-12T15:30", "2026-03-10", "gone"), start=1):
        play.event("ann", "ordered", id=number, starts=day)
    play.until("03-13 08:00")
    assert play.sent() == [
        ("welcome", "03-02 08:00"), ("welcome", "03-09 00:00"), ("welcome", "03-11 15:30"),
    ]  # fmt: skip


def test_who_was_sent_there_goes_on_at_once(play: Play) -> None:
    play.apply(
        sequence("- wait: {until: starts, of: event}\n- send: welcome", head=ENTER),
        sequence("- start: flow", name="other"),
    )
    play.lead()
    play.event("ann", "form_submitted", starts="2026-03-12")
    play.tick("03-02 08:00")
    assert play.sent() == [("welcome", "03-02 08:00")]


def test_a_date_that_is_waited_for_already_is_not_asked_again(play: Play) -> None:
    """What lets in is what was told first, also when it is taken back."""
    head = "enter: {when: {event: ordered}, once_per: id}"
    play.apply(sequence("- wait: {until: starts, of: event}\n- send: welcome", head=head))
    play.lead()
    told = play.event("ann", "ordered", id=1, starts="2026-03-05")
    play.tick("03-02 08:00")
    play.event("ann", "ordered", id=1, starts="2026-03-09")
    play.withdraw(told)
    play.until("03-06 08:00")
    assert play.sent() == [("welcome", "03-05 00:00")]
    engagement = table_of(t.Engagement).c
    assert len(play.rows(select(engagement.id))) == 2
