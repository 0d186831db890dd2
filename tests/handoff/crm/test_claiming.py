"""Pushes by several processes, late, and hanging ones: each lead is one sender's at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.crm import claim as claims
from handoff.crm.claim import claim
from handoff.crm.port import Pushed
from handoff.crm.pushing import push_out
from handoff.tables import CRM_RECORD
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk
from tests.handoff.crm.beside import DONE, REFUSED, Beside

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("point", ["claimed", "pushed"])
def test_a_sender_that_died_is_repeated_under_the_same_identity(
    desk_beside: Beside, point: str
) -> None:
    desk_beside.offer(2)
    desk_beside.kill_at(point, lambda: push_out(desk_beside.syncing()))
    desk_beside.push(MINUTE)  # its lease holds
    before = list(desk_beside.crm.cards)
    desk_beside.push(claims.LEASE)
    after = desk_beside.crm.cards[len(before) :]
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}
    assert [card.identity for card in before] in ([], [card.identity for card in after])


def test_a_late_answer_of_a_claim_somebody_else_holds_changes_nothing(desk_beside: Beside) -> None:
    desk_beside.crm.answers = [None]
    desk_beside.offer()
    desk_beside.push()
    desk_beside.push(claims.LEASE)
    before = desk_beside.record()
    assert before.state == "told"
    (hanging,) = desk_beside.crm.hanging
    hanging.set_result(Pushed(REFUSED))
    assert desk_beside.record() == before


def test_a_crm_that_hangs_holds_up_no_tick_and_gets_no_more_than_a_few(
    desk_beside: Beside,
) -> None:
    desk_beside.crm.always = None
    desk_beside.offer(20)
    desk_beside.push()
    assert len(desk_beside.crm.hanging) == claims.MOST
    assert not desk_beside.push(MINUTE)
    desk_beside.crm.always = DONE
    for future in desk_beside.crm.hanging:
        future.set_result(Pushed(DONE))
    desk_beside.push()
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}


def test_two_processes_push_one_lead_once(desk_beside: Beside) -> None:
    desk_beside.offer(5)
    with desk_beside.ledger.begin() as one:
        _, mine = claim(one, desk_beside.known, owner="one", now=NOW)
    with desk_beside.ledger.begin() as two:
        _, theirs = claim(two, desk_beside.known, owner="two", now=NOW)
    assert (len(mine), len(theirs)) == (5, 0)


def test_eight_pushes_take_as_many_statements_as_two(desk_beside: Beside) -> None:
    counts = []
    for first, many in ((1, 2), (100, 8)):
        desk_beside.offer(many, first=first)
        with counting(desk_beside.ledger) as sent:
            push_out(desk_beside.syncing())
        counts.append(desk.told(sent))
    assert counts[0] == counts[1]
    assert {row.state for row in desk_beside.rows(CRM_RECORD)} == {"told"}
