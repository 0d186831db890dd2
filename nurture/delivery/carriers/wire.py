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

from nurture.delivery.carriers.transport import Waiting

LONGEST_LINE: Final = 4096  # RFC 5321 §4.5.3.1.5 says 512; some servers say more
LONGEST_REPLY: Final = 64 * 1024
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\r\n]*))?\r?")


class Broken(Exception):
    """The conversation cannot go on; the text says why, fit to show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of the server, its lines joined."""

    code: int
    text: str


class Wire:
    """A connected socket; `timeout` seconds are what one write or one reply may take in all.

    Reading never blocks (`take`), so that one thread can hold several conversations; whoever has
    only one waits (`read_lines`).
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock = sock
        self._timeout = timeout
        self._in = b""
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._until = 0.0
        self.offered = 0
        """Of the last `write`, the bytes that may have left: an upper bound."""

    def write(self, data: bytes) -> None:
        """All of `data`, or `Broken` with `offered` saying how much may have left."""
        self.offered = 0
        end = time.monotonic() + self._timeout
        view = memoryview(data)
        try:
            while self.offered < len(data):
                if self._secure:
                    # TLS cannot say how much of a failed record left: count it before.
                    piece = view[self.offered : self.offered + 16_384]
                    self.offered += len(piece)
                    self._sock.settimeout(max(end - time.monotonic(), 0.001))
                    self._sock.sendall(piece)
                else:
                    self._never_block()
                    self.offered += self._send(view[self.offered :], end)
        except TimeoutError as failure:
            raise Broken("The server did not take the mail in time.") from failure
        except OSError as failure:
            raise Broken(f"The connection was lost: {_said(failure)}.") from failure

    def _send(self, data: memoryview, end: float) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            if not self._wait(select.POLLOUT, end):
                raise TimeoutError from None
            return 0

    def take(self) -> Answer | None:
        """The next reply, its lines joined, if all of it came; None as long as it may yet come.

        `Broken` when it does not come in time, or is none.
        """
        found = self._whole()
        return None if found is None else Answer(found[0], shown(" ".join(found[1])))

    @property
    def waiting(self) -> Waiting:
        """What to wait for after `take` answered None."""
        return Waiting(self._sock.fileno(), self._until)

    def read_lines(self) -> tuple[int, list[str]]:
        """The next reply, line by line, as the server wrote it; waits for it."""
        while (found := self._whole()) is None:
            self._wait(select.POLLIN, self._until)
        return found

    def _whole(self) -> tuple[int, list[str]] | None:
        if not self._until:
            self._until = time.monotonic() + self._timeout
        while (found := self._parsed()) is None:
            if not self._receive():
                if time.monotonic() >= self._until:
                    raise Broken("The server did not answer in time.")
                return None
        self._until = 0.0
        return found

    def _parsed(self) -> tuple[int, list[str]] | None:
        """The first reply of what came, taken out of it, or None if it is not whole."""
        lines: list[str] = []
        at = 0
        while (end := self._in.find(b"\n", at)) >= 0:
            found = _LINE.fullmatch(self._in, at, end)
            if found is None or end - at > LONGEST_LINE or end > LONGEST_REPLY:
                break
            at = end + 1
            lines.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                self._in = self._in[at:]
                return int(found[1]), lines
        if end >= 0:
            raise Broken("The server answered something that is no SMTP reply.")
        if len(self._in) - at > LONGEST_LINE or at > LONGEST_REPLY:
            raise Broken("The server answered with a line without end.")
        return None

    def _receive(self) -> bool:
        """Whether anything more came by now."""
        try:
            self._never_block()
            data = self._sock.recv(65_536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as failure:
            raise Broken(f"The connection was lost: {_said(failure)}.") from failure
        if not data:
            raise Broken("The server closed the connection.")
        self._in += data
        return True

    def _never_block(self) -> None:
        if self._sock.gettimeout() != 0.0:  # setting it is a call of the system
            self._sock.settimeout(0.0)

    def _wait(self, event: int, end: float) -> bool:
        poll = select.poll()
        poll.register(self._sock, event)
        return bool(poll.poll(max(end - time.monotonic(), 0.0) * 1000))

    @property
    def surprised(self) -> bool:
        """Whether something came, an end or words, when nothing was asked."""
        try:
            return bool(self._in) or self._receive()
        except Broken:
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
