"""Which mail that is due waits for something else first, and stays due and unchanged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.delivery.deliver import deliver
from nurture.delivery.waiting import next_due
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from tests.delivery.mailing import NOW, a_round, change, fill, message, suppress
from tests.delivery.post import Post

CAPPED = "the daily cap of 1 is reached: goes the next day"


def test_mail_goes_only_of_leads_whose_news_a_tick_has_looked_at(guarded: Ledger) -> None:
    fill(guarded, ["held", "looked-at", "untaken", "quiet"])
    with guarded.begin() as session:
        session.add_all([t.Tick(id=n, now=NOW, owner="test") for n in (1, 2)])
        session.flush()
        for lead, tick in ((1, 1), (2, 2), (3, None)):
            session.add(t.Touch(lead_id=lead, tick_id=tick))
    post = Post()
    deliver(replace(a_round(guarded), judged=2), post)
    assert sorted(post.recipients) == ["looked-at", "quiet", "untaken"]
    left = message(guarded, 1)
    assert (left.state, left.reason, left.due_at, left.attempts) == ("due", "", NOW, 0)


def test_a_mail_behind_another_in_hand_waits_for_what_becomes_of_it(guarded: Ledger) -> None:
    fill(guarded, ["ann"], mails=2)
    lease = NOW + timedelta(minutes=2)
    change(guarded, 1, state="claimed", owner="another process", lease_until=lease)
    post = Post()
    deliver(a_round(guarded, cap=1), post)
    second = message(guarded, 2)
    assert (post.mails, second.state, second.reason, second.due_at) == ([], "due", "", NOW)
    with guarded.begin() as session:
        assert next_due(session, "nurture") == lease
    change(guarded, 1, state="handed", handed_at=NOW)
    change(guarded, 1, state="sent", lease_until=None)
    deliver(a_round(guarded, cap=1), post)
    second = message(guarded, 2)
    assert (post.mails, second.state) == ([], "due")
    assert second.reason == CAPPED


@pytest.mark.parametrize("others", [[], ["gone"]])
def test_the_second_of_two_mails_is_judged_by_what_became_of_the_first(
    guarded: Ledger, others: list[str]
) -> None:
    """In the same run, whatever else there was to say of other leads' mails meanwhile."""
    fill(guarded, ["ann", *others], mails=2)
    suppress(guarded, "gone@example.test")
    deliver(a_round(guarded, cap=1), Post())
    first, second = (message(guarded, n) for n in (1, 2 + len(others)))
    assert (first.state, second.state) == ("sent", "due")
    assert second.reason == CAPPED
    post = Post()
    deliver(a_round(guarded, now=second.due_at), post)
    assert post.recipients == ["ann"]
