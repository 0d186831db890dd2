"""What the CRM says: it owns who has the lead and what came of it, and hears no echo of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from handoff.crm import hearing, pulling
from handoff.crm.cards import deal_key
from handoff.crm.port import Change, Pushed
from handoff.tables import CRM_CHANGE, LEAD
from nurture.ledger import tables as t
from nurture.webhooks.port import Answer
from tests.fixtures_ledger import NOW
from tests.handoff.crm.beside import BUSY, DONE, REFUSED, Beside

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


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


def test_a_word_behind_the_state_keeps_that_from_being_told_no_more(told: Beside) -> None:
    told.sales("touch", how="called")
    assert told.says("behind", stage="open") == "nothing new"
    told.push()
    assert told.crm.last.deal is not None
    assert told.crm.last.deal.stage == "busy"
    told.says("moved back", stage="open")  # what it was told it may change
    told.sales("give", to="cy")
    told.sales("touch", how="called")
    pushed = len(told.crm.cards)
    told.push()
    assert [card.deal.stage for card in told.crm.cards[pushed:] if card.deal] == [""]


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


def test_a_change_that_cannot_be_done_at_all_is_left_behind_whatever_its_identity(
    told: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(hearing, "_listen", broken)
    change = Change("\0 id \ud800" + "x" * 900, deal_key(1), NOW, stage="closedwon")
    assert "RuntimeError" in pulling.take_in(told.syncing(), change)
    assert told.says(change.identity, stage="closedwon") == "said before"


def test_an_erased_lead_is_heard_of_no_more(told: Beside) -> None:
    with told.ledger.begin() as session:
        session.add(t.Suppression(email_key="lead1@example.test", kind="erased", since=NOW))
    told.says("a", stage="closedwon")
    assert told.handoff().state == "offered"


@pytest.mark.parametrize(
    ("answer", "said"),
    [(BUSY, "nothing new"), (REFUSED, "its owner is Cy: given to Cy by the CRM")],
)
def test_what_was_told_without_an_answer_is_no_news_and_what_was_refused_is(
    told: Beside, answer: Answer, said: str
) -> None:
    told.sales("give", to="cy")
    told.crm.answers = [answer]
    told.push()
    told.sales("give", to="di")
    assert told.says("echo", owner="12") == said


def test_all_that_was_told_without_an_answer_is_no_news_when_it_comes_back(told: Beside) -> None:
    told.crm.answers = [BUSY, BUSY]
    for rep in ("cy", "di"):  # who has no name there
        told.sales("give", to=rep)
        told.push(HOUR)
    assert told.says("echo", owner="12") == "nothing new"
    assert told.handoff().rep == "di"
    told.push(HOUR)  # is answered: what comes now is the CRM's own
    assert told.says("news", owner="12") == "its owner is Cy: given to Cy by the CRM"


def test_what_the_crm_may_have_of_a_push_is_said_over(told: Beside) -> None:
    told.crm.answers = [BUSY]
    told.sales("give", to="cy")
    told.push()
    told.sales("give", to="bo")  # who had the lead as the CRM last answered
    assert told.says("echo", owner="12") == "nothing new"
    told.push(HOUR)
    assert told.crm.last.deal is not None
    assert told.crm.last.deal.owner == "11"
    assert told.handoff().rep == "bo"


def test_what_the_crm_says_after_a_push_without_an_answer_holds(told: Beside) -> None:
    told.crm.answers = [BUSY]
    told.sales("give", to="cy")
    told.push()
    told.sales("give", to="bo")
    told.now += MINUTE
    assert "77" in told.says("news", owner="77")
    pushed = len(told.crm.cards)
    told.push(HOUR)
    assert len(told.crm.cards) == pushed, "nothing is said over it"
