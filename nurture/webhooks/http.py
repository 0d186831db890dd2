"""Calls over HTTP: signed, to checked addresses alone, each within a fixed time.

No redirect is followed, no proxy of the environment asked.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

import httpcore

from nurture.webhooks.answers import MOST_BYTES, rest_of, values_of
from nurture.webhooks.checked import Checked, Refused
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
                network_backend=Checked(allow, self._lookups),
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
