"""Connections to checked addresses alone.

The name of a host is looked up once, its addresses are checked, and the connection is made to one
that was checked: what the name means a moment later does not matter.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpcore

from nurture.language.files.networks import may_call
from nurture.ledger.errors import NurtureError


class Refused(NurtureError):
    """The host lies where the workspace does not let calls go."""


class Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that everybody can reach or that lie in networks of `allow`; Refused
    where there is none.  `lookups` are the threads that look names up."""

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
