"""One SMTP conversation as bytes: bounded reading of replies, counted writing of commands.

Two facts decide what may be said of a mail after a failure: how many replies came, and how many
bytes may have left this machine.  Both are kept here.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 4096  # RFC 5321 §4.5.3.1.5 says 512; some servers say more
LONGEST_REPLY: Final = 64 * 1024
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])([ -]|$)([^\r\n]*)")


class Broken(Exception):
    """The conversation cannot go on; the text says why, fit to show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of the server, its lines joined."""

    code: int
    text: str


class Wire:
    """A connected socket; `timeout` seconds are what one write or one reply may take in all."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock = sock
        self._timeout = timeout
        self._in = b""
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.offered = 0
        """Of the last `write`, the bytes that may have left: an upper bound."""

    def write(self, data: bytes) -> None:
        """All of `data`, or `Broken` with `offered` saying how much may have left."""
        self.offered = 0
        end = time.monotonic() + self._timeout
        view = memoryview(data)
        try:
            while self.offered < len(data):
                self._sock.settimeout(max(end - time.monotonic(), 0.001))
                if self._secure:
                    # TLS cannot say how much of a failed record left: count it before.
                    piece = view[self.offered : self.offered + 16_384]
                    self.offered += len(piece)
                    self._sock.sendall(piece)
                else:
                    self.offered += self._sock.send(view[self.offered :])
        except TimeoutError as failure:
            raise Broken("The server did not take the mail in time.") from failure
        except OSError as failure:
            raise Broken(f"The connection was lost: {_said(failure)}.") from failure

    def read(self) -> Answer:
        """The next reply, its lines joined. `Broken` when none comes in time, or it is none."""
        code, lines = self.read_lines()
        return Answer(code, shown(" ".join(lines)))

    def read_lines(self) -> tuple[int, list[str]]:
        """The next reply, line by line, as the server wrote it."""
        end = time.monotonic() + self._timeout
        lines: list[str] = []
        size = 0
        while True:
            line = self._line(end)
            found = _LINE.fullmatch(line)
            size += len(line)
            if found is None or size > LONGEST_REPLY:
                raise Broken("The server answered something that is no SMTP reply.")
            lines.append(found[3].decode("utf-8", "replace"))
            if found[2] != b"-":
                return int(found[1]), lines

    def _line(self, end: float) -> bytes:
        while (at := self._in.find(b"\n")) < 0:
            if len(self._in) > LONGEST_LINE:
                raise Broken("The server answered with a line without end.")
            self._in += self._receive(end)
        line, self._in = self._in[:at], self._in[at + 1 :]
        if len(line) > LONGEST_LINE:
            raise Broken("The server answered with a line without end.")
        return line.removesuffix(b"\r")

    def _receive(self, end: float) -> bytes:
        left = end - time.monotonic()
        if left <= 0:
            raise Broken("The server did not answer in time.")
        try:
            self._sock.settimeout(left)
            data = self._sock.recv(65_536)
        except TimeoutError as failure:
            raise Broken("The server did not answer in time.") from failure
        except OSError as failure:
            raise Broken(f"The connection was lost: {_said(failure)}.") from failure
        if not data:
            raise Broken("The server closed the connection.")
        return data

    @property
    def surprised(self) -> bool:
        """Whether something came, an end or words, when nothing was asked."""
        if self._in or not self._poll.poll(0):
            return bool(self._in)
        if not self._secure:
            return True
        # What came may be TLS's own business, a session ticket for one: only reading tells.
        try:
            self._sock.settimeout(0.0)
            self._in += self._sock.recv(65_536)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True
        return True

    @property
    def held(self) -> int:
        """Bytes that came and were not read."""
        return len(self._in)

    def reads(self, sock: socket.socket) -> bool:
        """Whether this wire is that socket's; a socket that turned to TLS is another one."""
        return self._sock is sock

    def close(self) -> None:
        self._sock.close()


def shown(text: str) -> str:
    """A server's words made fit to keep and show: printable, at most 300 characters."""
    if len(text) <= 300 and text.isprintable():
        return text
    clean = "".join(c if c.isprintable() else " " for c in text[:400])
    return " ".join(clean.split())[:300]


def _said(failure: OSError) -> str:
    return shown(failure.strerror or str(failure) or type(failure).__name__)
