"""The same tick, visibly: each job a Prefect flow run, each pass or stage a task in it.

Flows are async and few, tasks one a stage, results plain.  Prefect holds no state that matters: a
run that dies leaves rows, and the next tick goes on from them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import AsyncClientContext
from prefect.context import tags as run_tags
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows import tick as ticking
from flows.runtime import RUNTIME, Runtime
from flows.tick import Outcome
from flows.watch import PATIENCE, WATCH, CancelledInUi, PrefectLost, Stop, Watch
from insight import daily
from nurture.ledger.tally import Tally

log = logging.getLogger(__name__)
CANCELLED = "cancelled in the UI, between two batches; the next tick goes on"


async def run_tick(runtime: Runtime, *, now: datetime, patience: float = PATIENCE) -> Outcome:
    """Do everything due at `now`, each job as a flow run of its own; nothing due, no run.

    When Prefect does not answer for `patience` seconds (at the start of a run or in the middle)
    the rest of the tick is done without it, and `outcome.unseen` says so: only the picture is
    lost.  A run that is cancelled in the UI ends the tick between two batches.
    """
    stop, outcome = Stop(runtime.stop), Outcome(now)
    runtime = replace(runtime, stop=stop)
    RUNTIME.set(runtime)
    found = ticking.jobs(runtime, outcome)
    try:
        async with AsyncClientContext.get_or_create():  # one connection for all runs of a tick
            while (job := await asyncio.to_thread(next, found, None)) is not None:
                watch = Watch(job, outcome, stop)
                if not outcome.unseen:
                    await _as_run(watch, patience)
                if stop.cancelled:
                    outcome.failures.append(f"{job.name}: {CANCELLED}")
                    break
                if outcome.unseen:
                    await asyncio.to_thread(_without_prefect, watch)
    finally:
        await asyncio.to_thread(found.close)  # gives the turn back
    return outcome


async def _as_run(watch: Watch, patience: float) -> None:
    """Run the job as a flow; the outcome is `unseen` when Prefect was lost on the way."""
    token = WATCH.set(watch)
    try:
        state = await watch.over(FLOWS[watch.job.name](return_state=True), patience)
        watch.outcome.unseen = state.is_crashed() or watch.lost
    except Exception as error:  # the engine's own trouble: ours ends in the run's state
        log.warning("Prefect does not answer (%s): going on without it", type(error).__name__)
        watch.outcome.unseen = True
    finally:
        WATCH.reset(token)


def _without_prefect(watch: Watch) -> None:
    """What a run left undone: the rest of its piece in hand, and the pieces after that."""
    if watch.piece is not None:
        ticking.run_piece(watch.piece, watch.outcome)
    for piece in watch.job.pieces:
        ticking.run_piece(piece, watch.outcome)


def run_name() -> str:
    """`nurture @ 02 Mar 09:00`: the flow and the instant it works on."""
    watch = WATCH.get()
    name = str(flow_run.flow_name)
    return name if watch is None else f"{name} @ {watch.job.now:%d %b %H:%M}"


@flow(name="score", flow_run_name=run_name, validate_parameters=False)
async def score() -> State[Any]:
    """Engagements to scores, crossings, handoffs and the notices to sales."""
    return await _perform("score")


@flow(name="nurture", flow_run_name=run_name, validate_parameters=False)
async def nurture() -> State[Any]:
    """Leads through the stages of their sequences."""
    return await _perform("nurture")


@flow(name="deliver", flow_run_name=run_name, validate_parameters=False)
async def deliver() -> State[Any]:
    """Mail that is due, to the mail server, and calls to other systems."""
    return await _perform("deliver")


@flow(name="escalate", flow_run_name=run_name, validate_parameters=False)
async def escalate() -> State[Any]:
    """Clocks that lapsed, and the ladders they climb."""
    return await _perform("escalate")


@flow(name="upkeep", flow_run_name=run_name, validate_parameters=False)
async def upkeep() -> State[Any]:
    """Housekeeping, and the day's report."""
    return await _perform("upkeep")


@flow(name="shadow", flow_run_name=run_name, validate_parameters=False)
async def shadow() -> State[Any]:
    """Versions in shadow, in a copy of the ledger."""
    return await _perform("shadow")


FLOWS = {
    "score": score,
    "nurture": nurture,
    "deliver": deliver,
    "escalate": escalate,
    "upkeep": upkeep,
    "shadow": shadow,
}


async def _perform(name: str) -> State[Any]:
    """Run a job's pieces as tasks; failed ones are named in the run's state, the rest go on."""
    watch = WATCH.get()
    if watch is None:
        return await whole_tick(name)
    watch.run_id = flow_run.id
    failed = len(watch.outcome.failures)
    try:
        await _tasks(watch)
    except CancelledInUi:
        return Cancelled(message=CANCELLED)
    await _show(name, watch.job.now, watch.tally)
    if failures := watch.outcome.failures[failed:]:
        return Failed(message="; ".join(failures))
    return Completed(message=f"{sum(watch.tally.counts.values())} moves")


async def _tasks(watch: Watch) -> None:
    """Every piece of a job as a task: one that fails is noted, the others go on."""
    while (piece := await watch.work(next, watch.job.pieces, None)) is not None:
        watch.piece = piece
        try:
            with run_tags(*piece.tags):
                await _piece()
        except (CancelledInUi, PrefectLost):
            raise
        except Exception as error:
            if watch.piece is not None:  # the pass did not fail: Prefect would not let it begin
                watch.lost = True
                raise PrefectLost from error
    if watch.job.name == "upkeep":
        await _report(watch)


def _piece_name() -> str:
    """The pass in hand.  (A task of its own for each pass would read its source each time.)"""
    watch = WATCH.get()
    return watch.piece.name if watch is not None and watch.piece is not None else "pass"


@task(name="pass", task_run_name=_piece_name, cache_policy=NO_CACHE)
async def _piece() -> None:
    """Run one pass batch by batch."""
    watch = WATCH.get()
    assert watch is not None
    assert watch.piece is not None
    more = True
    while more:
        try:
            done = await watch.work(watch.piece.run)
        except (CancelledInUi, PrefectLost):
            raise
        except Exception as error:
            watch.outcome.failed(watch.piece, error)
            watch.piece = None
            raise
        watch.count(done)
        more = done.more
    watch.piece = None


async def _show(name: str, now: datetime, tally: Tally) -> None:
    """A table of what was done; where Prefect does not take it, only the table is lost."""
    if not tally:
        return
    with _only_a_picture():
        await acreate_table_artifact(
            table=tally.rows(),
            key=f"{name}-tick",
            description=f"What {name} did at {now:%d %b %Y %H:%M} UTC",
        )


async def _report(watch: Watch) -> None:
    """The day in figures, under Artifacts."""
    runtime, now = RUNTIME.get(), watch.job.now
    text = await watch.work(partial(daily.report, runtime.ledger, runtime.definitions(), now=now))
    with _only_a_picture():
        await acreate_markdown_artifact(markdown=text, key="daily-report", description="The day")


@contextmanager
def _only_a_picture() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("Prefect did not take a picture (%s)", type(error).__name__)


async def whole_tick(name: str) -> State[Any]:
    """A flow started by hand or by a worker: a whole tick, shown as tasks of this one run.

    Whatever flow was asked for, what it depends on is due as well, so the tick does it all.
    """
    runtime, stop = RUNTIME.get(), Stop(RUNTIME.get().stop)
    outcome = Outcome(runtime.clock())
    get_run_logger().info("%s was started by hand: running what is due", name)
    found = ticking.jobs(replace(runtime, stop=stop), outcome)
    try:
        while (job := await asyncio.to_thread(next, found, None)) is not None:
            watch = Watch(job, outcome, stop)
            token = WATCH.set(watch)
            try:
                await _tasks(watch)
            finally:
                WATCH.reset(token)
    finally:
        await asyncio.to_thread(found.close)
    await _show(name, outcome.now, outcome.tally)
    if outcome.failures:
        return Failed(message="; ".join(outcome.failures))
    return Completed(message="another process has the turn" if outcome.busy else "done")
