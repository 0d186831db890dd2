"""The flows as deployments for a worker: `prefect.yaml` names the functions below.

A worker starts each run in a process of its own: the runtime is built here, from the workspace
named by NURTURE_WORKSPACE (else the working directory), and set where flows look for it.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from app.settings import Settings
from app.wiring import open_workspace
from flows import running
from flows.runtime import RUNTIME


async def _run(name: str) -> State[Any]:
    settings = Settings()
    with open_workspace(settings.workspace, settings) as runtime:
        token = RUNTIME.set(runtime)
        try:
            return await running.whole_tick(name)
        finally:
            RUNTIME.reset(token)


@flow(name="nurture")
async def nurture() -> State[Any]:
    """Leads through the stages of their sequences, and all that is due with it."""
    return await _run("nurture")


@flow(name="score")
async def score() -> State[Any]:
    """Engagements to scores, crossings, handoffs and notices."""
    return await _run("score")


@flow(name="deliver")
async def deliver() -> State[Any]:
    """Mail that is due."""
    return await _run("deliver")


@flow(name="escalate")
async def escalate() -> State[Any]:
    """Clocks that lapsed and their ladders."""
    return await _run("escalate")


@flow(name="upkeep")
async def upkeep() -> State[Any]:
    """Old ticks dropped, the day's report written."""
    return await _run("upkeep")
