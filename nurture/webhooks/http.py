"""Calls over HTTP: signed, to checked addresses alone, each within a fixed time.

The name of a host is looked up once, its addresses are checked, and the connection is made to one
that was checked: what the name means a moment later does not matter.  No redirect is followed, no
proxy of the environment asked.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from typing import Any

import httpcore

from nurture.language.files.networks import may_call
from nurture.ledger.errors import NurtureError
from nurture.webhooks.answers import MOST_BYTES, rest_of, values_of
from nurture.webhooks.port import Answer, Call, judged
from nurture.webhooks.signing import headers

TIMEOUT = 10.0
"""Seconds a call may take, from the look-up of the name to the last byte of the answer."""
AT_ONCE, PER_HOST = 64, 8
"""Calls under way at a time, and of them to one host."""
IDLE = 15.0
UNSIGNED = (
    "webhooks wait for a secret to sign them with: set NURTURE_WEBHOOK_SECRET to whsec_ and 32"
    " random bytes in base64"
)
_PLAIN = {"content-type": "application/json", "user-agent": "nurture", "accept": "application/json"}


class Refused(NurtureError):
    """The host lies where the workspace does not let calls go."""


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, allow: tuple[str, ...], lookups: ThreadPoolExecutor) -> None:
        self._allow, self._lookups = allow, lookups
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first checked address of the host that takes one."""
        loop = asyncio.get_running_loop()
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            rows = await loop.run_in_executor(self._lookups, look)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be found") from error
        found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        checked = [address for address in found if may_call(address, self._allow)]
        if not checked:
            raise Refused(
                f"{host} is {', '.join(found)}, where calls do not go: allow it in nurture.yaml"
                " (webhooks.allow) if they should"
            )
        failure: Exception = httpcore.ConnectError(host)
        for address in checked:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await asyncio.sleep(seconds)


class HttpCaller:
    """Makes calls in a thread of its own, begun with the first.

    `keys` sign them, `clock` dates them; `tls` is the context of https (None: the usual one).
    """

    def __init__(
        self, keys: Sequence[bytes], clock: Callable[[], datetime], *,
        tls: ssl.SSLContext | None = None, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        self._keys, self._clock, self._tls, self._timeout = keys, clock, tls, timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[Future[Answer]] = set()
        self._closing = False

    @property
    def trouble(self) -> str:
        """Without a secret nothing is called: its receiver could not know it from a forged one."""
        return "" if self._keys else UNSIGNED

    def call(self, call: Call) -> Future[Answer]:
        """Begin a call; what hangs on its answer runs in a thread for answers."""
        with self._lock:
            if self._loop is None:
                self._begin()
            assert self._loop is not None
            answered: Future[Answer] = Future()
            self._under_way.add(answered)
            answered.add_done_callback(self._under_way.discard)
            work = asyncio.run_coroutine_threadsafe(self._within_time(call), self._loop)
            work.add_done_callback(lambda done: self._answers.submit(_pass_on, done, answered))
        return answered

    def close(self) -> None:
        """Give up the calls not begun yet, wait for those under way, and end."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        self._closing = True
        wait(list(self._under_way), self._timeout + 5)
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        self._answers.shutdown()
        self._lookups.shutdown(wait=False, cancel_futures=True)
        loop.close()

    def _begin(self) -> None:
        self._lookups = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look-ups")
        self._answers = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._pools: dict[tuple[str, ...], httpcore.AsyncConnectionPool] = {}
        self._rooms: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_HOST))
        self._room = asyncio.Semaphore(AT_ONCE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="webhooks", daemon=True
        )
        self._thread.start()

    async def _within_time(self, call: Call) -> Answer:
        async with self._rooms[call.host], self._room:
            if self._closing:
                return Answer("again", 0, "the program ended before its turn")
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._made(call)
            except (TimeoutError, httpcore.TimeoutException):
                return Answer("again", 0, f"no answer within {self._timeout:g} seconds")
            except Refused as error:
                return Answer("failed", 0, str(error))
            except httpcore.UnsupportedProtocol as error:
                return Answer("failed", 0, f"cannot be called: {error}")
            except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                return Answer("again", 0, _said(error))

    async def _made(self, call: Call) -> Answer:
        pool = self._pool(call.allow)
        now = self._clock()
        signed = headers(self._keys, number=call.number, body=call.body, at=now)
        async with pool.stream(
            "POST", call.url, headers=list((_PLAIN | signed).items()), content=call.body.encode()
        ) as response:
            content = bytearray()
            async for piece in response.aiter_stream():
                content += piece
                if len(content) > MOST_BYTES:
                    break
        told = {name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers}  # fmt: skip
        said = values_of(bytes(content)) if len(content) <= MOST_BYTES else {}
        return judged(response.status, later=rest_of(told, now=now), said=said)

    def _pool(self, allow: tuple[str, ...]) -> httpcore.AsyncConnectionPool:
        """The connections of calls with this leave: one that was made under another is not used."""
        if allow not in self._pools:
            self._pools[allow] = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=AT_ONCE,
                keepalive_expiry=IDLE,
                network_backend=_Checked(allow, self._lookups),
            )
        return self._pools[allow]

    async def _end(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def _said(error: Exception) -> str:
    words = " ".join(str(error).split())[:200]
    return f"no connection: {words}" if words else f"no connection ({type(error).__name__})"


def _pass_on(done: Future[Answer], answered: Future[Answer]) -> None:
    if not answered.set_running_or_notify_cancel():
        return
    try:
        answered.set_result(done.result())
    except Exception as error:
        answered.set_result(Answer("again", 0, f"the call broke off: {type(error).__name__}"))
