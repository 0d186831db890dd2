"""A system that answers calls, as each test wants it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from nurture.webhooks.http import HttpCaller
from nurture.webhooks.port import Answer, Call

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEYS = (b"k" * 32, b"o" * 32)
HERE = ("127.0.0.1/32",)
Talk = Callable[[socket.socket, bytes], None]


def answering(status: str, *headers: str, body: bytes = b"") -> Talk:
    """Answers with this, and closes."""

    def talk(connection: socket.socket, asked: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
        connection.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)

    return talk


@dataclass
class System:
    """Listens on this machine; `talk` is how it answers, `asked` what it was told."""

    talk: Talk = field(default_factory=lambda: answering("204 No Content"))
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def url(self, path: str = "/leads") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._socket.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = b""
            while b"\r\n\r\n" not in asked or not asked.endswith(b"}"):
                piece = connection.recv(65536)
                if not piece:
                    return
                asked += piece
            self.asked.append(asked)
            self.talk(connection, asked)


@pytest.fixture
def system() -> Iterator[System]:
    made = System()
    yield made
    made.close()


@dataclass
class Caller:
    """Makes calls and waits for their answers."""

    inner: HttpCaller

    def __call__(self, url: str, *, allow: tuple[str, ...] = HERE) -> Answer:
        host = url.split("/")[2]
        call = Call("call_1", "crm", url, host, '{"type": "x"}', allow)
        return self.inner.call(call).result(timeout=20)


@contextmanager
def calling(seconds: float) -> Iterator[Caller]:
    inner = HttpCaller(KEYS, lambda: NOW, timeout=seconds)
    yield Caller(inner)
    inner.close()


@pytest.fixture
def caller() -> Iterator[Caller]:
    with calling(20) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[Caller]:
    """A caller that does not wait long."""
    with calling(0.6) as made:
        yield made
