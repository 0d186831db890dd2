"""Requests to the host of a CRM: few at a time, each within its time, in a thread of their own.

No redirect is followed, no proxy of the environment asked, nothing compressed is taken, no body
longer than `MOST_BYTES` read.  What is secret never comes into a reason.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpcore

from handoff.crm.port import WITHIN
from nurture.webhooks.answers import rest_of
from nurture.webhooks.checked import Checked, Refused
from nurture.webhooks.port import Answer, judged

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
PATIENCE = WITHIN.total_seconds() * 0.75
"""Seconds a push or a pull may take with all its requests; the rest of `WITHIN` is for the ends."""
AT_ONCE = 4
MOST_BYTES = 4 * 2**20
"""Of an answer: a page of 2,000 records and the description of a large object are shorter."""
IDLE = 15.0
HOLD = timedelta(minutes=1)
"""The longest we ask nothing by ourselves: an hour of a used up day is looked at in between."""
GRACE = 5.0
"""Seconds that what is under way may still take when the program ends."""
LONGEST = 300
"""Letters of a CRM's own words that are shown."""
LOCAL = ("localhost", "127.0.0.1", "::1")
_NO_LETTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True)
class Reply:
    """What was answered; `told` is its JSON, None where it is none; names of headers are small."""

    status: int
    told: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def at(self) -> datetime | None:
        """The CRM's own clock, where it says it."""
        try:
            at = parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

    @property
    def later(self) -> timedelta | None:
        """How long it asks to be left alone."""
        return rest_of(self.headers, now=datetime.now(UTC))

    def answer(self, words: str = "") -> Answer:
        """What this means for the try, in the CRM's words where it has some."""
        plain = judged(self.status, later=self.later, said={})
        reason = f"{plain.reason}: {words}" if words else plain.reason
        return Answer(plain.verdict, plain.status, reason, plain.later)


def is_one_word(secret: str) -> bool:
    """Whether a secret can be sent: a line break at its end is a common mistake."""
    return re.fullmatch(r"[!-~]+", secret) is not None


class Ended(Exception):
    """A push or a pull is over: `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Line:
    """The way to one host, if everybody can reach it or it lies in a network of `allow`.

    `secrets` never come into a reason, also one learnt later.
    """

    def __init__(
        self, base_url: str, *, allow: tuple[str, ...] = (), secrets: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._base, self._allow = base_url.rstrip("/"), allow
        self._secrets = [secret for secret in secrets if secret]
        self._tls, self._patience = tls, patience
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[Future[Any]] = set()
        self._closing = False
        self._held: Answer | None = None
        self._held_until = 0.0

    @property
    def trouble(self) -> str:
        """Why nothing can be asked there, '' when it can: a token goes over TLS alone."""
        try:
            parts = urlsplit(self._base)
            fits = bool(parts.hostname) and parts.username is None and parts.password is None
            fits = fits and not (parts.query or parts.fragment) and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            return "its address is no URL of a host: write https:// and the name of the host"
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL):
            return ""
        return "its address must begin with https://, for a token is sent there"

    def hold(self, answer: Answer) -> None:
        """Ask nothing until the CRM wants to be asked again: what is asked before that would be
        refused, and counted."""
        if answer.later is not None:
            self._held, self._held_until = (
                answer,
                monotonic() + min(answer.later, HOLD).total_seconds(),
            )

    def keep_secret(self, secret: str) -> None:
        """Never show this."""
        if secret and secret not in self._secrets:
            self._secrets = [*self._secrets[-8:], secret]

    def shown(self, words: object, longest: int = LONGEST) -> str:
        """Words of a CRM, fit to show: one line, of bounded length, without a secret."""
        text = str(words)[: 20 * longest]
        for secret in self._secrets:
            text = text.replace(secret, "***")
            if len(secret) >= 16:  # a part of it that was quoted
                text = re.sub(re.escape(secret[:12]) + r"\S*", "***", text)
        text = re.sub(r"(?i)\bbearer\s+\S+", "Bearer ***", _NO_LETTER.sub(" ", text))
        text = " ".join(text.split())
        return text if len(text) <= longest else text[: longest - 1] + "…"

    def begin(self, work: Work[T], over: Callable[[Answer], T], *, trouble: str = "") -> Future[T]:
        """Begin this work; `over` makes its result of an answer that ended it early, as `trouble`
        does before it begins.

        The result comes within the patience of this line, and what hangs on it runs in a thread
        for results.
        """
        if trouble:
            return _over(over(Answer("failed", 0, trouble)))
        with self._lock:
            if self._closing:
                return _over(over(Answer("again", 0, ENDED)))
            if self._loop is None:
                self._begin()
            assert self._loop is not None
            result: Future[T] = Future()
            self._under_way.add(result)
            result.add_done_callback(self._under_way.discard)
            task = asyncio.run_coroutine_threadsafe(self._within_time(work, over), self._loop)
            task.add_done_callback(lambda done: self._results.submit(_pass_on, done, result))
            return result

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str],
        query: Mapping[str, str] | None = None, told: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """One request and its answer, whatever its status; Ended when there was none."""
        content, kind = b"", {}
        if form is not None:
            content, kind = urlencode(form).encode(), {"content-type": FORM}
        elif told is not None:
            content, kind = _json(told), {"content-type": "application/json"}
        sent = _ALWAYS | kind
        sent |= {"content-length": str(len(content))} if content or method != "GET" else {}
        if self._held is not None and monotonic() < self._held_until:
            raise Ended(self._held)
        url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        async with self._room:
            return await self._asked(method, url, list((sent | dict(headers)).items()), content)

    def close(self) -> None:
        """Take nothing more, wait a little for what is under way, and end; each is answered."""
        with self._lock:
            self._closing = True
            loop, self._loop = self._loop, None
        if loop is None:
            return
        wait(list(self._under_way), GRACE)
        asyncio.run_coroutine_threadsafe(self._end(), loop).result(GRACE)
        wait(list(self._under_way), GRACE)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(5)
        self._results.shutdown()
        self._lookups.shutdown(wait=False, cancel_futures=True)
        loop.close()

    def _begin(self) -> None:
        self._results = ThreadPoolExecutor(1, thread_name_prefix="crm-results")
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lookups = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crm-look-ups")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=AT_ONCE, keepalive_expiry=IDLE,
            network_backend=Checked(self._allow, self._lookups),
        )  # fmt: skip
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crm", daemon=True)
        self._thread.start()

    async def _end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.aclose()

    async def _within_time(self, work: Work[T], over: Callable[[Answer], T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(self._patience):
                return await work()
        except asyncio.CancelledError:
            return over(Answer("again", 0, ENDED))
        except (TimeoutError, httpcore.TimeoutException):
            return over(Answer("again", 0, f"no answer within {self._patience:g} seconds"))
        except Ended as end:
            return over(end.answer)
        except Exception as error:
            reason = f"its answer could not be read: {type(error).__name__}"
            return over(Answer("again", 0, reason))

    async def _asked(
        self, method: str, url: str, headers: list[tuple[str, str]], content: bytes
    ) -> Reply:
        body = bytearray()
        try:
            async with self._pool.stream(method, url, headers=headers, content=content) as response:
                async for piece in response.aiter_stream():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise Ended(Answer("again", response.status, TOO_LONG))
        except Refused as error:
            raise Ended(Answer("again", 0, str(error))) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            words = self.shown(error)
            raise Ended(
                Answer("again", 0, f"no connection: {words or type(error).__name__}")
            ) from error
        told = {name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers}  # fmt: skip
        return Reply(response.status, _told(bytes(body)), told)


FORM = "application/x-www-form-urlencoded"
_ALWAYS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "nurture"}
ENDED = "the program ended before it was answered"
TOO_LONG = f"its answer is longer than {MOST_BYTES // 2**20} MiB"


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _told(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _over(result: T) -> Future[T]:
    done: Future[T] = Future()
    done.set_result(result)
    return done


def _pass_on(done: Future[T], result: Future[T]) -> None:
    if result.set_running_or_notify_cancel():
        result.set_result(done.result())
