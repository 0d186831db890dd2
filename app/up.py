"""`nurture up`: everything, live: Prefect server, scheduler and web app, in one process.

The engine does not wait for Prefect: until its server answers, and whenever it does not, ticks run
without it and `/health` says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from app.embedded.prefect_reach import reachable
from app.embedded.prefect_settings import prefect_client, prefect_environment
from app.embedded.server import Server, ServerFailed, start
from app.scheduler import Scheduler
from app.settings import Settings, process_environment
from app.web import make_app
from app.web.serve import may_listen, serve
from app.wiring import open_workspace
from flows import tick as ticking
from flows.runtime import Runtime
from flows.tick import Outcome
from nurture.ledger.news import listen
from nurture.webhooks.port import wanting

PATIENCE = 30.0
"""Seconds a stop waits for the mail in hand; what is not settled by then is `unknown`, not lost."""
LONGEST = timedelta(seconds=2)
"""A tick that has worked so long ends with its round: the next is at once, with an eye for news."""

AUTOMATIONS = 10.0
"""Seconds a server has to take them in: a stop waits for this too."""

LOOK_EVERY = 0.5
SILENCE = 30.0
"""Seconds for which a server that did not answer is not asked again."""
REST = 60.0
"""Seconds between two tries to start a server that does not start."""


@dataclass
class Visible:
    """Runs ticks as Prefect flows while its API answers, and plainly while it does not."""

    api_url: str = ""
    server: Server | None = None
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _ask_again: float = 0.0

    async def see(
        self, settings: Settings, home: Path, say: Callable[[str], None], stop: Event
    ) -> None:
        """Point this process at a Prefect server until `stop` is set: the one that is named, or
        an embedded one that is started, and started again when it ends.

        A server that is starting when `stop` is set is ended again.
        """
        environ, auth = process_environment(), settings.prefect_auth.get_secret_value()
        embedded = partial(
            start, home, environ=environ, auth_string=auth, wanted=lambda: not stop.is_set()
        )
        if settings.prefect_api_url:
            variables = prefect_environment(home, settings.prefect_api_url, auth_string=auth)
            url = settings.prefect_api_url
        else:
            self.server = await _started(embedded, settings.prefect_port, say, stop)
            if self.server is None:
                return
            variables, url = self.server.environment(), self.server.api_url
            say(f"Prefect UI   {self.server.ui_url}")
        self.stack.enter_context(prefect_client(environ, variables))
        self.api_url = url
        with contextlib.suppress(Exception):  # a picture of dead runs is not worth a failed start
            from app.embedded.automations import install_automations

            async with asyncio.timeout(AUTOMATIONS):
                await install_automations()
        if self.server is not None:
            await self._keep(embedded, say, stop)

    async def _keep(
        self, embedded: Callable[..., Server], say: Callable[[str], None], stop: Event
    ) -> None:
        """Start the embedded server again, at the same address, whenever it has ended."""
        assert self.server is not None
        port = urlsplit(self.server.api_url).port
        while not stop.is_set():
            await asyncio.sleep(LOOK_EVERY)
            if stop.is_set() or self.server.running():
                continue
            say("Prefect's server has ended: starting it again")
            self.server = await _started(embedded, port, say, stop) or self.server
            self._ask_again = 0.0
            if not self.server.running():
                await asyncio.to_thread(stop.wait, REST)

    async def tick(self, runtime: Runtime, now: datetime) -> Outcome:
        """One tick, as flow runs if Prefect answers within five seconds."""
        if await self.answers():
            from flows.running import run_tick

            outcome = await run_tick(runtime, now=now)
            if outcome.unseen:
                self._ask_again = monotonic() + SILENCE
            return outcome
        outcome = await asyncio.to_thread(ticking.run_tick, runtime, now=now)
        outcome.unseen = True
        return outcome

    async def answers(self) -> bool:
        """Whether the API answers; one that did not is asked again half a minute later, so that
        a hanging server holds up no more than a tick in that time."""
        if not self.api_url or monotonic() < self._ask_again:
            return False
        if await asyncio.to_thread(reachable, self.api_url):
            return True
        self._ask_again = monotonic() + SILENCE
        return False

    def end(self) -> None:
        """Hand over what Prefect still has to say, then stop our server."""
        self.stack.close()
        if self.server is not None:
            self.server.stop()


async def _started(
    embedded: Callable[..., Server], port: int | None, say: Callable[[str], None], stop: Event
) -> Server | None:
    try:
        return await asyncio.to_thread(embedded, port=port)
    except ServerFailed as error:
        if not stop.is_set():
            say(f"Prefect: {error}\nThe engine runs without it; see /health.")
        return None


def up(folder: Path, settings: Settings, *, say: Callable[[str], None]) -> None:
    """Run until Ctrl-C or SIGTERM; the mail in hand is finished first (at most 30 seconds).

    All of it runs beside the main thread: there Prefect takes SIGTERM for itself while a run works,
    and ends it at once.
    """
    asked: Future[None] = Future()
    with _heard(asked), ThreadPoolExecutor(1, "engine") as beside:
        beside.submit(asyncio.run, _up(folder, settings, say, asked)).result()


@contextlib.contextmanager
def _heard(asked: Future[None]) -> Iterator[None]:
    """While the block lasts, whoever ends this process asks it to end."""

    def ask(*_: Any) -> None:
        with contextlib.suppress(InvalidStateError):  # asked already, or nobody listens any more
            asked.set_result(None)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _up(
    folder: Path, settings: Settings, say: Callable[[str], None], asked: Future[None]
) -> None:
    with open_workspace(folder, settings) as runtime:
        runtime.longest = LONGEST
        # Nothing applied yet: that is said before anything is started.
        if said := wanting(runtime.caller, runtime.definitions()):
            say(f"Note: {said}.")
        with runtime.ledger.begin() as session:
            may_listen(settings.host, session)
        visible = Visible()
        home = settings.prefect_home or folder / ".nurture" / "prefect"
        async with _running(runtime, settings, visible, say):
            seen = asyncio.create_task(visible.see(settings, home, say, runtime.stop))
            await asyncio.wrap_future(asked)
            say("stopping: finishing the mail in hand")
            runtime.stop.set()
            await asyncio.wait({seen})  # not cancelled: a server that starts would be left alone
        await asyncio.to_thread(visible.end)
    say("stopped")


@contextlib.asynccontextmanager
async def _running(
    runtime: Runtime, settings: Settings, visible: Visible, say: Callable[[str], None]
) -> AsyncIterator[None]:
    scheduler = Scheduler(runtime, visible.tick)

    def health() -> dict[str, Any]:
        last = scheduler.last
        return {
            "prefect": "answers" if visible.api_url and reachable(visible.api_url) else "absent",
            "last_tick": last.now.isoformat() if last else None,
            "failures": list(last.failures) if last else [],
            "unseen": bool(last and last.unseen),
        }

    site = await serve(
        make_app(runtime, poke=scheduler.poke, health=health), settings.host, settings.port
    )
    say(f"App          {site.url}")
    await scheduler.start()
    listening = asyncio.create_task(listen(runtime.ledger, scheduler.look))
    try:
        yield
    finally:
        listening.cancel()
        await site.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(scheduler.stop(), PATIENCE)
