"""Quiet hours of the workspace: by each lead's own clock, over midnight, for every sequence."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from nurture.language.grammar import words
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.test_windows import window
from tests.sequences.texts import WORKSPACE, sequence

MESSAGE = table_of(t.Message).c
QUIET = WORKSPACE + 'quiet_hours: {hours: "20:00-08:00"}\n'
ANYTIME = "- send: {email: welcome, anytime: true}"


@pytest.mark.parametrize(
    ("zone", "steps", "head", "goes"),
    [
        # No window, and one lifted: nothing but quiet hours holds.
        ("Europe/Berlin", "- send: welcome", "", "03-03 08:00"),
        ("Europe/Berlin", ANYTIME, window("tue", "09:00-17:00"), "03-03 08:00"),
        ("America/New_York", "- send: welcome", "", "03-02 16:30"),
        ("Asia/Kathmandu", "- send: welcome", "", "03-03 08:00"),
        # The workspace's zone stands in for one that is not known.
        (None, "- send: welcome", "", "03-03 08:00"),
        # A window, in the lead's zone and in one of its own, within what they leave.
        ("Europe/Berlin", "- send: welcome", window("wed", "06:00-09:00"), "03-04 08:00"),
        ("Europe/Berlin", "- send: welcome", window("mon-fri", "22:00-08:30"), "03-03 08:00"),
        (
            "America/New_York", "- send: welcome",
            window("mon-fri", "09:00-15:00", zone="Europe/Berlin"), "03-03 08:00",
        ),
    ],
)  # fmt: skip
def test_no_mail_goes_in_quiet_hours_where_its_lead_is(
    play: Play, zone: str | None, steps: str, head: str, goes: str
) -> None:
    play.now = at("03-02 22:30")
    play.apply(sequence(steps, head=head), nurture=QUIET)
    play.lead(zone=zone)
    play.event("ann", "form_submitted")
    play.tick()
    if goes > "03-02 22":
        ((why,),) = play.rows(select(MESSAGE.reason).where(MESSAGE.state == "due"))
        assert why in (words.QUIET, words.OUTSIDE)
    play.until("03-05 00:00")
    assert play.sent() == [("welcome", goes)]


def test_they_hold_from_the_apply_on_for_mail_that_waits_and_lateness_counts_from_their_end(
    play: Play,
) -> None:
    """Also when the last word on a mail was said before them; late counts from their end."""
    late = window("mon-fri", "09:00-23:00", late="{send_within: 2 hours, otherwise: skip}")
    play.apply(sequence("- wait: 12 hours\n- send: welcome", head=late))
    play.lead()
    play.event("ann", "form_submitted", "03-02 09:00")
    play.tick("03-02 09:00")
    play.apply(nurture=QUIET)
    play.tick("03-02 21:00")
    ((why, due, allowed, expires),) = play.rows(
        select(MESSAGE.reason, MESSAGE.due_at, MESSAGE.allowed_at, MESSAGE.expires_at)
    )
    opens = at("03-03 09:00")
    assert (why, due, allowed, expires) == (words.QUIET, opens, opens, at("03-03 11:00"))
    play.tick("03-03 10:59")
    assert play.sent() == [("welcome", "03-03 10:59")]


def test_mail_planned_before_them_is_held_by_them(play: Play) -> None:
    play.apply(sequence("- send: welcome", head=window("mon-fri", "21:00-23:00")))
    play.lead()
    play.event("ann", "form_submitted", "03-02 09:00")
    play.tick("03-02 09:00")
    assert play.mails() == [("welcome", "due", words.OUTSIDE)]
    play.apply(nurture=QUIET.replace("20:00", "22:00"))
    play.tick("03-02 22:30")  # nobody ticked at nine
    assert play.mails() == [("welcome", "due", words.QUIET)]
    play.tick("03-03 21:00")
    assert play.sent() == [("welcome", "03-03 21:00")]


def test_a_window_elsewhere_that_quiet_hours_cover_ends_its_mail_and_no_lead_waits_for_ever(
    play: Play,
) -> None:
    late = "{send_within: 1 hour, otherwise: shift}"
    head = window("mon-sun", "09:00-12:00", zone="Europe/Berlin", late=late)
    play.apply(sequence("- send: welcome\n- send: tips", head=head), nurture=QUIET)
    play.lead(zone="America/Los_Angeles")
    play.event("ann", "form_submitted")
    play.until("03-04 00:00")
    assert [mail[1:] for mail in play.mails()] == [("expired", words.NEVER_OPENS)] * 2
    assert play.state() == "completed"
