"""Of several due mails of a lead the one of the higher priority goes first."""

from __future__ import annotations

import pytest

from nurture.delivery import deliver
from tests.sequences.play import Play
from tests.sequences.texts import WORKSPACE, sequence

CAPPED = WORKSPACE + "caps: {per_day: 1}\n"
WENT = "accepted by the mail server"
PUT_OFF = "the daily cap of 1 is reached: goes the next day"
OFTEN = """priority: {}
timing: {{window: {{hours: "{}-17:00"}}, late: {{send_within: {}}}}}"""


def both(play: Play, *, within: str = "3 days") -> None:
    """`early` opens before `flow`, which has priority; Bob wants none of the mails of that."""
    early = OFTEN.format(-1, "08:30", within)
    first = OFTEN.format(10, "09:00", within)
    play.apply(
        sequence("- send: {email: tips, topic: tips}", name="early", head=early),
        sequence("- send: {email: offer, topic: offers}", head=first),
        nurture=CAPPED,
    )
    for name in ("ann", "bob"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.opt_out("bob", "offers")
    play.tick("03-02 08:00")


@pytest.mark.parametrize("at_once", [1, 500])
def test_what_the_cap_leaves_room_for_goes_by_priority_and_the_rest_says_what_went_first(
    play: Play, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also when a claim sees no more than the one that was due first."""
    monkeypatch.setattr(deliver, "CLAIM", at_once)
    both(play)
    play.tick("03-02 09:00")
    assert play.mails() == [
        ("tips", "due", f"{PUT_OFF}; offer went first, its sequence has priority"),
        ("offer", "sent", WENT),
    ]
    assert play.mails("bob") == [
        ("tips", "sent", WENT), ("offer", "suppressed", "not subscribed to the topic")
    ]  # fmt: skip
    play.tick("03-03 09:00")
    assert play.sent() == [("offer", "03-02 09:00"), ("tips", "03-03 09:00")]


def test_what_is_put_off_expires_by_its_late_policy_and_among_equals_the_first_due_goes(
    play: Play,
) -> None:
    both(play, within="2 hours")
    head = OFTEN.format(10, "09:00", "2 days")
    play.apply(sequence("- send: news", name="late", head=head))
    play.event("ann", "form_submitted")
    play.tick("03-02 08:15")
    play.tick("03-02 09:00")
    play.until("03-04 00:00")
    assert play.sent() == [("offer", "03-02 09:00"), ("news", "03-03 09:00")]
    assert ("tips", "expired", "could not go in the time its sequence allows") in play.mails()
