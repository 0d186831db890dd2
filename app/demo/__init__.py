"""`nurture demo`: a month of the starter workspace on a virtual clock, every run in Prefect."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from app.changes.applying import apply_workspace
from app.demo.show import Table, Told, tables, told
from app.demo.story import BEGIN, DAYS, Story
from app.embedded.prefect_settings import prefect_client
from app.embedded.server import Server, ServerFailed, start
from app.recording import recorded
from app.settings import Settings, process_environment
from app.virtual_clock import VirtualClock
from app.wiring import open_workspace
from flows.runtime import Runtime
from flows.tick import Outcome
from nurture.ledger.errors import InputRefused
from nurture.ledger.imports import import_leads

RESULTS = "nurture-demo"
"""Where results would be kept (none is).  Named, because Prefect else asks its server before each
run for the place, and waits."""
PATIENT = {
    "PREFECT_CLIENT_MAX_RETRIES": "5",  # a busy server is waited for: every run is to be seen
    "PREFECT_LOGGING_LEVEL": "WARNING",  # that runs and tasks ended is seen without log lines
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",  # the server asks for none: a request less
    "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK": f"local-file-system/{RESULTS}",
}
IDLE = (
    "CANCELLATION_CLEANUP", "DB_VACUUM", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS",
    "REPOSSESSOR", "SCHEDULER", "TRIGGERS",
)  # fmt: skip
"""The server's services a story has no use for: its runs begin when the clock says, and end."""
FEW_SERVICES = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in IDLE}
MARK = ".nurture-demo"
"""The file by which a folder is known to be the demo's, to be played anew."""
OURS = "nurture demo plays here; it may delete this folder\n"
FINISHED = "the story was played to its end\n"


@dataclass(frozen=True)
class Shown:
    """The end of the story."""

    folder: Path
    begins: datetime
    ends: datetime
    leads: int
    ticks: int
    unseen: int
    """Ticks that Prefect did not answer for: done all the same, but not to be seen there."""
    failures: list[str]
    tables: list[Table]
    told: list[Told]


def demo(
    folder: Path,
    settings: Settings,
    *,
    say: Callable[[str], None],
    at: Callable[[datetime], None],
    days: int = DAYS,
) -> Shown:
    """Play the month in `folder` (made anew) and return what is shown at the end.

    `say` is told what happens, `at` each virtual instant.  Raises InputRefused when the folder
    holds something that is not a demo.
    """
    settings = own(settings)
    make_anew(folder)
    home = folder / ".nurture" / "prefect"
    with contextlib.ExitStack() as ending:
        beside = ending.enter_context(ThreadPoolExecutor(1))
        starting = beside.submit(
            start, home, environ=process_environment(), overrides=FEW_SERVICES
        )
        ending.callback(_stop, starting)
        leads = set_up(folder, settings)  # meanwhile: the server takes seconds to start
        say(f"{leads} leads imported; starting the Prefect server")
        server = starting.result()
        say(f"Prefect UI, while it plays: {server.ui_url}/runs")
        with (
            prefect_client(process_environment(), _patient(server)),
            open_workspace(folder, settings, clock=VirtualClock(BEGIN)) as runtime,
        ):
            story = _played(runtime, folder, days, at=at)
            shown = _ended(runtime, story, folder, leads)
    (folder / MARK).write_text(OURS + FINISHED)
    return shown


def _patient(server: Server) -> dict[str, str]:
    """A client that waits; without heartbeats, for nobody looks for runs whose process died."""
    wanted = server.environment() | PATIENT
    del wanted["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
    return wanted


def _stop(starting: Future[Server]) -> None:
    with contextlib.suppress(ServerFailed):  # said by whoever asked for the result
        starting.result().stop()


def own(settings: Settings) -> Settings:
    """The settings without a ledger from outside: a virtual month must never get into it."""
    return settings.model_copy(update={"database": None})


def finished(folder: Path) -> bool:
    """Whether a story played to its end stands in the folder."""
    mark = folder / MARK
    return mark.is_file() and FINISHED in mark.read_text()


def make_anew(folder: Path) -> None:
    """The folder with the starter workspace alone; InputRefused when something else is in it."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise InputRefused(f"{folder} is not empty and not a demo: name another --workspace.")
        shutil.rmtree(folder)
    (folder / ".nurture").mkdir(mode=0o700, parents=True)
    with resources.as_file(resources.files("templates") / "workspace") as source:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / MARK).write_text(OURS)


def set_up(folder: Path, settings: Settings) -> int:
    """Create the folder's ledger, apply it and import its leads; returns how many."""
    with open_workspace(folder, settings, clock=lambda: BEGIN, need_schema=False) as runtime:
        apply_workspace(runtime.ledger, folder, now=BEGIN)
        report = import_leads(
            runtime.ledger,
            folder / "leads.csv",
            mapping={},
            field_types=dict(runtime.definitions().workspace.fields),
            now=BEGIN,
            progress=None,
            reject_path=folder / "leads.rejects.csv",
        )
    return report.imported


def _played(
    runtime: Runtime, folder: Path, days: int, *, at: Callable[[datetime], None]
) -> Story:
    from prefect.context import AsyncClientContext  # imported once its settings are in place
    from prefect.filesystems import LocalFileSystem

    from flows.running import run_tick

    kept = folder / ".nurture" / "prefect" / "storage"
    LocalFileSystem(basepath=str(kept)).save(RESULTS, overwrite=True)

    async def tick(runtime: Runtime, now: datetime) -> Outcome:
        return await run_tick(runtime, now=now, patience=60)  # every run is to be seen

    clock = runtime.clock
    assert isinstance(clock, VirtualClock)
    story = Story(runtime, clock, recorded(folder / "engagements.jsonl"), tick, days)

    async def play() -> None:
        async with AsyncClientContext.get_or_create():  # one connection for the whole month
            await story.play(at)

    asyncio.run(play())
    return story


def _ended(runtime: Runtime, story: Story, folder: Path, leads: int) -> Shown:
    definitions, now = runtime.definitions(), story.clock.now
    with runtime.ledger.begin() as session:
        shown = tables(session, definitions, now=now)
        stories = told(session)
    played = (story.ticks, story.unseen, story.failures)
    return Shown(folder, BEGIN, now, leads, *played, shown, stories)
