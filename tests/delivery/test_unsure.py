"""Mails whose fate is not known, notices, leases: who sends again, and who never does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from nurture.delivery import rounds
from nurture.delivery.carriers.transport import Outgoing, Reply
from nurture.delivery.deliver import WINDOW, deliver
from nurture.delivery.settle import evidence, resolve
from nurture.delivery.sweep import sweep
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, NotFound
from nurture.ledger.statements.upsert import table_of
from tests.delivery.mailing import (
    HTML,
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


def suppress(ledger: Ledger, email: str) -> None:
    with ledger.begin() as session:
        session.add(t.Suppression(email_key=email, kind="unsubscribed", since=NOW))


def test_an_unknown_mail_is_shown_never_sent_again_and_its_lead_waits_a_day(
    guarded: Ledger,
) -> None:
    fill(guarded, ["ann", "bob", "cleo"])
    deliver(a_round(guarded), Post("unknown"))
    assert states(guarded) == {"unknown": 3}
    assert set(due_enrolments(guarded).values()) == {NOW + 24 * HOUR}
    post = Post()
    deliver(a_round(guarded, now=NOW + 48 * HOUR), post)
    assert post.mails == []
    later = NOW + HOUR
    with guarded.begin() as session:
        assert evidence(session, 1, what="a click", now=later)
        assert not evidence(session, 1, what="a click", now=later)
        resolve(session, 2, outcome="resend", now=later)
        resolve(session, 3, outcome="sent", now=later)
        with pytest.raises(Conflict, match="is sent"):
            resolve(session, 1, outcome="resend", now=later)
        with pytest.raises(NotFound):
            resolve(session, 99, outcome="sent", now=later)
    assert due_enrolments(guarded)[1] == later
    first = message(guarded, 2).message_id
    deliver(a_round(guarded, now=later), post)
    assert post.recipients == ["bob"]
    assert first.encode() in post.mails[0].data


def notices(ledger: Ledger, count: int = 1) -> None:
    """Notices of leads without an address, their bytes frozen."""
    fill(ledger, ["ann"])
    with ledger.begin() as session:
        session.execute(update(table_of(t.Lead)).values(email=None, email_key=None))
        session.execute(delete(MESSAGE))
        rows = [
            {"kind": "notice", "notice_key": f"offer:{n}:1", "lead_id": 1,
             "recipient": "rep@example.test", "sender": "news@example.test", "subject": "A lead",
             "message_id": f"<{n}@example.test>", "content": b"From: x\r\n\r\nx\r\n",
             "planned_at": NOW, "due_at": NOW, "id": n}
            for n in range(1, count + 1)
        ]  # fmt: skip
        session.execute(insert(MESSAGE), rows)


def test_notices_go_whatever_their_lead_allows_and_several_about_one_lead(
    guarded: Ledger,
) -> None:
    notices(guarded, 3)
    suppress(guarded, "rep@example.test")
    post = Post()
    deliver(a_round(guarded, cap=1), post, kind="notice")
    assert states(guarded) == {"sent": 3}
    assert post.mails[0].data == b"From: x\r\n\r\nx\r\n"


def test_a_notice_of_unknown_fate_goes_once_more_with_the_same_bytes(guarded: Ledger) -> None:
    notices(guarded)
    post = Post("deferred")
    for turn in range(4):
        deliver(a_round(guarded, now=NOW + turn * HOUR), post, kind="notice")
    assert message(guarded, 1).attempts == 0, "what certainly did not arrive does not count"
    post.verdict = "unknown"
    for turn in range(4, 8):
        deliver(a_round(guarded, now=NOW + turn * HOUR), post, kind="notice")
    assert len(post.mails) == 6
    assert len({mail.data for mail in post.mails}) == 1
    assert states(guarded) == {"unknown": 1}


def test_a_notice_whose_sender_died_goes_once_more(guarded: Ledger) -> None:
    notices(guarded)
    post = Post()
    for turn in range(1, 4):
        with pytest.raises(KeyboardInterrupt):
            deliver(a_round(guarded, crash=dies_at("sent_pre")), post, kind="notice")
        with guarded.begin() as session:
            sweep(session, now=NOW + HOUR)
        if turn == 2:
            break
    assert states(guarded) == {"unknown": 1}
    assert len(post.mails) == 2


def dies_at(wanted: str):  # type: ignore[no-untyped-def]
    def crash(point: str) -> None:
        if point == wanted:
            raise KeyboardInterrupt

    return crash


def test_a_notice_nobody_takes_for_two_days_ends(guarded: Ledger) -> None:
    notices(guarded)
    deliver(a_round(guarded), Post("deferred"), kind="notice")
    deliver(a_round(guarded, now=NOW + 49 * HOUR), Post(), kind="notice")
    assert states(guarded) == {"expired": 1}


def test_a_living_sender_keeps_its_leases_however_slow_the_server_is(
    guarded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BEAT", 0.02)
    fill(guarded, ["ann"])
    clock = [NOW]

    class Slow(Post):
        def send(self, window: list[Outgoing]) -> Iterator[Reply]:
            for _ in range(3):
                clock[0] += timedelta(seconds=90)
                time.sleep(0.15)
                with guarded.begin() as session:
                    sweep(session, now=clock[0])
            return super().send(window)

    deliver(a_round(guarded, clock=lambda: clock[0]), Slow())
    assert states(guarded) == {"sent": 1}


@pytest.mark.parametrize("point", ["claim_post", "written", "handed"])
def test_what_a_clock_minutes_ahead_takes_over_while_it_is_in_hand_goes_once(
    guarded: Ledger, point: str
) -> None:
    """Machines go by one clock; where they would not, the generation is the fence."""
    fill(guarded, ["ann", "bob"])
    ahead, post, points = NOW + timedelta(minutes=5), Post(), [point]

    def taken_over(at: str) -> None:
        if at in points:
            points.clear()
            with guarded.begin() as session:
                assert sweep(session, now=ahead).counts
            deliver(a_round(guarded, now=ahead), post)

    deliver(a_round(guarded, crash=taken_over), post)
    assert not points
    assert post.recipients == ["ann", "bob"]
    assert states(guarded) == {"sent": 2}


def test_a_late_answer_is_evidence_and_nothing_else_of_a_swept_mail_changes(
    guarded: Ledger,
) -> None:
    fill(guarded, ["ann"])

    class Swept(Post):
        def send(self, window: list[Outgoing]) -> Iterator[Reply]:
            with guarded.begin() as session:
                sweep(session, now=NOW + HOUR)
            return super().send(window)

    post = Swept("sent")
    deliver(a_round(guarded), post)
    assert states(guarded) == {"sent": 1}


def test_a_broken_template_fails_every_lead_but_only_its_own_mail(guarded: Ledger) -> None:
    fill(guarded, ["ann", "bob"])
    round_ = a_round(guarded, html=HTML.replace("lead.first_name", "lead.nickname"))
    deliver(round_, Post())
    assert states(guarded) == {"render_failed": 2}
    assert "nickname" in message(guarded, 1).reason
    with guarded.begin() as session:
        resolve(session, 1, outcome="resend", now=NOW)
    deliver(replace(a_round(guarded)), Post())
    assert states(guarded) == {"render_failed": 1, "sent": 1}


def test_the_guard_itself_refuses_a_way_the_table_does_not_know(guarded: Ledger) -> None:
    fill(guarded, ["ann"])
    with pytest.raises(Exception, match="no such way"):
        change(guarded, state="sent")
    with guarded.begin() as session:
        assert session.execute(select(MESSAGE.c.state)).scalar() == "due"


def test_a_window_is_small(guarded: Ledger) -> None:
    assert WINDOW <= 20
