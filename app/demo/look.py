"""`nurture demo --open`: the finished story in the browser, read-only."""

from __future__ import annotations

import asyncio
import signal
import webbrowser
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.demo.story import BEGIN, DAYS, VirtualClock
from app.server import embedded
from app.settings import Settings, process_environment
from app.web import make_app
from app.web.serve import serve
from app.wiring import open_workspace


def look(folder: Path, settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve the Prefect UI and the app over the story until Ctrl-C; nothing can be changed."""
    say("starting the Prefect server")
    home = folder / ".nurture" / "prefect"
    with embedded(home, environ=process_environment()) as server:
        say(f"Prefect UI   {server.ui_url}/runs")
        asyncio.run(_serve(folder, settings, server.ui_url, say))


async def _serve(folder: Path, settings: Settings, ui: str, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    clock = VirtualClock(BEGIN + timedelta(days=DAYS))

    def health() -> dict[str, Any]:
        return {"prefect": "answers", "last_tick": clock.now.isoformat(), "failures": []}

    with open_workspace(folder, settings, clock=clock) as runtime:
        app = make_app(runtime, poke=lambda: None, health=health, read_only=True)
        site = await serve(app, "127.0.0.1", 0)
        say(f"App          {site.url}\nCtrl-C ends it.")
        for page in (site.url, f"{ui}/runs"):
            await asyncio.to_thread(webbrowser.open, page)
        await ended.wait()
        await site.stop()
