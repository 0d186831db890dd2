"""The same tick, visibly: each job a Prefect flow run, each pass or stage a task in it.

Flows are async and few, tasks one a stage, results plain.  Prefect holds no state that matters: a
run that dies leaves rows, and the next tick goes on from them.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import tags as run_tags
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows import tick as ticking
from flows.runtime import RUNTIME, Runtime
from flows.tick import Job, Outcome
from flows.work import Piece
from insight import daily
from nurture.ledger.tally import Tally

log = logging.getLogger(__name__)
JOB: ContextVar[tuple[Job, Outcome] | None] = ContextVar("job", default=None)
PIECE: ContextVar[Piece] = ContextVar("piece")


class CancelledInUi(Exception):
    """Somebody cancelled the run in the UI: it stops between two batches."""


async def run_tick(runtime: Runtime, *, now: datetime) -> Outcome:
    """Do everything due at `now`, each job as a flow run of its own; nothing due, no run.

    When Prefect does not answer (at the start of a run or in the middle) the rest of the tick is
    done without it, and `outcome.unseen` says so: only the picture is lost.
    """
    outcome = Outcome(now)
    RUNTIME.set(runtime)
    found = ticking.jobs(runtime, outcome)
    while (job := await asyncio.to_thread(next, found, None)) is not None:
        if not outcome.unseen:
            outcome.unseen = not await _as_run(job, outcome)
        if outcome.unseen:
            for piece in job.pieces:
                await asyncio.to_thread(ticking.run_piece, piece, outcome)
    return outcome


async def _as_run(job: Job, outcome: Outcome) -> bool:
    """Run the job as a flow; False when Prefect was lost on the way."""
    token = JOB.set((job, outcome))
    try:
        state = await FLOWS[job.name](return_state=True)
    except Exception as error:  # the engine's own trouble: ours ends in the run's state
        log.warning("Prefect does not answer (%s): going on without it", type(error).__name__)
        return False
    finally:
        JOB.reset(token)
    return not state.is_crashed()


def run_name() -> str:
    """`nurture @ 02 Mar 09:00`: the flow and the instant it works on."""
    current = JOB.get()
    name = str(flow_run.flow_name)
    return name if current is None else f"{name} @ {current[0].now:%d %b %H:%M}"


@flow(name="score", flow_run_name=run_name)
async def score() -> State[Any]:
    """Engagements to scores, crossings, handoffs and the notices to sales."""
    return await _perform("score")


@flow(name="nurture", flow_run_name=run_name)
async def nurture() -> State[Any]:
    """Leads through the stages of their sequences."""
    return await _perform("nurture")


@flow(name="deliver", flow_run_name=run_name)
async def deliver() -> State[Any]:
    """Mail that is due, to the mail server."""
    return await _perform("deliver")


@flow(name="escalate", flow_run_name=run_name)
async def escalate() -> State[Any]:
    """Clocks that lapsed, and the ladders they climb."""
    return await _perform("escalate")


@flow(name="upkeep", flow_run_name=run_name)
async def upkeep() -> State[Any]:
    """Housekeeping, and the day's report."""
    return await _perform("upkeep")


FLOWS = {
    "score": score,
    "nurture": nurture,
    "deliver": deliver,
    "escalate": escalate,
    "upkeep": upkeep,
}


async def _perform(name: str) -> State[Any]:
    """Run a job's pieces as tasks; failed ones are named in the run's state, the rest go on."""
    current = JOB.get()
    if current is None:
        return await whole_tick(name)
    job, outcome = current
    before, tally = len(outcome.failures), Tally()
    while (piece := await asyncio.to_thread(next, job.pieces, None)) is not None:
        token = PIECE.set(piece)
        try:
            with run_tags(*piece.tags):
                tally += await _piece.with_options(task_run_name=piece.name)()
        except CancelledInUi:
            return Cancelled(message="cancelled in the UI, between two batches")
        except Exception as error:
            outcome.failed(piece, error)
        finally:
            PIECE.reset(token)
    outcome.tally += Tally(tally.counts)
    await _show(name, job.now, tally)
    if name == "upkeep":
        await _report(RUNTIME.get(), job.now)
    failures = outcome.failures[before:]
    if failures:
        return Failed(message="; ".join(failures))
    return Completed(message=f"{sum(tally.counts.values())} moves")


@task(name="pass", cache_policy=NO_CACHE)
async def _piece() -> Tally:
    """Run one pass batch by batch; look between batches whether the run was cancelled."""
    piece, tally = PIECE.get(), Tally()
    while True:
        done = await asyncio.to_thread(piece.run)
        tally += Tally(done.counts)
        if not done.more:
            return tally
        if await _cancelling():
            raise CancelledInUi


async def _cancelling() -> bool:
    async with get_client() as client:
        state = (await client.read_flow_run(flow_run.id)).state
    return state is not None and state.is_cancelling()


async def _show(name: str, now: datetime, tally: Tally) -> None:
    if tally:
        await acreate_table_artifact(
            table=tally.rows(),
            key=f"{name}-tick",
            description=f"What {name} did at {now:%d %b %Y %H:%M} UTC",
        )


async def _report(runtime: Runtime, now: datetime) -> None:
    """The day in figures, under Artifacts."""
    text = await asyncio.to_thread(daily.report, runtime.ledger, runtime.definitions(), now=now)
    await acreate_markdown_artifact(markdown=text, key="daily-report", description="The day")


async def whole_tick(name: str) -> State[Any]:
    """A flow started by hand or by a worker: a whole tick, shown as tasks of this one run.

    Whatever flow was asked for, what it depends on is due as well, so the tick does it all.
    """
    runtime = RUNTIME.get()
    outcome = Outcome(runtime.clock())
    get_run_logger().info("%s was started by hand: running what is due", name)
    found = ticking.jobs(runtime, outcome)
    while (job := await asyncio.to_thread(next, found, None)) is not None:
        while (piece := await asyncio.to_thread(next, job.pieces, None)) is not None:
            token = PIECE.set(piece)
            try:
                outcome.tally += await _piece.with_options(task_run_name=piece.name)()
            except Exception as error:
                outcome.failed(piece, error)
            finally:
                PIECE.reset(token)
    await _show(name, outcome.now, outcome.tally)
    if outcome.failures:
        return Failed(message="; ".join(outcome.failures))
    return Completed(message="another process has the turn" if outcome.busy else "done")
