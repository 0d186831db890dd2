"""Waiting until a time of day, a weekday, or a date of the lead."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tests.sequences.play import Play, at
from tests.sequences.texts import WORKSPACE, sequence

DATED = WORKSPACE.replace("vip: yes_no", "vip: yes_no, renewal_on: date")
RENEWAL = "until: renewal_on, offset: -30 days, at: \"09:00\""


def waiting(play: Play, until: str, come: str, zone: str = "Europe/Berlin", **known: str) -> str:
    """When a lead that comes at an instant, in its own wall time, goes on; in that too."""
    play.apply(sequence(f"- wait: {{{until}}}\n- wait: 1 minute"), nurture=DATED)
    place = ZoneInfo(zone)
    play.tick(at("01-01 08:00", place))
    play.lead(zone=zone, attributes=known)
    play.tick(at(come, place))
    play.event("ann", "form_submitted")
    play.tick()
    (enrolment,) = play.enrolments()
    assert enrolment.due_at is not None
    return f"{enrolment.due_at.astimezone(place):%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("until", "come", "due"),
    [
        ('until: "09:00"', "03-02 08:00", "03-02 09:00"),
        ('until: "09:00"', "03-02 09:00", "03-02 09:01"),  # at once, into the next wait
        ('until: "09:00"', "03-02 10:00", "03-03 09:00"),
        ('until: "02:30"', "03-28 12:00", "03-29 03:00"),  # clocks jump over it
        ('until: "02:30"', "10-24 12:00", "10-25 02:30"),
        ("until: thursday", "03-02 08:00", "03-05 00:00"),
        ("until: sunday", "03-02 08:00", "03-08 00:00"),
        ("until: monday", "03-02 08:00", "03-02 08:01"),  # it is one
        ('until: monday, at: "09:00"', "03-02 08:00", "03-02 09:00"),
        ('until: monday, at: "09:00"', "03-02 10:00", "03-09 09:00"),
    ],
)  # fmt: skip
def test_a_wait_ends_by_the_clock_of_the_lead(
    play: Play, until: str, come: str, due: str
) -> None:
    assert waiting(play, until, come) == due


@pytest.mark.parametrize(
    ("until", "come", "due"),
    [
        ('until: "09:00"', "03-02 08:00", "03-02 09:00"),
        ('until: "02:30"', "03-07 12:00", "03-08 03:00"),
        ("until: monday", "03-01 23:00", "03-02 00:00"),
    ],
)
def test_a_lead_far_away_has_its_own_clock(play: Play, until: str, come: str, due: str) -> None:
    assert waiting(play, until, come, "America/New_York") == due


@pytest.mark.parametrize(
    ("until", "known", "due"),
    [
        (RENEWAL, "2026-04-11", "03-12 09:00"),
        ("until: renewal_on", "2026-03-12", "03-12 00:00"),
        ("until: renewal_on, offset: 1 week", "2028-02-29", "03-07 00:00"),
    ],
)
def test_a_date_of_the_lead_is_waited_for(play: Play, until: str, known: str, due: str) -> None:
    assert waiting(play, until, "03-02 08:00", renewal_on=known) == due
    assert play.decisions("ann", "wait") == []


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({}, "renewal_on is not known"),
        ({"renewal_on": "soon"}, "renewal_on is not known"),
        ({"renewal_on": "2026-13-01"}, "renewal_on is not known"),
        ({"renewal_on": "2026-03-12"}, "30 days before renewal_on 09:00 was over"),
    ],
)
def test_a_date_that_is_over_or_unknown_holds_nobody(
    play: Play, known: dict[str, str], why: str
) -> None:
    assert waiting(play, RENEWAL, "03-02 08:00", **known) == "03-02 08:01"
    assert play.decisions("ann", "wait") == [f"wait: {why}: went on at once"]


def test_the_last_day_there_is_stops_nothing(play: Play) -> None:
    entry = "enter: {date: renewal_on, after: 3 days}"
    play.apply(
        sequence("- wait: {until: renewal_on, offset: 400 days}\n- send: welcome"),
        sequence("- send: welcome", name="dated", head=entry),
        nurture=DATED,
    )
    play.lead(attributes={"renewal_on": "9999-12-31"})
    play.event("ann", "form_submitted")
    play.until("03-05 08:00")
    assert (play.state(), play.state("ann", "dated")) == ("active", "")


def test_a_zone_the_sequence_names_counts_for_everybody(play: Play) -> None:
    play.apply(
        sequence('- wait: {until: "09:00"}\n- wait: 1 day', head="timing: {zone: Asia/Tokyo}")
    )
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")  # 16:00 in Tokyo
    assert play.enrolments()[0].due_at == at("03-03 09:00", ZoneInfo("Asia/Tokyo"))
