"""Waiting for the first of several events."""

from __future__ import annotations

from tests.sequences.play import Play, at
from tests.sequences.test_waits import tags
from tests.sequences.texts import sequence

SEVERAL = """
- send: welcome
- wait: 1 day
- wait_for:
    - {event: poked, then: [{update: {add_tags: poked}}]}
    - {event: email_clicked, where: {email: welcome}, then: [{update: {add_tags: keen}}]}
    - {event: demo_booked}
  within: 2 days
  otherwise: [{update: {add_tags: silent}}]
"""


def test_of_several_events_the_first_that_happened_decides(play: Play) -> None:
    """However they came to us: the later one was told first."""
    play.apply(sequence(SEVERAL))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-03 08:00")
    play.now = at("03-03 12:00")
    play.event("ann", "poked", "03-03 11:00")
    play.event("ann", "email_clicked", "03-03 10:00", email="welcome")
    play.tick()
    assert tags(play) == {"keen"}
    (said,) = play.decisions("ann", "event")
    assert said == "event: happened: email_clicked with email is welcome"


def test_each_of_several_events_counts_from_its_own_start(play: Play) -> None:
    """A click from when its mail was sent, anything else from when the lead came to the step."""
    play.apply(sequence(SEVERAL))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-02 12:00")
    play.event("ann", "poked", "03-02 10:00")
    play.event("ann", "email_clicked", "03-02 11:00", email="welcome")
    play.until("03-03 08:00")
    assert tags(play) == {"keen"}


def test_of_two_events_at_one_instant_the_one_written_first_decides(play: Play) -> None:
    play.apply(sequence(SEVERAL))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-03 08:00")
    play.now = at("03-03 12:00")
    play.event("ann", "email_clicked", email="welcome")
    play.event("ann", "poked")
    play.tick()
    assert tags(play) == {"poked"}


def test_none_of_several_events_goes_the_other_way_in_time(play: Play) -> None:
    play.apply(sequence(SEVERAL))
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    play.now = at("03-05 09:00")
    play.event("ann", "poked", "03-05 08:30")  # half an hour after the wait was over
    play.tick()
    assert tags(play) == {"silent"}
    assert play.decisions("ann", "event") == [
        "event: not within 2 days: poked or email_clicked with email is welcome or demo_booked"
    ]


def test_an_event_without_steps_goes_on(play: Play) -> None:
    play.apply(sequence(SEVERAL))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-04 08:00")
    play.event("ann", "demo_booked")
    play.tick()
    assert (tags(play), play.state()) == (set(), "completed")
