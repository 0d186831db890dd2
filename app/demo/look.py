"""`nurture demo --open`: the finished story in the browser, read-only."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import tempfile
import webbrowser
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from app.demo import own
from app.demo.story import BEGIN, DAYS
from app.embedded.server import embedded
from app.settings import Settings, process_environment
from app.virtual_clock import VirtualClock
from app.web import make_app
from app.web.serve import ListenFailed, Serving, serve
from app.wiring import open_workspace
from flows.runtime import Runtime


def look(folder: Path, settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve the Prefect UI and the app over the finished story until Ctrl-C.

    Nothing changes it: the app refuses whatever would, and Prefect runs on a copy of the runs, so
    that neither somebody who deletes one nor its own housekeeping touches them.
    """
    say("starting the Prefect server")
    with (
        tempfile.TemporaryDirectory(prefix="nurture-demo-") as scratch,
        embedded(_copy(folder, Path(scratch)), environ=process_environment()) as server,
    ):
        say(f"Prefect UI   {server.ui_url}/runs")
        asyncio.run(_serve(folder, settings, server.ui_url, say))


def _copy(folder: Path, home: Path) -> Path:
    with (
        contextlib.closing(sqlite3.connect(folder / ".nurture" / "prefect" / "prefect.db")) as runs,
        contextlib.closing(sqlite3.connect(home / "prefect.db")) as copy,
    ):
        runs.backup(copy)
    return home


async def _serve(folder: Path, settings: Settings, ui: str, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    clock = VirtualClock(BEGIN + timedelta(days=DAYS))

    def health() -> dict[str, Any]:
        return {"prefect": "answers", "last_tick": clock.now.isoformat(), "failures": []}

    with open_workspace(folder, own(settings), clock=clock) as runtime:
        app = make_app(runtime, poke=lambda: None, health=health, read_only=True, prefect_url=ui)
        site = await _site(app, runtime)
        say(f"App          {site.url}\nCtrl-C ends it.")
        for page in (site.url, f"{ui}/runs"):
            await asyncio.to_thread(webbrowser.open, page)
        await ended.wait()
        await site.stop()


async def _site(app: FastAPI, runtime: Runtime) -> Serving:
    """Where the links in the story's mails lead to, if nobody else listens there."""
    base = httpx.URL(runtime.definitions().workspace.base_url)
    try:
        return await serve(app, "127.0.0.1", base.port or 0)
    except ListenFailed:
        return await serve(app, "127.0.0.1", 0)
