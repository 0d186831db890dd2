"""`nurture demo`: a month of the starter workspace on a virtual clock, every run in Prefect."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from app.applying import apply_workspace
from app.demo.show import Table, hero, story_of, tables
from app.demo.story import DAYS, Story, VirtualClock, read_engagements
from app.prefect_settings import prefect_client
from app.server import embedded
from app.settings import Settings, process_environment
from app.wiring import open_workspace
from flows.runtime import Runtime
from nurture.ledger.errors import InputRefused
from nurture.ledger.imports import import_leads

PATIENT = {
    "PREFECT_CLIENT_MAX_RETRIES": "5",  # a busy server is waited for: every run is to be seen
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",  # the server asks for none: a request less
}
MARK = ".nurture-demo"
"""The file by which a folder is known to be the demo's, to be played anew."""


@dataclass(frozen=True)
class Shown:
    """The end of the story."""

    folder: Path
    ticks: int
    failures: list[str]
    tables: list[Table]
    lead: str
    timeline: list[tuple[str, str, str]]


def demo(
    folder: Path, settings: Settings, *, say: Callable[[str], None], at: Callable[[datetime], None]
) -> Shown:
    """Play the month in `folder` (made anew) and return what is shown at the end.

    `say` is told what happens, `at` each virtual instant.  Raises InputRefused when the folder
    holds something that is not a demo.
    """
    set_up(folder, settings, say=say)
    clock = VirtualClock()
    say("starting the Prefect server")
    home = folder / ".nurture" / "prefect"
    with embedded(home, environ=process_environment()) as server:
        say(f"Prefect UI: {server.ui_url}")
        with (
            prefect_client(process_environment(), server.environment() | PATIENT),
            open_workspace(folder, settings, clock=clock) as runtime,
        ):
            story = _played(runtime, clock, folder, at=at)
            return _ended(runtime, story, folder)


def set_up(folder: Path, settings: Settings, *, say: Callable[[str], None]) -> None:
    """Copy the starter workspace, create its ledger, apply it and import its leads."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise InputRefused(f"{folder} is not empty and not a demo: name another --workspace.")
        shutil.rmtree(folder)
    starter = resources.files("templates") / "workspace"
    with resources.as_file(starter) as source:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / MARK).write_text("nurture demo plays here; it may delete this folder\n")
    clock = VirtualClock()
    with open_workspace(folder, settings, clock=clock, need_schema=False) as runtime:
        apply_workspace(runtime.ledger, folder, now=clock.now)
        fields = dict(runtime.definitions().workspace.fields)
        report = import_leads(
            runtime.ledger,
            folder / "leads.csv",
            mapping={},
            field_types=fields,
            now=clock.now,
            progress=None,
            reject_path=folder / "leads.rejects.csv",
        )
    say(f"{report.imported} leads imported")


def _played(
    runtime: Runtime, clock: VirtualClock, folder: Path, *, at: Callable[[datetime], None]
) -> Story:
    from flows.running import run_tick  # Prefect, imported once its settings are in place

    async def tick(runtime: Runtime, now: datetime) -> object:
        return await run_tick(runtime, now=now)

    engagements = read_engagements(folder / "engagements.jsonl")
    story = Story(runtime, clock, engagements, tick)  # type: ignore[arg-type]
    asyncio.run(story.play(at))
    return story


def _ended(runtime: Runtime, story: Story, folder: Path) -> Shown:
    definitions = runtime.definitions()
    with runtime.ledger.begin() as session:
        shown = tables(session, definitions, now=story.clock.now)
        lead = hero(session)
        name, lines = story_of(session, lead) if lead is not None else ("", [])
    return Shown(folder, story.ticks, story.failures, shown, name, lines)


__all__ = ["DAYS", "Shown", "demo", "set_up"]
