"""Windows: how large they are, who may change their mails, and when they are settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from nurture.delivery.carriers.transport import Outgoing, Reply
from nurture.delivery.deliver import WINDOW, deliver
from nurture.ledger.engine import Ledger
from tests.delivery.mailing import (
    MESSAGE,
    NOW,
    a_round,
    change,
    due_enrolments,
    fill,
    message,
    states,
)
from tests.delivery.post import Post

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("at_first", [5, 45, 100])
def test_no_connection_ever_gets_more_than_one_window(guarded: Ledger, at_first: int) -> None:
    """Also when few are due at first, few connections are opened, and then many become due."""
    fill(guarded, [f"lead{n}" for n in range(200)])
    with guarded.begin() as session:
        later = update(MESSAGE).where(MESSAGE.c.id > at_first).values(due_at=NOW + HOUR)
        session.execute(later)
    clock, sizes = [NOW], []

    class Watching(Post):
        def send(self, window: list[Outgoing]) -> Iterator[Reply]:
            clock[0] = NOW + HOUR
            sizes.append(len(window))
            return super().send(window)

    deliver(a_round(guarded, clock=lambda: clock[0]), Watching(), connections=4)
    assert states(guarded) == {"sent": 200}
    assert max(sizes) <= WINDOW


def test_what_was_answered_is_settled_whatever_the_next_claim_does(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(30)])
    post = Post()
    claims: list[str] = []

    def crash(point: str) -> None:
        if point == "claim_pre":
            claims.append(point)
            if len(claims) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(a_round(guarded, crash=crash), post)
    assert states(guarded) == {"sent": len(post.mails)} == {"sent": 30}


@pytest.mark.parametrize("taken", [{"generation": 2}, {"owner": "other"}, {"lease_until": NOW}])
def test_a_mail_somebody_else_holds_meanwhile_is_neither_frozen_nor_sent(
    guarded: Ledger, taken: dict[str, object]
) -> None:
    fill(guarded, ["ann", "bob"])
    crash = {"written": lambda: change(guarded, 1, **taken)}
    post = Post()
    deliver(a_round(guarded, crash=lambda point: crash.pop(point, lambda: None)()), post)
    if "lease_until" in taken:  # it was still ours to give back
        assert post.recipients.count("ann") == 1
        assert message(guarded, 1).generation == 2
        return
    assert post.recipients == ["bob"]
    found = message(guarded, 1)
    # What carries the name of this run is given back at its end.
    assert found.state == ("due" if "generation" in taken else "claimed")
    assert found.content is None or "generation" not in taken


def test_an_answer_changes_nothing_of_a_mail_somebody_else_holds_meanwhile(
    guarded: Ledger,
) -> None:
    fill(guarded, ["ann", "bob"])

    class Slow(Post):
        def send(self, window: list[Outgoing]) -> Iterator[Reply]:
            change(guarded, 1, generation=2)
            return super().send(window)

    deliver(a_round(guarded), Slow())
    found = message(guarded, 1)
    assert (found.state, found.reply, found.content is None) == ("handed", "", False)
    assert due_enrolments(guarded)[1] is None
    assert message(guarded, 2).state == "sent"
