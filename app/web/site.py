"""What every route works with: the runtime, threads of the web's own, and the frame of a page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from sqlmodel import Session
from starlette.responses import HTMLResponse

from app.reading import looking
from app.web.rates import Rate
from flows.runtime import Runtime

T = TypeVar("T")
THREADS = 8
LOGGER = logging.getLogger("app.web")
PAGES = Path(__file__).parents[2] / "templates" / "pages"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(PAGES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass
class Site:
    """One web app over one runtime.

    `poke` wakes the scheduler, from the event loop.  `health` says how the scheduler and Prefect
    are.  `read_only`: nothing is written, no link counts.  Per network, `wrong` counts tokens that
    did not fit, `seen` observations, `signing_in` links asked for; `dropped` counts observations
    that could not be kept.
    """

    runtime: Runtime
    poke: Callable[[], None]
    health: Callable[[], dict[str, Any]]
    read_only: bool
    brand: str
    base_url: str
    prefect_url: str = ""
    wrong: Rate = field(default_factory=lambda: Rate(60))
    seen: Rate = field(default_factory=lambda: Rate(1200))
    asked: Rate = field(default_factory=lambda: Rate(6000))
    signing_in: Rate = field(default_factory=lambda: Rate(10))
    dropped: int = 0
    links: dict[int, str] = field(default_factory=dict)
    """Tracked addresses by number: a kept one never changes."""
    yesterdays: dict[tuple[str, date], dict[str, Any]] = field(default_factory=dict)
    """What became of a team's leads on the day before this one: it does not change any more."""
    examined: tuple[float, dict[str, Any]] | None = None
    """The last answer about health, and when (monotonic) it was found."""
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="web")
    )
    _running: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def host(self) -> str:
        """The host that links in mails name."""
        return (urlsplit(self.base_url).hostname or "").lower()

    @property
    def now(self) -> datetime:
        return self.runtime.clock()

    async def write(self, work: Callable[[Session], T]) -> T:
        """`work` in a thread, in a transaction of its own; an error rolls it back."""

        def in_thread() -> T:
            with self.runtime.ledger.begin() as session:
                return work(session)

        return await self._apart(in_thread)

    async def read(self, work: Callable[[Session], T]) -> T:
        """`work` in a thread, over one state of the ledger; whatever it changes is undone."""

        def in_thread() -> T:
            with looking(self.runtime.ledger) as session:
                return work(session)

        return await self._apart(in_thread)

    async def apart(self, work: Callable[[], T]) -> T:
        """`work` in a thread."""
        return await self._apart(work)

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that goes on when nobody waits for it any longer."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def begin_later(self, seconds: float, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Start work after a while; till then nothing is busy, and no end waits for it."""
        asyncio.get_running_loop().call_later(seconds, lambda: self.begin(work()))

    @property
    def busy(self) -> int:
        """Pieces of work begun and not ended."""
        return len(self._running)

    async def settled(self, seconds: float = 5.0) -> None:
        """Wait until what was begun has ended, no longer than this."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    async def close(self) -> None:
        """Let what was begun end, for five seconds, and give back the threads."""
        await self.settled()
        self._threads.shutdown(wait=False, cancel_futures=True)


def site_of(request: Request) -> Site:
    """The site a request came to."""
    site: Site = request.app.state.site
    return site


def page(site: Site, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of templates/pages; every value is escaped where it is shown."""
    html = _template(name).render(brand=site.brand, **values)
    return HTMLResponse(html, status_code=status)


@lru_cache
def _template(name: str) -> Template:
    return _ENVIRONMENT.get_template(f"{name}.html")
