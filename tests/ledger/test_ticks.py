"""Turns and claims: one at a time, nothing lost, whatever dies on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW, counting, make_lead


def clock_at(instant: datetime) -> Callable[[], datetime]:
    return lambda: instant


def touch_leads(ledger: Ledger, count: int, times: int = 1) -> None:
    with ledger.begin() as session:
        for number in range(count):
            make_lead(session, f"lead{number}@example.test")
        for _ in range(times):
            ticks.touch(session, select(t.Lead.id))


def waiting(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return session.execute(select(func.count()).select_from(t.Touch)).scalar_one()


def begin(ledger: Ledger, owner: str = "one", limit: int = 20_000) -> ticks.Claim:
    with ledger.begin() as session:
        return ticks.begin_tick(session, now=NOW, owner=owner, limit=limit)


def end(ledger: Ledger, claim: ticks.Claim) -> int:
    with ledger.begin() as session:
        return ticks.end_tick(session, claim.tick_id, now=NOW)


def test_the_turn_is_one_owners_until_it_is_released(ledger: Ledger) -> None:
    clock = clock_at(NOW)
    assert ticks.take_turn(ledger, owner="a", clock=clock)
    assert not ticks.take_turn(ledger, owner="b", clock=clock)
    assert ticks.take_turn(ledger, owner="a", clock=clock)
    ticks.release(ledger, owner="b")
    assert not ticks.take_turn(ledger, owner="b", clock=clock)
    ticks.release(ledger, owner="a")
    assert ticks.take_turn(ledger, owner="b", clock=clock)


def test_the_turn_is_free_when_its_lease_has_ended(ledger: Ledger) -> None:
    assert ticks.take_turn(ledger, owner="a", clock=clock_at(NOW))
    almost = clock_at(NOW + timedelta(seconds=59))
    assert not ticks.take_turn(ledger, owner="b", clock=almost)
    assert ticks.take_turn(ledger, owner="b", clock=clock_at(NOW + timedelta(seconds=60)))


def test_the_turn_is_free_when_its_owners_process_is_gone(ledger: Ledger) -> None:
    assert ticks.take_turn(ledger, owner="a", clock=clock_at(NOW))
    asked: list[str] = []

    def gone(owner: str) -> bool:
        asked.append(owner)
        return False

    assert ticks.take_turn(ledger, owner="b", clock=clock_at(NOW), alive=gone)
    assert asked == ["a"]


def test_of_many_who_ask_at_once_one_gets_the_turn(ledger: Ledger) -> None:
    got: list[str] = []
    start = threading.Barrier(6)

    def ask(owner: str) -> None:
        start.wait(10)
        if ticks.take_turn(ledger, owner=owner, clock=clock_at(NOW)):
            got.append(owner)

    threads = [threading.Thread(target=ask, args=(f"owner{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 1


def test_a_tick_holds_its_touches_and_drops_them_when_it_ends(ledger: Ledger) -> None:
    touch_leads(ledger, 3, times=2)
    claim = begin(ledger)
    assert (claim.touches, claim.more) == (6, False)
    assert end(ledger, claim) == 6
    assert waiting(ledger) == 0


def test_what_comes_while_a_tick_runs_waits_for_the_next(ledger: Ledger) -> None:
    touch_leads(ledger, 2)
    first = begin(ledger)
    with ledger.begin() as session:
        ticks.touch(session, select(t.Lead.id).where(col(t.Lead.email) == "lead1@example.test"))
    assert end(ledger, first) == 2
    second = begin(ledger)
    assert (second.touches, second.more) == (1, False)


def test_a_large_set_is_claimed_in_batches_of_whole_leads(ledger: Ledger) -> None:
    touch_leads(ledger, 5, times=2)
    sizes = []
    more = True
    while more:
        claim = begin(ledger, limit=2)
        sizes.append(claim.touches)
        more = claim.more
        end(ledger, claim)
    assert sizes == [4, 4, 2]


def test_the_next_tick_takes_over_what_a_dead_one_held(ledger: Ledger) -> None:
    touch_leads(ledger, 4)
    dead = begin(ledger)
    heir = begin(ledger, owner="two")
    assert heir.touches == 4
    assert end(ledger, dead) == 0, "it wakes again, and holds nothing any more"
    assert waiting(ledger) == 4
    assert end(ledger, heir) == 4


def test_an_ended_tick_is_not_taken_over(ledger: Ledger) -> None:
    touch_leads(ledger, 1)
    claim = begin(ledger)
    end(ledger, claim)
    assert begin(ledger).touches == 0
    with ledger.begin() as session:
        finished = session.get(t.Tick, claim.tick_id)
        assert finished is not None
        assert finished.finished_at == NOW


def test_two_processes_claiming_at_once_lose_and_double_nothing(ledger: Ledger) -> None:
    touch_leads(ledger, 40)
    dropped: list[int] = []
    failed: list[BaseException] = []

    def tick(owner: str) -> None:
        try:
            dropped.extend(end(ledger, begin(ledger, owner=owner, limit=7)) for _ in range(10))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=tick, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sum(dropped) == 40
    assert waiting(ledger) == 0


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_who_ends_a_tick_stands_in_line_with_who_takes_over(ledger: Ledger) -> None:
    """Else each may hold rows the other waits for: both go through the same touches."""
    claim = begin(ledger)
    with ledger.begin() as taking_over:
        ticks.begin_tick(taking_over, now=NOW, owner="two")
        with ledger.begin() as session:
            session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                ticks.end_tick(session, claim.tick_id, now=NOW)
            session.rollback()
    assert end(ledger, claim) == 0


@pytest.mark.parametrize("leads", [5, 500])
def test_claiming_takes_as_many_statements_for_many_as_for_few(ledger: Ledger, leads: int) -> None:
    touch_leads(ledger, leads)
    with counting(ledger) as sent:
        end(ledger, begin(ledger))
    assert len(sent) == 11
