"""A vendor that answers on this machine: it takes nothing but what its documents describe."""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.app.crm.shapes import Asked, Malformed, Shapes

HERE = ("127.0.0.1/32",)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """An answer, as the vendor gives it."""

    status: int
    told: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    schema: str = ""


class Fault:
    """What befalls one request.  `told` None: it is answered as ever, unless it is cut or hangs."""

    def __init__(
        self, *, to: str = "", said: Said | None = None, raw: bytes | None = None,
        cut: int | None = None, hang: float = 0, done: bool = True,
    ) -> None:  # fmt: skip
        self.to, self.said, self.raw = to, said, raw
        self.cut, self.hang, self.done = cut, hang, done


class Vendor(ABC):
    """Listens until it is closed.  `malformed` are requests its documents do not know."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.asked: list[Asked] = []
        self.malformed: list[str] = []
        self.wrong: list[str] = []
        self.faults: list[Fault] = []
        self.before: Callable[[Asked], None] = lambda asked: None
        self.clock = START
        self._lock = threading.RLock()
        self._let_go = threading.Event()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                vendor.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def count(self, name: str) -> int:
        return sum(asked.name == name for asked in self.asked)

    # ------------------------------------------------------------------ what a vendor says

    @abstractmethod
    def answer(self, asked: Asked, headers: Mapping[str, str]) -> Said:
        """What it says to a request its documents know."""

    @abstractmethod
    def refusal(self, words: str) -> Said:
        """What it says to one they do not."""

    # ------------------------------------------------------------------ serving

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length", "0"))
        body = handler.rfile.read(length)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        try:
            asked = self.shapes.fitted(handler.command, handler.path, headers, body)
        except Malformed as error:
            self.malformed.append(str(error))
            self._send(handler, self.refusal(str(error)), None)
            return
        self.before(asked)
        with self._lock:
            fault = next((one for one in self.faults if one.to in ("", asked.name)), None)
            if fault is not None:
                self.faults.remove(fault)
            self.asked.append(asked)
            said = fault.said if fault else None
            if said is None and (fault is None or fault.done):
                said = self.answer(asked, headers)
                self._see_to(asked, said)
        if fault is not None and fault.hang:
            self._let_go.wait(fault.hang)
        self._send(handler, said, fault)

    def _see_to(self, asked: Asked, said: Said) -> None:
        """An answer of this vendor is as its documents say, or the test is no test."""
        schema = said.schema or self.shapes.told["requests"][asked.name]["answers"].get(
            said.status, ""
        )
        schema = schema or ("Error" if said.status >= 400 else "")
        if schema and (wrong := self.shapes.wrong(schema, said.told)):
            self.wrong.append(f"{asked.name} {said.status}: {wrong}")

    def _send(
        self, handler: BaseHTTPRequestHandler, said: Said | None, fault: Fault | None
    ) -> None:
        handler.close_connection = True
        with suppress(OSError):
            if said is None:
                handler.connection.shutdown(socket.SHUT_RDWR)
                return
            content = b"" if said.told is None else json.dumps(said.told).encode()
            content = fault.raw if fault and fault.raw is not None else content
            lines = {
                "content-length": str(len(content)),
                "content-type": "application/json",
                "date": format_datetime(self.clock, usegmt=True),
                "connection": "close",
            } | dict(said.headers)
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            whole = f"HTTP/1.1 {said.status} Said\r\n{head}\r\n".encode() + content
            cut = fault.cut if fault else None
            handler.connection.sendall(whole[:cut])
            if cut is not None:
                handler.connection.shutdown(socket.SHUT_RDWR)
