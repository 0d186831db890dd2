"""`prefect.yaml` deploys without a question; a worker's process does a workspace's work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.clocks import wall_clock
from tests.flows.conftest import Prefect, SeenPlay
from tests.flows.test_runs import begin

pytestmark = [pytest.mark.flows, pytest.mark.xdist_group("prefect")]
POOL = "nurture"
"""Which docs/operations.md says to create."""
REPOSITORY = Path(__file__).resolve().parents[2]


def _prefect(prefect: Prefect, *given: str, cwd: Path, **environ: str) -> str:
    """What the command says; it has nobody to ask."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *given],
        env=os.environ | prefect.server.environment() | environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def deployed(prefect: Prefect) -> Prefect:
    async def pool(client: Any) -> None:
        from prefect.client.schemas.actions import WorkPoolCreate

        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))

    prefect.ask(pool)
    _prefect(
        prefect, "--no-prompt", "deploy", "--all", cwd=REPOSITORY, NURTURE_HOME=str(REPOSITORY)
    )
    return prefect


def test_every_flow_is_deployed_and_a_worker_moves_the_rows_of_the_named_workspace(
    deployed: Prefect, play: SeenPlay
) -> None:
    async def known(client: Any) -> dict[str, Any]:
        return {each.name: each for each in await client.read_deployments()}

    deployments = deployed.ask(known)
    assert sorted(deployments) == ["deliver", "escalate", "nurture", "score", "upkeep"]
    assert {each.work_pool_name for each in deployments.values()} == {POOL}
    assert not any(each.schedules for each in deployments.values())

    play.now = wall_clock()  # a worker has no other
    begin(play, "ann")
    assert play.sent("ann") == []

    async def asked_for(client: Any) -> Any:
        return await client.create_flow_run_from_deployment(deployments["nurture"].id)

    run = deployed.ask(asked_for)
    url = play.ledger.engine.url.render_as_string(hide_password=False)
    said = _prefect(
        deployed,
        *("flow-run", "execute", str(run.id)),
        cwd=deployed.home,
        NURTURE_WORKSPACE=str(play.folder),
        NURTURE_DATABASE=url,
    )
    (done,) = deployed.runs()
    assert (done.id, done.state_name) == (run.id, "Completed"), said
    assert [mail for mail, _ in play.sent("ann")] == ["welcome"]
    tasks = [each.name for each in deployed.tasks(done, named=4)]
    assert {"rescore", "leave and enter", "flow / first"} <= set(tasks)
