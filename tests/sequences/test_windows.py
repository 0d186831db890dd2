"""When mail may go: windows, days off, zones, nights when the clocks change, and late mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.texts import sequence

MESSAGE = table_of(t.Message).c
OFFICE = "timing: {zone: lead, window: {calendar: office}}"


def window(days: str, hours: str, *, zone: str = "lead", late: str = "") -> str:
    late = f", late: {late}" if late else ""
    return f'timing: {{zone: {zone}, window: {{days: {days}, hours: "{hours}"}}{late}}}'


def sent_after(play: Play, head: str, when: str, *, zone: str = "Europe/Berlin") -> str:
    """The wall time at which a mail planned at an instant in Berlin goes, in the lead's zone."""
    play.now = at(when)
    play.apply(sequence("- send: welcome", head=head))
    play.lead(zone=zone)
    play.event("ann", "form_submitted")
    play.until(at(when) + timedelta(days=7))
    ((mail, local),) = play.sent()
    assert mail == "welcome"
    return local


@pytest.mark.parametrize(
    ("zone", "goes"),
    [
        ("Europe/Berlin", "03-02 09:00"),
        ("Europe/London", "03-02 09:00"),
        ("America/New_York", "03-02 09:00"),
        ("Asia/Tokyo", "03-02 15:00"),  # there it is three in the afternoon
        ("Asia/Kathmandu", "03-02 11:45"),  # 5:45 east
        ("Pacific/Auckland", "03-03 09:00"),  # already evening there
    ],
)
def test_a_window_is_read_in_the_leads_zone(play: Play, zone: str, goes: str) -> None:
    assert sent_after(play, window("mon-fri", "09:00-17:00"), "03-02 07:00", zone=zone) == goes


def test_a_fixed_zone_holds_for_everybody(play: Play) -> None:
    head = window("mon-fri", "09:00-17:00", zone="Europe/Berlin")
    assert sent_after(play, head, "03-02 07:00", zone="America/New_York") == "03-02 03:00"


def test_weekends_and_days_off_are_waited_out(play: Play) -> None:
    assert sent_after(play, OFFICE, "03-05 17:00") == "03-09 09:00"  # Friday the 6th is closed


def test_a_day_off_is_the_leads_own_date(play: Play) -> None:
    # Thursday evening in Berlin is Friday the 6th, a day off, in Auckland.
    assert sent_after(play, OFFICE, "03-05 22:00", zone="Pacific/Auckland") == "03-09 09:00"


def test_a_window_may_reach_over_midnight(play: Play) -> None:
    assert sent_after(play, window("mon-fri", "22:00-02:00"), "03-02 12:00") == "03-02 22:00"


def test_after_midnight_it_is_still_the_window_of_the_day_before(play: Play) -> None:
    head = window("mon-fri", "22:00-02:00")
    assert sent_after(play, head, "03-07 01:00") == "03-07 01:00"  # Friday's, on Saturday


def test_in_the_night_without_two_oclock_the_window_opens_at_three(play: Play) -> None:
    assert sent_after(play, window("mon-sun", "02:30-06:00"), "03-28 20:00") == "03-29 03:00"


def test_in_the_night_with_two_oclock_twice_the_first_one_counts(play: Play) -> None:
    play.now = at("10-24 20:00")
    play.apply(sequence("- send: welcome", head=window("mon-sun", "02:30-02:45")))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("10-26 00:00")
    ((when,),) = play.rows(select(MESSAGE.handed_at))
    assert when == at("10-25 02:30")  # fold 0: still summer time
    assert when.hour == 0


def test_anytime_lifts_the_window(play: Play) -> None:
    steps = "- send: {email: welcome, anytime: true}"
    play.apply(sequence(steps, head=OFFICE))
    play.lead()
    play.event("ann", "form_submitted", "03-01 23:00")
    play.tick("03-01 23:00")
    assert play.sent() == [("welcome", "03-01 23:00")]


def test_late_counts_from_the_first_instant_the_window_allowed(play: Play) -> None:
    head = window("mon-fri", "09:00-17:00", late="{send_within: 5 hours, otherwise: skip}")
    play.apply(sequence("- send: welcome\n- send: tips", head=head))
    play.lead()
    play.event("ann", "form_submitted", "02-28 12:00")  # a Saturday
    play.tick("02-28 12:00")
    ((allowed, expires),) = play.rows(select(MESSAGE.allowed_at, MESSAGE.expires_at))
    assert (allowed, expires) == (at("03-02 09:00"), at("03-02 14:00"))
    play.tick("03-02 13:59")
    assert play.sent() == [("welcome", "03-02 13:59"), ("tips", "03-02 13:59")]


def test_mail_that_is_too_late_is_skipped_with_its_reason(play: Play) -> None:
    head = window("mon-fri", "09:00-17:00", late="{send_within: 5 hours, otherwise: skip}")
    play.apply(sequence("- send: welcome\n- send: tips", head=head))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.tick("03-02 14:30")
    assert play.mails()[0] == (
        "welcome", "expired", "could not go in the time its sequence allows"
    )  # fmt: skip
    assert play.sent() == [("tips", "03-02 14:30")]


def test_shifted_mail_goes_however_late(play: Play) -> None:
    head = window("mon-fri", "09:00-17:00", late="{send_within: 5 hours, otherwise: shift}")
    play.apply(sequence("- send: welcome", head=head))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.tick("03-10 10:00")
    assert play.sent() == [("welcome", "03-10 10:00")]


def test_half_a_year_later_the_windows_are_still_known(play: Play) -> None:
    play.apply(sequence("- wait: 300 days\n- send: welcome", head=OFFICE))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    play.tick("06-20 08:00")
    play.tick("12-27 08:00")
    play.tick("12-28 09:00")
    assert play.sent() == [("welcome", "12-28 09:00")]  # 27 December is a Sunday
