"""The embedded Prefect server: start it, reach it, stop it.

It is a child process on 127.0.0.1 with a folder and an SQLite database of its own, works offline,
calls nobody, and never outlives the process that started it.  Nothing that matters is kept there
(design: position lives in the ledger), so its folder may be deleted while nothing runs.

The settings it gets are in `prefect_settings`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded import prefect_child, prefect_settings
from app.embedded.prefect_reach import base_url, is_loopback, reachable
from nurture.ledger.errors import NurtureError

START_TIMEOUT = 90.0
FAREWELL = prefect_child.GRACE + 5.0
"""Seconds given to the server of a process that was killed: it ends by itself, a little later."""
STOP_STEPS = ((signal.SIGINT, 8.0), (signal.SIGTERM, 4.0), (signal.SIGKILL, 4.0))


class ServerFailed(NurtureError):
    """The Prefect server could not be started."""


@dataclass(frozen=True)
class Server:
    """A running server of ours."""

    api_url: str
    """Where clients go: `http://127.0.0.1:4200/api`."""
    ui_url: str
    """Where people look."""
    log: Path
    home: Path
    auth_string: str = field(default="", repr=False)
    _process: subprocess.Popen[bytes] = field(kw_only=True, repr=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def environment(self) -> dict[str, str]:
        """What a client of this server needs in its environment."""
        return prefect_settings.prefect_environment(
            self.home, self.api_url, auth_string=self.auth_string
        )

    def stop(self) -> None:
        """End the server: asked, told, killed; gone after 16 seconds at most. Twice is harmless."""
        for number, seconds in STOP_STEPS:
            if not self.running():
                break
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        if self._process.stdin:
            self._process.stdin.close()


def start(
    home: Path,
    *,
    environ: Mapping[str, str],
    host: str = "127.0.0.1",
    port: int = 0,
    auth_string: str = "",
    timeout: float = START_TIMEOUT,
    overrides: Mapping[str, str] | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Server:
    """Start a server that keeps everything in `home`, and return once it answers.

    `port` 0 takes a free one.  `environ` is the environment to inherit, its PREFECT_* left out;
    `overrides` are PREFECT_* settings an admin wants otherwise.  Raises ServerFailed with the end
    of the log when it is not healthy within `timeout` seconds, when another server works in `home`,
    or when it is no longer `wanted`, and leaves no process behind.
    """
    if not is_loopback(host) and not auth_string:
        raise ServerFailed(
            f"The Prefect server would listen on {host}, where others can reach it, without a "
            "password. Set PREFECT_SERVER_API_AUTH_STRING=admin:<password>, or use 127.0.0.1."
        )
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(home, wanted) as lock:
        port = _usable_port(host, port)
        server = _launch(home, host, port, auth_string, environ, overrides or {}, lock)
    with _stopped_on_error(server):
        _await_health(server, timeout, wanted)
    return server


@contextlib.contextmanager
def embedded(
    home: Path,
    *,
    environ: Mapping[str, str],
    host: str = "127.0.0.1",
    port: int = 0,
    auth_string: str = "",
) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = start(home, environ=environ, host=host, port=port, auth_string=auth_string)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _alone(home: Path, wanted: Callable[[], bool]) -> Iterator[int]:
    """The lock of a server's folder, to be handed to the child: it is held until that one ends."""
    lock = os.open(home / "server.lock", os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + FAREWELL
    try:
        while not _locked(lock):
            if time.monotonic() > deadline or not wanted():
                raise ServerFailed(
                    f"Another Prefect server works in {home}: nurture runs on it already. "
                    "Stop that one, or choose another folder with NURTURE_PREFECT_HOME."
                )
            time.sleep(0.1)
        yield lock
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _launch(
    home: Path,
    host: str,
    port: int,
    auth_string: str,
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    lock: int,
) -> Server:
    environment = prefect_settings.without_prefect(environ)
    environment |= prefect_settings.server_settings(home, host, port, auth_string)
    environment |= overrides
    base, log = base_url(host, port), home / "server.log"
    process = _spawn(host, port, environment, log, lock)
    return Server(f"{base}/api", base, log, home, auth_string, _process=process)


def _usable_port(host: str, port: int) -> int:
    """The port itself if it is free, a free one for 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise ServerFailed(
                f"The Prefect server cannot listen on {host}:{port} ({problem.strerror}). "
                "Stop what uses that port, or choose another."
            ) from problem
        return int(probe.getsockname()[1])


def _spawn(
    host: str, port: int, environment: Mapping[str, str], log: Path, lock: int
) -> subprocess.Popen[bytes]:
    """The child, in a session of its own: Ctrl-C stops us first, and we stop it when we are done.

    `-P` keeps `app/` itself off the module path, where its file names would hide others.
    """
    script = [sys.executable, "-P", prefect_child.__file__]
    with log.open("ab") as sink:
        return subprocess.Popen(
            [*script, str(os.getpid()), host, str(port)],
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )


@contextlib.contextmanager
def _stopped_on_error(server: Server) -> Iterator[None]:
    try:
        yield
    except BaseException:
        server.stop()
        raise


def _await_health(server: Server, timeout: float, wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + timeout
    while not reachable(server.api_url, timeout=2.0):
        if not wanted():
            raise ServerFailed("The Prefect server was told to end while it started.")
        if not server.running():
            raise ServerFailed(f"The Prefect server ended while starting. {_tail(server.log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"The Prefect server did not answer within {timeout:g} s. {_tail(server.log)}"
            )
        time.sleep(0.1)


def _tail(log: Path, lines: int = 8) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"The end of {log}:", *text[-lines:]])
