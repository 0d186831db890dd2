"""Pushes by several processes, late, and hanging ones: each lead is one sender's at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from handoff.crm import claim as claims
from handoff.crm.claim import claim
from handoff.crm.port import Pushed
from handoff.crm.pushing import push_out
from handoff.tables import CRM_RECORD
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW, counting, make_definition
from tests.handoff import sales_desk as desk
from tests.handoff.crm.beside import DONE, PULLING, REFUSED, Beside

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


OTHER = {**PULLING, "url": "https://another.example.test"}


def test_a_tick_at_work_with_what_was_applied_before_tells_nobody(desk_beside: Beside) -> None:
    """Else the leads the new CRM is to hear of would be told to the old one, and count as told."""
    desk_beside.offer()
    before = desk_beside.syncing()
    with desk_beside.ledger.begin() as session:
        session.execute(update(t.Definition).values(active=False))
        number = make_definition(session, "handoff", "handoff", version=2).id
    assert number is not None
    desk_beside.known = replace(desk_beside.known, handoff_id=number)
    desk_beside.apply(OTHER)
    assert not push_out(before)
    assert desk_beside.crm.cards == []
    desk_beside.push()
    assert len(desk_beside.crm.cards) == 1


def test_an_answer_of_the_crm_before_is_none_of_this_one(desk_beside: Beside) -> None:
    desk_beside.crm.always = None
    desk_beside.offer()
    desk_beside.push()
    desk_beside.apply(OTHER)
    desk_beside.push()
    old, new = desk_beside.crm.hanging
    old.set_result(Pushed(DONE, {"contact": "theirs"}))
    assert (desk_beside.record().state, desk_beside.record().refs) == ("claimed", {})
    new.set_result(Pushed(DONE, {"contact": "ours"}))
    assert (desk_beside.record().state, desk_beside.record().refs) == ("told", {"contact": "ours"})
