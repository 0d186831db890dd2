"""What a new Prefect server is given once: an automation.

It marks runs whose process was killed as Crashed; without it they stay Running for ever and look as
if work were going on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.embedded.prefect_settings import HEARTBEAT

if TYPE_CHECKING:
    from prefect.automations import Automation

NAME = "crash-zombies"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")


async def install_automations() -> bool:
    """Install `crash-zombies` on the server this process points at; False when it is there.

    Raises what Prefect's client raises when the server does not answer.
    """
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        if await client.read_automations_by_name(NAME):
            return False
    await _crash_zombies().acreate()
    return True


def _crash_zombies() -> Automation:
    """A run that beat once and then neither beats nor ends for two and a half beats has crashed."""
    from prefect.automations import Automation
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture

    beat = "prefect.flow-run.heartbeat"
    return Automation(
        name=NAME,
        description="Marks a run as crashed when its process was killed.",
        trigger=EventTrigger(
            after={beat},
            expect={beat, *(f"prefect.flow-run.{end}" for end in ENDS)},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=HEARTBEAT * 2.5),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, name=None, message="no heartbeat", force=False
            )
        ],
    )
