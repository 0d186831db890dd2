"""Pushes: the newest state of a lead, at least once, nothing twice for nothing, nothing lost."""

from __future__ import annotations

from datetime import timedelta

from handoff.crm import claim as claims
from handoff.crm.health import PROBE
from handoff.crm.looking import BETWEEN, FRESH
from handoff.crm.port import Change, Pulled, Pushed
from handoff.crm.pushing import push_out
from handoff.routing.opening import open_handoffs
from handoff.tables import CRM, CRM_MARK, CRM_RECORD, POST
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values
from tests.fixtures_ledger import NOW
from tests.handoff.crm.beside import BUSY, DONE, REFUSED, TOKEN, Beside

MINUTE = timedelta(minutes=1)


def test_an_offered_lead_is_told_with_its_handoff(desk_beside: Beside) -> None:
    desk_beside.offer()
    desk_beside.push()
    (card,) = desk_beside.crm.cards
    assert (card.key, card.email) == ("nurture-lead-1", "lead1@example.test")
    assert card.fields == {"firstname": None, "stage_of_life": "mql", "points": 0}
    assert card.owner == "11"
    deal = card.deal
    assert deal is not None
    assert (deal.key, deal.state, deal.stage, deal.owner) == (
        "nurture-handoff-1", "offered", "new", "11",
    )  # fmt: skip
    assert deal.link == "http://127.0.0.1:8000/inbox/1"
    assert deal.title == "lead1@example.test (smb)"
    assert deal.due_at is not None
    record = desk_beside.record()
    assert (record.state, record.told, record.attempts) == ("told", 1, 0)
    assert record.refs == {"contact": "cnurture-lead-1", "deal": "dnurture-handoff-1"}
    assert desk_beside.rows(CRM_MARK) == []
    assert not desk_beside.push(timedelta(days=1))


def test_several_changes_before_a_push_are_one_and_only_what_changed_here_is_told(
    desk_beside: Beside,
) -> None:
    desk_beside.offer()
    desk_beside.push()
    desk_beside.sales("accept")
    desk_beside.sales("touch", how="called")
    desk_beside.push()
    first, second = desk_beside.crm.cards
    assert first.identity != second.identity
    assert second.refs["contact"] == "cnurture-lead-1"
    assert second.deal is not None
    assert (second.deal.state, second.deal.stage) == ("working", "busy")
    assert second.deal.owner == ""  # the CRM has it, and it is its own to change
    assert second.fields["stage_of_life"] == "sal"


def test_what_says_nothing_new_is_not_pushed(desk_beside: Beside) -> None:
    desk_beside.offer(3)
    desk_beside.push()
    with desk_beside.ledger.begin() as session:
        session.add_all([t.CrmMark(lead_id=number) for number in (1, 2, 2, 3)])
    desk_beside.push()
    assert len(desk_beside.crm.cards) == 3
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}
    assert desk_beside.rows(CRM_MARK) == []


def test_a_change_while_a_push_is_in_hand_is_pushed_after_it(desk_beside: Beside) -> None:
    desk_beside.crm.answers = [None]
    desk_beside.offer()
    desk_beside.push()
    desk_beside.sales("accept")
    desk_beside.push()  # taken in while the push is in hand
    assert len(desk_beside.crm.cards) == 1
    (hanging,) = desk_beside.crm.hanging
    hanging.set_result(Pushed(DONE))
    assert desk_beside.record().state == "due"
    desk_beside.push()
    assert [card.deal.state for card in desk_beside.crm.cards if card.deal] == [
        "offered", "accepted",
    ]  # fmt: skip


def rejected_and_handed_over_again(told: Beside, handoff: int) -> None:
    told.sales("reject", handoff, reason="no budget")
    with told.ledger.begin() as session:
        row = {"lead_id": 1, "cause": f"again:{handoff}", "opened_at": NOW, "reason": "again"}
        insert_new_values(session, t.Episode, [row])
    told.now += MINUTE
    with told.ledger.begin() as session:
        open_handoffs(session, told.known, now=told.now)


def test_an_end_that_is_refused_keeps_no_later_handoff_from_being_told(
    desk_beside: Beside,
) -> None:
    desk_beside.offer()
    desk_beside.push()
    rejected_and_handed_over_again(desk_beside, 1)
    desk_beside.crm.answers = [REFUSED]
    desk_beside.push()
    told = [(card.deal.key[-1], card.deal.state) for card in desk_beside.crm.cards if card.deal]
    assert told == [("1", "offered"), ("1", "rejected"), ("2", "offered")]
    assert desk_beside.record().state == "told"


def test_the_end_of_each_handoff_is_told_before_the_next(desk_beside: Beside) -> None:
    desk_beside.offer()
    desk_beside.push()
    for number in (1, 2):
        rejected_and_handed_over_again(desk_beside, number)
    desk_beside.push()
    told = [(card.deal.key[-1], card.deal.state) for card in desk_beside.crm.cards if card.deal]
    assert told == [("1", "offered"), ("1", "rejected"), ("2", "rejected"), ("3", "offered")]
    assert "deal" not in desk_beside.crm.cards[2].refs
    assert desk_beside.record().refs["deal"] == "dnurture-handoff-3"


def test_a_busy_crm_is_tried_again_later_and_the_admin_hears_once(desk_beside: Beside) -> None:
    desk_beside.crm.always = BUSY
    desk_beside.offer(5)
    desk_beside.push()
    desk_beside.push(MINUTE)
    assert desk_beside.health().down_since is not None
    tried = len(desk_beside.crm.cards)
    for _ in range(4):
        desk_beside.push(MINUTE)
    assert len(desk_beside.crm.cards) <= tried + 1  # one probe
    (alarm,) = desk_beside.rows(POST)
    assert alarm.subject == "Example: The CRM is out of order"
    desk_beside.crm.always = DONE
    desk_beside.push(PROBE)
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}
    assert [row.subject for row in desk_beside.rows(POST)] == [
        "Example: The CRM is out of order", "Example: The CRM is back",
    ]  # fmt: skip
    assert desk_beside.health().failures == 0


def test_a_refused_lead_fails_with_its_reason_and_is_told_again_after_a_change(
    desk_beside: Beside,
) -> None:
    desk_beside.crm.answers = [REFUSED, REFUSED]
    desk_beside.offer(3)
    desk_beside.push()
    states = [row.state for row in desk_beside.rows(CRM_RECORD)]
    assert sorted(states) == ["failed", "failed", "told"]
    assert desk_beside.record(1).reason == "refused: answered 422"
    (alarm,) = desk_beside.rows(POST)
    assert "refused 2 leads: refused: answered 422" in alarm.text
    assert not desk_beside.push(timedelta(days=1))
    desk_beside.sales("accept", 1)
    desk_beside.push()
    assert desk_beside.record(1).state == "told"


def test_a_wrong_token_fails_no_lead(desk_beside: Beside) -> None:
    desk_beside.crm.always = TOKEN
    desk_beside.offer(20)
    desk_beside.push()
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"due"}
    assert len(desk_beside.crm.cards) == claims.MOST
    assert desk_beside.health().reason == "refused: answered 401"


def test_without_a_token_nothing_is_claimed_and_marks_are_taken_in(desk_beside: Beside) -> None:
    desk_beside.crm.trouble = "NURTURE_CRM_TOKEN is not set"
    desk_beside.offer(2)
    desk_beside.push()
    assert desk_beside.crm.cards == []
    assert desk_beside.rows(CRM_MARK) == []
    assert [row.attempts for row in desk_beside.rows(CRM_RECORD)] == [0, 0]
    assert desk_beside.health().reason == "NURTURE_CRM_TOKEN is not set"
    desk_beside.crm.trouble = ""
    desk_beside.push(PROBE)
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}


def test_an_erased_lead_is_told_to_nobody(desk_beside: Beside) -> None:
    desk_beside.offer(2)
    with desk_beside.ledger.begin() as session:
        session.add(t.Suppression(email_key="lead1@example.test", kind="erased", since=NOW))
    desk_beside.push()
    assert [card.key for card in desk_beside.crm.cards] == ["nurture-lead-2"]
    assert desk_beside.record(1).state == "told"


def test_without_crm_nothing_is_marked_and_nothing_is_left(desk_beside: Beside) -> None:
    desk_beside.offer()
    desk_beside.push()
    desk_beside.apply(None)
    assert desk_beside.rows(CRM) == desk_beside.rows(CRM_RECORD) == []
    desk_beside.sales("accept")
    desk_beside.offer(3, first=5)
    assert desk_beside.rows(CRM_MARK) == []
    assert not desk_beside.push()


def test_a_deal_the_crm_knows_waits_for_a_look_a_new_one_does_not(desk_beside: Beside) -> None:
    """What sales did there comes first; looks for its sake are some seconds apart."""
    told, seconds = desk_beside, timedelta(seconds=1)
    told.offer()
    assert push_out(told.syncing()).total("leads told to the CRM") == 1
    assert told.crm.asked == []
    told.pull()
    told.now += 5 * seconds
    told.sales("accept")
    told.offer(1, first=2)
    assert push_out(told.syncing()).total("leads told to the CRM") == 1
    assert [card.key for card in told.crm.cards] == ["nurture-lead-1", "nurture-lead-2"]
    assert not push_out(told.syncing())
    assert told.next_due() == NOW + BETWEEN
    told.crm.looks = [Pulled(BUSY)]
    told.pull(BETWEEN)
    assert not push_out(told.syncing())
    assert told.next_due() == told.health().pull_at
    told.now = told.next_due()
    told.crm.looks = [None]
    assert not told.pull()
    won = (Change("there", "nurture-handoff-1", told.now, stage="closedwon"),)
    told.crm.slow.pop().set_result(Pulled(DONE, won, "on"))
    assert push_out(told.syncing()).total("leads told to the CRM") == 1
    deal = told.crm.last.deal
    assert deal is not None
    assert (deal.key, deal.state, deal.stage) == ("nurture-handoff-1", "won", "")
    told.sales("accept", 2)
    told.now += FRESH + seconds
    told.push()
    assert len(told.crm.asked) == 4


def test_one_identity_is_one_card_whatever_is_heard_between_its_tries(desk_beside: Beside) -> None:
    desk_beside.offer()
    desk_beside.crm.answers = [BUSY, BUSY]
    desk_beside.push()
    for identity, owner in (("a", "11"), ("b", "nobody")):
        desk_beside.says(identity, owner=owner, stage="what is this")
        desk_beside.pull(timedelta(hours=1))
        desk_beside.push()
    cards = desk_beside.crm.cards
    assert len(cards) == 3
    assert all(one == other for one in cards for other in cards if one.identity == other.identity)
