"""When the scheduler wakes, and for what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

import apscheduler.schedulers.base
import pytest

from app import scheduler
from app.scheduler import AFTER_FAILURE, LOOK_EVERY
from flows.tick import Outcome
from nurture.ledger.tally import Tally
from tests.app.hurried import MINUTE, NOW, Day, HurriedLoop

WORK = Tally.of("moved", 1)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Day]]:
    """Plays `how(day)` with a started scheduler, which is stopped afterwards."""
    loop = HurriedLoop()
    day = Day(loop)

    class Virtual(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return (day.clock() + day.ahead).astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Virtual)
    monkeypatch.setattr(scheduler, "wall_clock", lambda: day.clock() + day.ahead)
    monkeypatch.setattr(scheduler, "next_wake", day.look)

    async def whole(how: Callable[[Day], Awaitable[None]]) -> None:
        await day.scheduler.start()
        try:
            await how(day)
        finally:
            if not day.stop.is_set():
                await day.scheduler.stop()

    def run(how: Callable[[Day], Awaitable[None]], **given: Any) -> Day:
        for name, value in given.items():
            setattr(day, name, value)
        loop.run_until_complete(whole(how))
        return day

    yield run
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _an_hour(day: Day) -> None:
    await asyncio.sleep(3600)


def test_it_looks_at_once_and_then_an_idle_hour_starts_nothing(play: Callable[..., Day]) -> None:
    day = play(_an_hour)
    assert day.minutes() == [0]
    assert 59 <= day.looks <= 60  # a question to the ledger every minute, and no tick


def test_it_wakes_at_the_instant_that_is_due_and_not_before(play: Callable[..., Day]) -> None:
    async def once(day: Day) -> Outcome:
        day.due = NOW + 25 * MINUTE + timedelta(seconds=12) if len(day.ticks) == 1 else None
        return Outcome(day.clock(), tally=WORK, next_due=day.due)

    assert play(_an_hour, does=once).minutes() == [0, 25.2]


@pytest.mark.parametrize("ahead", [5 * MINUTE, -5 * MINUTE])
@pytest.mark.parametrize("jump", [timedelta(), timedelta(hours=1), -timedelta(hours=1)])
def test_whatever_the_machines_clock_says_it_wakes_when_it_is_due(
    play: Callable[..., Day], ahead: timedelta, jump: timedelta
) -> None:
    """A wake set before the clock was set back is set anew with the next look."""
    async def once(day: Day) -> Outcome:
        day.due = NOW + 25 * MINUTE if day.clock() < NOW + 25 * MINUTE else None
        return Outcome(day.clock(), tally=WORK, next_due=day.due)

    async def jumping(day: Day) -> None:
        await asyncio.sleep(600)
        day.ahead += jump
        await asyncio.sleep(3000)

    assert play(jumping, does=once, ahead=ahead).minutes() == [0, 25]


def test_what_falls_due_during_a_tick_is_not_left_for_a_minute(play: Callable[..., Day]) -> None:
    async def moving(day: Day) -> Outcome:
        await asyncio.sleep(3)  # a mail was sent meanwhile: its lead goes on from that instant
        due = day.clock() - timedelta(seconds=1) if len(day.ticks) < 3 else None
        return Outcome(day.ticks[-1], tally=WORK, next_due=due)

    assert play(_an_hour, does=moving).minutes() == [0, 0.05, 0.1]


def test_a_poke_wakes_it_at_once(play: Callable[..., Day]) -> None:
    async def poked(day: Day) -> None:
        await asyncio.sleep(100)
        day.scheduler.poke()
        await asyncio.sleep(1)
        assert len(day.ticks) == 2
        await asyncio.to_thread(day.scheduler.poke)  # from any thread
        await asyncio.sleep(1)

    assert play(poked).minutes() == [0, 1.67, 1.68]


def test_a_poke_during_a_tick_is_answered_by_one_more_tick(play: Callable[..., Day]) -> None:
    async def slow(day: Day) -> Outcome:
        if len(day.ticks) == 1:
            await asyncio.sleep(5)
            day.scheduler.poke()
            day.scheduler.poke()
            await asyncio.sleep(5)
        return Outcome(day.clock(), tally=WORK)

    day = play(_an_hour, does=slow)
    assert day.minutes() == [0, round(10 / 60, 2)]


def test_a_storm_of_pokes_drops_no_wake(
    play: Callable[..., Day], caplog: pytest.LogCaptureFixture
) -> None:
    """A wake that waited beside a tick took the place of the one this tick sets at its end."""

    async def busy(day: Day) -> Outcome:
        await asyncio.sleep(1)
        more = day.clock() if len(day.ticks) < 9 else None
        return Outcome(day.clock(), tally=WORK, next_due=more)

    async def storm(day: Day) -> None:
        for _ in range(9):
            for _ in range(9):
                day.scheduler.poke()
                await asyncio.sleep(0)
            await asyncio.sleep(0.7)
        await asyncio.sleep(600)

    play(storm, does=busy)
    assert not [record for record in caplog.records if "skipped" in record.getMessage()]


def test_ticks_never_overlap(play: Callable[..., Day]) -> None:
    inside = [0, 0]

    async def slow(day: Day) -> Outcome:
        inside[0] += 1
        inside[1] = max(inside)
        await asyncio.sleep(90)  # longer than the time between two looks
        inside[0] -= 1
        return Outcome(day.clock(), tally=WORK, next_due=day.clock() + MINUTE)

    day = play(_an_hour, does=slow, due=NOW)
    assert inside[1] == 1
    assert len(day.ticks) > 10


def test_after_a_failure_it_tries_again_a_minute_later(play: Callable[..., Day]) -> None:
    async def failing(day: Day) -> Outcome:
        if len(day.ticks) == 1:
            raise RuntimeError("the disk is full")
        failures = ["send mail: no"] if len(day.ticks) == 2 else []
        return Outcome(day.clock(), failures=failures)

    day = play(_an_hour, does=failing)
    assert day.minutes() == [0, 1, 2]
    assert day.scheduler.last is not None
    assert not day.scheduler.last.failures


def test_when_another_process_has_the_turn_it_asks_again_a_minute_later(
    play: Callable[..., Day],
) -> None:
    async def busy(day: Day) -> Outcome:
        return Outcome(day.clock(), busy=len(day.ticks) < 3)

    assert play(_an_hour, does=busy).minutes() == [0, 1, 2]


def test_work_that_is_due_and_does_not_move_is_not_tried_in_a_circle(
    play: Callable[..., Day],
) -> None:
    async def stuck(day: Day) -> Outcome:
        return Outcome(day.clock(), next_due=NOW)

    day = play(_an_hour, does=stuck)
    assert len(day.ticks) <= 3600 / AFTER_FAILURE.total_seconds() + 1


def test_what_another_process_brought_is_found_within_a_minute(play: Callable[..., Day]) -> None:
    async def brought(day: Day) -> None:
        await asyncio.sleep(600)
        day.due = day.clock()
        while len(day.ticks) < 2:
            await asyncio.sleep(1)
            assert day.clock() <= NOW + 10 * MINUTE + LOOK_EVERY + timedelta(seconds=1)
        day.due = None

    assert len(play(brought).ticks) == 2


def test_a_ledger_that_does_not_answer_is_asked_again(
    play: Callable[..., Day], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def trouble(*_: object, **__: object) -> None:
        asked.append(1)
        raise OSError("no such disk")

    monkeypatch.setattr(scheduler, "next_wake", trouble)
    assert play(_an_hour).minutes() == [0]
    assert len(asked) >= 59


def test_a_stop_waits_for_the_tick_in_progress_and_starts_no_other(
    play: Callable[..., Day],
) -> None:
    ended: list[float] = []

    async def slow(day: Day) -> Outcome:
        await asyncio.sleep(10)
        ended.append(day.loop.time())
        return Outcome(day.clock(), tally=WORK, next_due=day.clock())

    async def stopped(day: Day) -> None:
        await asyncio.sleep(1)
        day.scheduler.poke()
        await asyncio.sleep(1)
        await day.scheduler.stop()
        assert ended
        await asyncio.sleep(600)

    assert len(play(stopped, does=slow).ticks) == 1


def test_a_wake_that_comes_after_the_stop_does_nothing(play: Callable[..., Day]) -> None:
    async def stopped(day: Day) -> None:
        await day.scheduler.stop()
        await day.scheduler._run()

    assert play(stopped).ticks == []
