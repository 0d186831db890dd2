"""Notices through channels: at least once, passed on when a channel is out of order, told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handoff.escalation.ladder import climb
from handoff.tables import CHANNEL, HANDOFF, MESSAGE, POST, RUNG
from handoff.telling import posting as passes
from handoff.telling.channels import route
from handoff.telling.posting import post_out
from nurture.webhooks.port import Answer
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk
from tests.handoff.telling.office import DONE, NOT, Office, workspace


def test_an_offer_goes_by_the_first_channel_of_the_team(office: Office) -> None:
    office.offer()
    office.tick()
    (told,) = office.notifier.told
    assert told.channel == "chat"
    assert told.title == "For Bo: a lead without a name"
    for part in ("80 points", "Accept by Mon 2 Mar 14:00: http://127.0.0.1:8000/h/", "Reject it: "):
        assert part in told.text, told.text
    (row,) = office.rows(MESSAGE)
    assert (row.kind, row.state, row.reply) == ("notice", "sent", "told through chat")
    assert row.recipient == "bo@example.test"
    (post,) = office.rows(POST)
    assert (post.state, post.text, post.key) == ("sent", "", "offer:1:1/chat")
    assert not office.tick()


def test_a_channel_down_for_an_hour_is_passed_by_told_once_and_comes_back(office: Office) -> None:
    office.notifier.answers = {"chat": NOT, "hook": DONE}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    assert sorted(each.channel for each in office.notifier.told) == [
        *["chat"] * 3, "email", "hook",
    ]  # fmt: skip
    assert len({each.identity for each in office.notifier.to("chat")}) == 1
    (alarm,) = office.notifier.to("email")
    assert (alarm.recipient, alarm.title) == (
        "ops@example.test", "Example: The channel chat is out of order",
    )  # fmt: skip
    for number in range(12):  # an hour: the others go another way at once, one at a time tries it
        office.offer(first=10 + number)
        office.tick(timedelta(minutes=5))
    assert len(office.notifier.to("hook")) == 13
    assert len(office.notifier.to("chat")) == 3 + 12
    assert len(office.notifier.to("email")) == 1
    office.notifier.answers = {}
    office.offer(first=40)
    office.tick(timedelta(minutes=6))
    assert [each.title for each in office.notifier.to("email")] == [
        "Example: The channel chat is out of order", "Example: The channel chat is back",
    ]  # fmt: skip
    assert office.rows(CHANNEL, "failures", "down_since", name="chat") == [(0, None)]
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_while_a_channel_is_down_only_one_notice_in_a_while_tries_it(office: Office) -> None:
    office.notifier.answers = {"chat": NOT}
    office.offer(30)
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    before = len(office.notifier.to("chat"))
    office.offer(30, first=50)
    office.tick(timedelta(seconds=10))
    assert len(office.notifier.to("chat")) == before
    assert len(office.notifier.to("hook")) == 60
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_with_every_channel_down_the_rep_gets_a_mail(office: Office) -> None:
    office.notifier.answers = {"chat": NOT, "hook": Answer("failed", 404, "refused: answered 404")}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    (row,) = office.rows(MESSAGE)
    assert (row.kind, row.state, row.recipient) == ("notice", "due", "bo@example.test")
    assert row.content
    assert [row.state for row in office.rows(POST, kind="notice")] == ["passed", "passed"]


def test_a_channel_that_hangs_holds_up_no_tick_and_no_other_channel(office: Office) -> None:
    office.notifier.answers = {"chat": None}
    office.offer(20)
    office.tick()
    assert len(office.notifier.hanging) == passes.MOST_OF_CHANNEL
    assert not office.tick(timedelta(seconds=1))  # those in hand are not begun anew
    for future in office.notifier.hanging:
        future.set_result(NOT)
    office.notifier.answers = {}
    office.tick(timedelta(minutes=2))
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_a_slow_answer_says_that_its_channel_has_room_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(passes.news, "tell", lambda _session: told.append(1))
    office.notifier.answers = {"chat": None}
    office.offer(9)
    office.tick()
    assert told == []
    for future in office.notifier.hanging:
        future.set_result(Answer("done", 200, ""))
    assert len(told) == passes.MOST_OF_CHANNEL
    office.notifier.answers = {}
    assert office.tick()
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_a_sender_that_died_is_repeated_under_the_same_identity(office: Office) -> None:
    class Killed(BaseException):
        """As kill -9 between telling and writing it down."""

    def kill(point: str) -> None:
        if point == "told":
            raise Killed

    office.offer()
    office.write()
    office.crash = kill
    with pytest.raises(Killed):
        post_out(office.posting())
    office.crash = lambda point: None
    assert not office.tick(timedelta(minutes=1))  # its lease holds
    office.tick(passes.LEASE)
    first, second = office.notifier.told
    assert first == second
    assert [row.state for row in office.rows(MESSAGE)] == ["sent"]


def test_two_processes_tell_one_notice_once(office: Office) -> None:
    office.offer(5)
    office.write()
    with office.ledger.begin() as one:
        _, mine = passes.claim(one, office.known, owner="one", now=NOW)
    with office.ledger.begin() as two:
        _, theirs = passes.claim(two, office.known, owner="two", now=NOW)
    assert (len(mine), len(theirs)) == (5, 0)


def test_a_late_answer_of_a_claim_somebody_else_holds_changes_nothing(office: Office) -> None:
    office.notifier.answers = {"chat": None}
    office.offer()
    office.tick()
    (hanging,) = office.notifier.hanging
    office.notifier.answers = {}
    office.tick(passes.LEASE)
    before = office.rows(POST)
    hanging.set_result(Answer("failed", 0, "too late"))
    assert office.rows(POST) == before
    assert before[0].state == "sent"


def test_what_was_answered_meanwhile_is_not_told_any_more(office: Office) -> None:
    office.offer(2)
    office.write()
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 1).values(state="accepted"))
    office.tick()
    assert [row.state for row in office.rows(MESSAGE)] == ["cancelled", "sent"]
    assert len(office.notifier.told) == 1


def test_the_channel_of_a_rung_and_of_whom_a_notice_is_for(office: Office) -> None:
    def by(template: str, action: str = "", tried: tuple[str, ...] = ()) -> str:
        return route(office.known, team="smb", template=template, action=action, tried=tried)

    assert by("reminder") == "chat"
    assert by("reminder", tried=("chat",)) == "hook"
    assert by("reminder", tried=("chat", "hook")) == "email"
    assert by("manager-late") == "email"
    assert by("manager-late", "tell:hook") == "hook"
    assert by("manager-late", "tell:hook", ("hook",)) == "email"
    assert by("manager-late", "tell:gone") == "email"
    assert by("warm") == "email"


def test_eight_posts_take_as_many_statements_as_two(office: Office) -> None:
    counts = []
    for first, many in ((1, 2), (100, 8)):
        office.offer(many, first=first)
        office.write()
        with counting(office.ledger) as sent:
            post_out(office.posting())
        counts.append(desk.told(sent))
    assert counts[0] == counts[1]


def test_without_an_admin_nobody_is_told_and_nothing_breaks(office: Office) -> None:
    office.known = workspace(office.known, admin=None)
    office.notifier.answers = {"chat": NOT}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    assert office.notifier.to("email") == []
    with office.ledger.begin() as session:
        assert session.execute(select(CHANNEL.c.down_since)).scalars().first() is not None


def test_a_rung_tells_a_channel_and_in_the_end_the_manager(office: Office) -> None:
    rules = desk.rules(ladder=[{"at": "50%", "tell": "hook"}])
    office.known = replace(office.known, handoff=rules)
    office.offer()
    office.notifier.answers = {"hook": Answer("failed", 404, "refused: answered 404")}
    office.now = NOW + timedelta(hours=3)
    with office.ledger.begin() as session:
        climb(session, office.known, now=office.now)
    assert [row.action for row in office.rows(RUNG, state="fired")] == ["tell:hook"]
    office.tick()
    assert [each.channel for each in office.notifier.told] == ["hook"]
    late = office.rows(MESSAGE, "recipient", "template", "kind", "state", template="manager-late")
    assert late == [("mia@example.test", "manager-late", "notice", "due")]
