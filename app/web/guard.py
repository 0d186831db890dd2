"""The gate before every route: hosts, sizes, time, headers, and nothing told about errors."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.embedded.prefect_reach import is_loopback
from app.web import faults
from app.web.rates import network_of
from app.web.site import LOGGER, Site

SECONDS = 30.0
"""A request's body has to be here within this time."""
LARGEST = 64 * 1024
DISCARDED = 4 * 1024 * 1024
PATIENCE = 2.0
"""What is read, for how many seconds, of a body that is too large before it is answered."""
LARGER: Mapping[str, int] = {"/engagements": 1024 * 1024, "/crm": 256 * 1024}
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
SCRIPTED = "/inbox"
"""Under this path pages have scripts of ours, which ask this host alone."""
WITH_SCRIPTS = f"{CSP}; script-src 'self'; connect-src 'self'"
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app = app
        self.site = site
        self.headers = dict(HEADERS)
        if site.base_url.startswith("https://"):
            self.headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = dict(self.headers)
        if scope["path"].startswith(SCRIPTED):
            headers["content-security-policy"] = WITH_SCRIPTS
        sending = _Sending(send, headers)
        try:
            await self._admit(scope, receive)
            limited = _limited(receive, LARGER.get(scope["path"], LARGEST))
            await self.app(scope, limited, sending)
        except Exception as error:
            if faults.status_of(error) >= 500:
                log(error)
            if sending.begun:
                raise
            await faults.answer(self.site, scope["path"], error)(scope, receive, sending)

    async def _admit(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        host = host_named(headers)
        if not (host == self.site.host or is_loopback(host)):
            raise HTTPException(400)
        network = network_of((scope.get("client") or ("",))[0])
        picture = scope["path"].startswith("/o/")
        if not self.site.asked.take(network) and not picture:
            raise HTTPException(429)
        said = headers.get("content-length", "0")
        if said.isdigit() and int(said) > LARGER.get(scope["path"], LARGEST):
            await _discard(receive)
            raise HTTPException(413)


class _Sending:
    """`send` with the headers every answer carries."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
            if message["status"] in (408, 413):
                headers["connection"] = "close"
        await self._send(message)


def _limited(receive: Receive, largest: int) -> Receive:
    """`receive` that counts what really comes, whatever Content-Length said, and for how long."""
    deadline = time.monotonic() + SECONDS
    received = 0
    whole = False

    async def limited() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408) from None
        received += len(message.get("body", b""))
        if received > largest:
            if message.get("more_body", False):
                await _discard(receive)
            raise HTTPException(413)
        whole = not message.get("more_body", False)
        return message

    return limited


async def _discard(receive: Receive) -> None:
    """Take in a little more and forget it: a client still writing would miss the answer."""
    left = DISCARDED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def host_named(headers: Headers) -> str:
    """The host a request asks for, without its port, lower-cased."""
    said = headers.get("host", "")
    if said.startswith("["):
        return said[1:].partition("]")[0].lower()
    return said.partition(":")[0].lower()


def log(error: Exception) -> None:
    """What failed and where, without the words of the error: they may be about somebody."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    LOGGER.error("%s in %s", type(error).__name__, where)
