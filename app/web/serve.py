"""The web server, inside the scheduler's own event loop, and where it may listen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from sqlmodel import Session

from app.embedded.prefect_reach import base_url, is_loopback
from nurture.ledger.access.tokens import list_tokens
from nurture.ledger.errors import InputRefused, NurtureError

LOOPBACK = "127.0.0.1"
GRACE = 5
"""Seconds a stop waits for answers under way."""


class ListenFailed(NurtureError):
    """The address cannot be listened on."""


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs the event loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Serving:
    """A web server that listens."""

    url: str
    port: int
    _server: uvicorn.Server
    _task: asyncio.Task[None]

    async def stop(self) -> None:
        """Finish the answers under way, for five seconds, and close; twice is harmless."""
        self._server.should_exit = True
        await asyncio.gather(self._task, return_exceptions=True)


async def serve(app: FastAPI, host: str = LOOPBACK, port: int = 8080) -> Serving:
    """Listen (port 0: a free one) and answer until stopped; returns once it does.

    Raises ListenFailed with what to do.  Ask `may_listen` first.
    """
    bound = _bind(host, port)
    port = int(bound.getsockname()[1])
    server = _Quiet(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,  # paths hold signed links
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1,::1",
            limit_concurrency=500,
            h11_max_incomplete_event_size=32 * 1024,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE,
            ws="none",
        )
    )
    task = asyncio.create_task(server.serve(sockets=[bound]), name="web")
    while not server.started:
        if task.done():
            bound.close()
            raise ListenFailed("The web app did not start; the log says why.") from task.exception()
        await asyncio.sleep(0.01)
    return Serving(base_url(host, port), port, server, task)


def may_listen(host: str, session: Session) -> None:
    """Raise InputRefused when others could reach the app and no token is in force."""
    if is_loopback(host):
        return
    now = datetime.now(UTC)
    for token in list_tokens(session):
        if token.revoked_at is None and (token.expires_at is None or token.expires_at > now):
            return
    raise InputRefused(
        f"The app would listen on {host}, where others can reach it, and there is no API token. "
        "Make one with: nurture tokens create NAME, or listen on 127.0.0.1."
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as problem:
        bound.close()
        raise ListenFailed(
            f"The app cannot listen on {host}:{port} ({problem.strerror or problem}). Stop what "
            "uses that port, or choose another with NURTURE_PORT."
        ) from problem
    return bound
