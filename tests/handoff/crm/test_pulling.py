"""Looks at the CRM: one at a time, each change once, from where the last one ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handoff.crm import pulling
from handoff.crm.cards import deal_key
from handoff.crm.port import Change, Pulled
from handoff.crm.pulling import pull_in
from handoff.tables import CRM_CHANGE, HANDOFF, POST
from tests.fixtures_ledger import NOW
from tests.handoff.crm.beside import BUSY, DONE, PULLING, TOKEN, Beside

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


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


def test_a_look_at_the_crm_before_moves_no_cursor_of_this_one(told: Beside) -> None:
    before = told.syncing()
    told.crm.looks = [None, None]
    told.pull(HOUR)
    told.apply({**PULLING, "url": "https://another.example.test"})
    assert not pull_in(before)
    told.pull()
    old, new = told.crm.slow
    old.set_result(Pulled(DONE, (), "theirs"))
    assert told.health().cursor == ""
    new.set_result(Pulled(DONE, (), "ours"))
    assert told.health().cursor == "ours"


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
