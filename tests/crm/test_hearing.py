"""What the CRM says: it owns who has the lead and what came of it, and hears no echo of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from handoff.crm import pulling
from handoff.crm.cards import deal_key
from handoff.crm.port import Change, Pulled, Pushed
from handoff.crm.pulling import pull_in
from handoff.tables import CRM_CHANGE, HANDOFF, LEAD, POST
from nurture.ledger import tables as t
from tests.crm.beside import BUSY, DONE, TOKEN, Beside
from tests.fixtures_ledger import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def told(desk_beside: Beside) -> Beside:
    """A lead with Bo, of whom the CRM was told."""
    desk_beside.offer()
    desk_beside.push()
    return desk_beside


@pytest.mark.parametrize(
    ("said", "state", "lifecycle", "line"),
    [
        ({"stage": "open"}, "accepted", "sal", "accepted by the CRM"),
        ({"stage": "called"}, "working", "sal", "touched by the CRM"),
        ({"stage": "meeting_set"}, "working", "sql", "meeting by the CRM"),
        ({"stage": "quote", "amount": 900.0}, "working", "opportunity",
         "opportunity (900) by the CRM"),
        ({"stage": "closedwon", "amount": 12000.0}, "won", "customer",
         "won (12,000) by the CRM: closedwon in the CRM"),
        ({"stage": "closedlost", "reason": "no budget"}, "lost", "recycled",
         "lost by the CRM: no budget"),
        ({"stage": "no"}, "rejected", "recycled", "rejected by the CRM: no in the CRM"),
    ],
)  # fmt: skip
def test_a_stage_is_done_as_an_answer_of_sales(
    told: Beside, said: dict[str, Any], state: str, lifecycle: str, line: str
) -> None:
    told.says("a", **said)
    assert told.handoff().state == state
    assert told.rows(LEAD, "lifecycle") == [(lifecycle,)]
    assert told.lines()[-1] == line
    before = told.lines()
    assert told.says("a", **said) == "said before"
    told.says("b", **said)  # another call that says the same
    assert told.lines() == before
    told.push()
    deal = told.crm.last.deal
    assert deal is not None
    assert (deal.state, deal.stage, deal.owner) == (state, "", "")  # its own word stands


def test_what_was_told_comes_back_and_nothing_happens(told: Beside) -> None:
    told.sales("accept")
    told.push()
    told.sales("touch", how="called")  # not told yet
    assert told.says("echo", owner="11", stage="open") == "nothing new"
    assert told.handoff().state == "working"
    told.sales("give", to="cy")
    assert told.says("late echo", owner="11", stage="open") == "nothing new"
    assert told.handoff().rep == "cy"


def test_a_push_in_hand_is_no_news_when_it_comes_back(told: Beside) -> None:
    told.sales("give", to="cy")
    told.crm.answers = [None]
    told.push()
    told.sales("give", to="di")
    assert told.says("echo", owner="12") == "nothing new"
    assert told.handoff().rep == "di"
    told.crm.hanging[0].set_result(Pushed(DONE))
    told.push()
    assert told.handoff().rep == "di"


def test_another_owner_there_has_the_lead_here(told: Beside) -> None:
    assert told.says("a", owner="12") == "its owner is Cy: given to Cy by the CRM"
    row = told.handoff()
    assert (row.rep, row.state) == ("cy", "offered")
    assert told.lines() == ["given to Cy by the CRM"]
    told.push()
    deal = told.crm.last.deal
    assert deal is not None
    assert deal.owner == ""
    told.sales("give", to="bo")  # and back, here
    told.push()
    assert told.crm.last.deal is not None
    assert told.crm.last.deal.owner == "11"


def test_an_owner_nobody_knows_changes_nothing_and_is_said_once(told: Beside) -> None:
    said = told.says("a", owner="77")
    assert said == "the CRM says its owner is 77, whom nobody here is: it stays with Bo"
    assert told.says("b", owner="77") == "nothing new"
    assert told.lines() == [said]
    assert told.handoff().rep == "bo"
    assert [row.unknown for row in told.rows(CRM_CHANGE)] == ["77", ""]
    told.sales("accept")
    told.push()
    assert told.crm.last.deal is not None
    assert told.crm.last.deal.owner == ""  # the CRM's own owner stands
    told.sales("give", to="cy")
    told.push()
    assert told.crm.last.deal.owner == "12"


def test_closed_here_and_moved_there_is_a_line_and_no_more(told: Beside) -> None:
    told.sales("outcome", result="lost", reason="no budget")
    said = told.says("a", stage="closedwon", owner="12")
    assert said.count("the CRM says") == 2
    assert "won (closedwon). Handoff 1 was lost" in said
    assert told.handoff().state == "lost"
    assert told.says("b", stage="closedwon", owner="12") == "nothing new"
    assert len(told.lines()) == 3


def test_a_lead_in_the_queue_needs_an_owner_first(desk_beside: Beside) -> None:
    with desk_beside.ledger.begin() as session:
        session.execute(update(t.Rep).values(active=False))
    desk_beside.offer()
    desk_beside.push()
    said = desk_beside.says("a", stage="called")
    assert said.endswith("but nobody has it: it waits in the queue of smb")
    with desk_beside.ledger.begin() as session:
        session.execute(update(t.Rep).values(active=True))
    desk_beside.says("b", owner="12", stage="called")
    row = desk_beside.handoff()
    assert (row.rep, row.state) == ("cy", "working")


def test_an_amount_beside_an_old_word_keeps_no_new_one_from_being_told(told: Beside) -> None:
    told.sales("accept")
    told.push()
    told.sales("touch", how="called")
    told.says("late", stage="open", amount=500.0)
    told.push()
    assert told.crm.last.deal is not None
    assert told.crm.last.deal.stage == "busy"


def test_another_amount_under_the_same_stage_is_news(told: Beside) -> None:
    told.says("a", stage="quote", amount=900.0)
    told.says("b", stage="quote", amount=900.0)
    told.says("c", stage="quote", amount=1200.0)
    assert told.handoff().amount == 1200.0
    assert [line for line in told.lines() if "opportunity" in line] == [
        "opportunity (900) by the CRM", "opportunity (1,200) by the CRM",
    ]  # fmt: skip


def test_an_amount_without_a_stage_changes_nothing_and_is_answered_so(told: Beside) -> None:
    told.says("a", stage="quote", amount=900.0)
    assert told.says("b", amount=1200.0) == "an amount counts with a stage: none was said"
    assert told.says("c", amount=900.0) == "nothing new"
    assert told.handoff().amount == 900.0


def test_what_is_older_than_what_was_said_is_passed_by(told: Beside) -> None:
    told.now += MINUTE
    told.says("b", stage="meeting_set")
    said = told.says("a", stage="open", owner="12", at=told.now - 2 * MINUTE)
    assert said == "older than what was said before"
    assert told.handoff().rep == "bo"
    told.says("c", stage="quote", at=told.now + timedelta(days=900))  # a clock that is wrong
    assert told.says("d", stage="closedwon") != "older than what was said before"


@pytest.mark.parametrize(
    "said",
    [
        {"owner": "\0", "stage": "\0open"}, {"owner": "x" * 5000, "stage": "\ud800"},
        {"stage": "quote", "amount": float("nan")}, {"stage": "quote", "amount": -1.0},
        {"stage": "closedlost", "reason": "\0\u202e" * 900},
        {"stage": "' or 1=1 --", "reason": "<script>"},
    ],
)  # fmt: skip
def test_hostile_words_break_nothing(told: Beside, said: dict[str, Any]) -> None:
    told.says("\0 id \ud800" + "x" * 900, **said)
    told.says("other", stage="closedwon")
    assert told.handoff().state in ("won", "lost")


@pytest.mark.parametrize(
    "key",
    ["nurture-handoff-99", "nurture-handoff-", "x", "nurture-handoff-1x",
     f"nurture-handoff-{9**30}", "nurture-handoff-٣"],
)  # fmt: skip
def test_a_handoff_that_is_none_of_ours_is_kept_and_nothing_happens(told: Beside, key: str) -> None:
    change = Change("a", key, NOW, stage="closedwon")
    assert "no handoff of ours" in pulling.take_in(told.syncing(), change)
    assert told.handoff().state == "offered"


def test_an_erased_lead_is_heard_of_no_more(told: Beside) -> None:
    with told.ledger.begin() as session:
        session.add(t.Suppression(email_key="lead1@example.test", kind="erased", since=NOW))
    told.says("a", stage="closedwon")
    assert told.handoff().state == "offered"


def changes(*numbers: int, stage: str = "closedwon") -> tuple[Change, ...]:
    return tuple(Change(f"c{each}", deal_key(each), NOW, stage=stage) for each in numbers)


def test_a_look_brings_changes_and_goes_on_behind_them(told: Beside) -> None:
    told.offer(2, first=2)
    told.crm.looks = [
        Pulled(DONE, changes(1, 2), "after 2", more=True), Pulled(DONE, changes(3), "after 3"),
    ]  # fmt: skip
    assert told.pull().more
    assert not told.pull().more
    assert not told.pull(MINUTE)
    assert told.crm.asked == ["", "after 2"]
    told.pull(timedelta(minutes=5))
    assert told.crm.asked[-1] == "after 3"
    assert {row.state for row in told.rows(HANDOFF)} == {"won"}


@pytest.mark.parametrize("point", ["asked", "heard"])
def test_who_dies_while_listening_loses_nothing_and_doubles_nothing(
    told: Beside, point: str
) -> None:
    told.offer(1, first=2)
    look = Pulled(DONE, changes(1, 2), "after 2")
    told.crm.looks = [look, look]
    told.kill_at(point, lambda: pull_in(told.syncing()))
    assert not told.pull(MINUTE)  # its lease holds
    told.pull(pulling.LEASE)
    assert told.health().cursor == "after 2"
    assert [row.state for row in told.rows(HANDOFF)] == ["won", "won"]
    assert len(told.lines(1)) == len(told.lines(2)) == 1


def test_only_one_asks_at_a_time(told: Beside) -> None:
    told.crm.looks = [None]
    assert not told.pull()
    assert not pull_in(told.syncing("two"))
    assert len(told.crm.asked) == 1
    told.crm.slow[0].set_result(Pulled(DONE, changes(1), "x"))
    assert told.handoff().state == "won"
    assert told.health().cursor == "x"


def test_a_look_that_comes_after_another_took_over_moves_no_cursor(told: Beside) -> None:
    told.crm.looks = [None, Pulled(DONE, (), "second")]
    told.pull()
    told.pull(pulling.LEASE)
    told.crm.slow[0].set_result(Pulled(DONE, changes(1), "first"))
    assert told.health().cursor == "second"
    assert told.handoff().state == "won"


def test_a_crm_that_cannot_be_asked_is_asked_later_and_the_admin_hears(told: Beside) -> None:
    told.crm.looks = [Pulled(BUSY)] * 4
    for _ in range(4):
        told.pull(timedelta(hours=2))
    row = told.health()
    assert (row.pull_reason, row.pull_failures) == ("answered 503", 4)
    assert row.down_since is None  # whether it can be told is another question
    assert [row.subject for row in told.rows(POST)] == ["Example: The CRM cannot be asked"]
    told.pull(timedelta(hours=2))
    row = told.health()
    assert (row.pull_reason, row.pull_failures, row.cursor) == ("", 0, "")


def test_without_a_token_it_is_not_asked_and_that_is_said(told: Beside) -> None:
    told.crm.trouble = "NURTURE_CRM_TOKEN is not set"
    told.pull()
    assert told.crm.asked == []
    assert told.health().pull_reason == "NURTURE_CRM_TOKEN is not set"
    assert [row.subject for row in told.rows(POST)] == ["Example: The CRM cannot be asked"]


def test_a_look_that_succeeds_does_not_hide_that_nothing_can_be_told(told: Beside) -> None:
    told.crm.always = TOKEN
    told.sales("accept")
    told.push()
    for _ in range(3):
        told.pull(timedelta(minutes=6))
        told.push()
    assert told.health().down_since is not None
    assert len(told.rows(POST)) == 1


def test_one_change_that_cannot_be_done_stops_no_other(
    told: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.offer(1, first=2)
    real = pulling.hear

    def broken(session: Any, definitions: Any, change: Change, **how: Any) -> str:
        if change.identity == "c1":
            raise ZeroDivisionError
        return real(session, definitions, change, **how)

    monkeypatch.setattr(pulling, "hear", broken)
    told.crm.looks = [Pulled(DONE, changes(1, 2), "x")]
    told.pull()
    assert [row.state for row in told.rows(HANDOFF)] == ["offered", "won"]
    assert [row.said for row in told.rows(CRM_CHANGE, identity="c1")] == [
        "could not be done: ZeroDivisionError"
    ]


def test_what_was_told_without_an_answer_is_no_news_when_it_comes_back(told: Beside) -> None:
    told.sales("give", to="cy")
    told.crm.answers = [BUSY]  # it may have it all the same
    told.push()
    told.sales("give", to="di")
    assert told.says("echo", owner="12") == "nothing new"
    assert told.handoff().rep == "di"
