"""A tick as flow runs: the same rows as without, and a picture that reads like the funnel."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from flows import work
from flows.runtime import RUNTIME, Runtime
from flows.tick import Outcome
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from tests.fixtures_ledger import empty
from tests.flows.conftest import Prefect, SeenPlay
from tests.sequences.texts import HANDOFF, SCORING, sequence

pytestmark = [pytest.mark.flows, pytest.mark.xdist_group("prefect")]
FLOW = sequence(
    """
- send: {email: welcome, anytime: true}
- wait: 2 days
- send: {email: tips, anytime: true}
"""
)


def begin(play: SeenPlay, *leads: str) -> None:
    """A sequence, scoring and sales; the leads come in by a form."""
    play.apply(FLOW, scoring=SCORING, handoff=HANDOFF)
    for name in leads:
        play.lead(name)
        play.event(name, "form_submitted")


def _story(play: SeenPlay, tick: Any) -> None:
    """Two leads, one of whom crosses the line, whose rep is late."""
    begin(play, "ann", "ben")
    tick("03-02 09:00")
    play.event("ann", "page_viewed")
    play.event("ann", "page_viewed")
    play.event("ann", "page_viewed")
    tick("03-02 09:05")
    for when in ("03-02 11:10", "03-02 13:10", "03-02 15:10", "03-04 10:00"):
        tick(when)


def rows(play: SeenPlay) -> dict[str, list[Any]]:
    """Every row there is, without the names of senders: those are drawn by lot."""
    return {
        table.name: sorted(
            map(tuple, play.rows(select(*(c for c in table.c if c.name != "owner")))), key=repr
        )
        for table in SQLModel.metadata.sorted_tables
    }


def test_a_tick_as_flow_runs_leaves_the_rows_of_the_plain_tick(
    ledger: Ledger, tmp_path: Path, prefect: Prefect
) -> None:
    empty(ledger)
    play = SeenPlay(ledger, tmp_path / "workspace")
    _story(play, play.tick)
    plain = rows(play)
    play_again = SeenPlay(ledger, play.folder)
    empty(ledger)
    outcomes: list[Outcome] = []
    _story(play_again, lambda when: outcomes.append(play_again.see(when)))
    assert not any(outcome.unseen or outcome.failures for outcome in outcomes)
    seen = rows(play_again)
    assert seen == plain
    assert len(seen["message"]) >= 6
    assert seen["handoff"]
    assert seen["rung"]
    assert all(state == "Completed" for _, state in prefect.states())


def test_runs_tasks_tags_and_tables_read_like_the_funnel(play: SeenPlay, prefect: Prefect) -> None:
    begin(play, "ann", "ben")
    play.see("03-02 09:00")
    play.see("03-04 09:00")
    names = [name for name, _ in prefect.states()]
    assert names == [
        "score @ 02 Mar 08:00",
        "deliver @ 02 Mar 08:00",
        "upkeep @ 02 Mar 08:00",
        "nurture @ 04 Mar 08:00",
        "deliver @ 04 Mar 08:00",
        "upkeep @ 04 Mar 08:00",
    ]
    first, _, upkeep, *_ = prefect.runs()
    tasks = prefect.tasks(first, named=3)
    assert [task.name for task in tasks] == ["rescore", "leave and enter", "flow / first"]
    assert {"seq:flow", "stage:first"} <= set(tasks[-1].tags)
    (table,) = prefect.artifacts(first)
    assert table.key == "score-tick"
    assert '"what": "entered", "where": "flow", "leads": 2' in table.data
    (report,) = prefect.artifacts(upkeep)
    assert report.key == "daily-report"
    assert "## Funnel" in report.data
    assert "| flow | first |" in report.data


def test_an_idle_tick_starts_no_run(play: SeenPlay, prefect: Prefect) -> None:
    begin(play, "ann")
    play.see("03-02 09:00")
    before = prefect.states()
    outcome = play.see("03-02 09:10")
    assert not outcome.unseen
    assert outcome.next_due is not None
    assert outcome.next_due > play.now
    assert prefect.states() == before


def test_a_failed_stage_marks_its_run_with_the_reason_and_stops_nothing_else(
    play: SeenPlay, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Tally:
        raise RuntimeError("the disk is full")

    begin(play, "ann")
    play.apply(sequence("- send: {email: news, anytime: true}", name="other", stage="only"))
    advance = work.advance
    monkeypatch.setattr(
        work,
        "advance",
        lambda *given, **named: (
            broken() if named["stage"].sequence == "flow" else advance(*given, **named)
        ),
    )
    outcome = play.see("03-02 09:00")
    assert outcome.failures == ["flow / first: RuntimeError: the disk is full"]
    assert [mail for mail, _ in play.sent("ann")] == ["news"]
    first = prefect.runs()[0]
    assert first.state_name == "Failed"
    assert first.state.message == "flow / first: RuntimeError: the disk is full"
    assert ("deliver @ 02 Mar 08:00", "Completed") in prefect.states()
    failed = [task for task in prefect.tasks(first, named=4) if task.state_name == "Failed"]
    assert [task.name for task in failed] == ["flow / first"]
    monkeypatch.undo()
    assert not play.see("03-02 09:01").failures  # what failed is tried again, from its rows
    assert [mail for mail, _ in play.sent("ann")] == ["news", "welcome"]


def test_a_cancellation_stops_between_batches_and_the_next_tick_goes_on(
    play: SeenPlay, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.states import Cancelling

    begin(play, *(f"lead{number}" for number in range(6)))
    advance, batches = work.advance, []

    def slow(*given: Any, **named: Any) -> Tally:
        done = advance(*given, **named)
        if not batches:
            (run,) = prefect.runs()
            prefect.ask(lambda client: client.set_flow_run_state(run.id, Cancelling()))
            cancelled.wait(10)
        batches.append(1)
        return Tally(done.counts, more=len(batches) < 3)

    cancelled = threading.Event()

    def watched(runtime: Runtime) -> Runtime:
        """Waits in the first batch until the watch has heard of it."""
        from flows import watch

        class Heard(watch.Stop):
            def set(self) -> None:
                super().set()
                cancelled.set()

        monkeypatch.setattr("flows.running.Stop", Heard)
        return runtime

    play.wrap = watched
    monkeypatch.setattr(work, "advance", slow)
    outcome = play.see("03-02 09:00")
    assert len(batches) == 1
    assert outcome.failures == [
        "score: cancelled in the UI, between two batches; the next tick goes on"
    ]
    assert prefect.states() == [("score @ 02 Mar 08:00", "Cancelled")]
    assert not play.rows(
        select(table_of(t.Message).c.id).where(table_of(t.Message).c.state == "sent")
    )
    monkeypatch.undo()
    play.wrap = lambda runtime: runtime
    assert not play.see("03-02 09:01").failures
    assert all(len(play.sent(f"lead{number}")) == 1 for number in range(6))


def test_a_flow_called_twice_at_once_works_once(
    play: SeenPlay, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import running

    begin(play, "ann")
    inside, other_ended = threading.Event(), threading.Event()
    rescore = work.rescore

    def held(*given: Any, **named: Any) -> Tally:
        inside.set()
        assert other_ended.wait(20)
        return rescore(*given, **named)

    async def by_hand(owner: str) -> Any:
        RUNTIME.set(replace(play.runtime(), owner=owner))
        return await running.nurture(return_state=True)

    async def both() -> list[str]:
        first = asyncio.create_task(by_hand("one"))
        await asyncio.to_thread(inside.wait, 20)
        second = await asyncio.create_task(by_hand("two"))
        other_ended.set()
        return [(await first).message, second.message]

    monkeypatch.setattr(work, "rescore", held)
    assert asyncio.run(both()) == ["done", "another process has the turn"]
    assert len(play.sent("ann")) == 1
