"""An SMTP server that does what the recipient's name says, and fsyncs what it accepts.

    python tests/delivery/sink.py --accepted FILE        prints its port, runs until killed

The local part of the recipient up to the first of `+ . -` names what happens (`SCRIPTS`); any
other name is accepted.  Before each 250 to a final dot the line `<Message-ID> recipient` is in
FILE and on the disk: what was answered with 250 is there after any kill, on either side.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(rb"RCPT TO:<([^>]*)>", re.IGNORECASE)

AT_RCPT = {
    "t451": b"451 4.2.1 mailbox busy\r\n",
    "t452": b"452 4.2.2 over quota\r\n",
    "r550": b"550 5.1.1 no such user\r\n",
    "r552": b"552 5.5.3 too many recipients\r\n",
    "relay": b"554 5.7.1 relay access denied\r\n",
    "r530": b"530 5.7.0 sign in first\r\n",
    "granted": b"550 5.1.1 no such user, but DATA is granted\r\n",
    "garbage": b"\x00\xff what?\r\n",
    "longline": b"250 " + b"x" * 1_000_000 + b"\r\n",
    "manylines": b"250-x\r\n" * 200_000,
}
AT_DOT = {
    "r550atdot": b"550 5.7.1 content refused\r\n",
    "t451atdot": b"451 4.3.0 later\r\n",
    "garbageatdot": b"hello\r\n",
    "oddatdot": b"354 go on\r\n",
}
SCRIPTS = (*AT_RCPT, *AT_DOT, "s421", "s421atdot", "dropbeforedot", "dropinbody", "dropatdot",
           "dropafterdot", "hang", "hangbefore", "slow", "r554data", "earlydrop")  # fmt: skip


class Gone(Exception):
    """The conversation is over."""


class Sink:
    """A server on loopback in threads; use it as a context manager.

    `mails` are the accepted mails as (recipient, bytes); `accepted` the file of their names.
    `tls` offers STARTTLS; `auth` names the AUTH mechanisms, whose every try `auth_reply` answers.
    """

    def __init__(
        self,
        accepted: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        offers: tuple[str, ...] = ("PIPELINING", "8BITMIME"),
        tls: ssl.SSLContext | None = None,
        auth: str = "",
        auth_reply: bytes = b"235 2.7.0 welcome\r\n",
        greeting: bytes = b"220 sink.example.test ESMTP\r\n",
        mail_reply: Callable[[bytes], bytes] = lambda line: b"250 2.1.0 ok\r\n",
        after_starttls: bytes = b"",
        hang: float = 600.0,
    ) -> None:
        self.accepted = accepted
        self.offers = offers
        self.tls = tls
        self.auth = auth
        self.auth_reply = auth_reply
        self.greeting = greeting
        self.mail_reply = mail_reply
        self.after_starttls = after_starttls
        self.hang = hang
        self.mails: list[tuple[str, bytes]] = []
        self.commands: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Sink:
        self._start(self.serve)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def hang_up(self) -> None:
        """Ends every conversation as it stands."""
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def serve(self) -> None:
        """Takes connections until stopped."""
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.append(sock)
            self._start(self._talk, sock)

    def _talk(self, sock: socket.socket) -> None:
        talk = _Talk(self, sock)
        with suppress(Gone, OSError):
            talk.run()
        talk.sock.close()

    def keep(self, recipient: str, data: bytes) -> None:
        """Makes one mail accepted: in the file and on the disk before this returns."""
        found = _MESSAGE_ID.search(data)
        name = found[1].decode("ascii", "replace") if found else "<none>"
        with self._lock:
            self.mails.append((recipient, data))
            if self.accepted is not None:
                with self.accepted.open("a", encoding="utf-8") as file:
                    file.write(f"{name} {recipient}\n")
                    file.flush()
                    os.fsync(file.fileno())


class _Talk:
    """One conversation."""

    def __init__(self, sink: Sink, sock: socket.socket) -> None:
        self.sink = sink
        self.sock = sock
        self.buffer = b""
        self.script = ""
        self.recipient = ""

    def run(self) -> None:
        self.say(self.sink.greeting)
        while True:
            line = self.line()
            self.sink.commands.append(line)
            verb = line.split(b" ")[0].split(b":")[0].upper()
            if verb == b"EHLO":
                self.say(self.hello())
            elif verb == b"STARTTLS" and self.sink.tls is not None:
                self.say(b"220 go ahead\r\n" + self.sink.after_starttls)
                self.sock = self.sink.tls.wrap_socket(self.sock, server_side=True)
                self.buffer = b""
            elif verb == b"AUTH":
                self.say(self.sink.auth_reply)
            elif verb == b"MAIL":
                self.say(self.sink.mail_reply(line))
            elif verb == b"RCPT":
                self.rcpt(line)
            elif verb == b"DATA":
                self.data()
            elif verb == b"QUIT":
                self.say(b"221 2.0.0 bye\r\n")
                return
            elif verb in {b"RSET", b"NOOP", b"HELO"}:
                self.recipient = ""
                self.say(b"250 2.0.0 ok\r\n")
            else:
                self.say(b"500 5.5.2 what?\r\n")

    def hello(self) -> bytes:
        offers = list(self.sink.offers)
        if self.sink.tls is not None and not isinstance(self.sock, ssl.SSLSocket):
            offers.append("STARTTLS")
        if self.sink.auth:
            offers.append(f"AUTH {self.sink.auth}")
        lines = ["sink.example.test", *offers]
        ends = ["-"] * (len(lines) - 1) + [" "]
        return "".join(f"250{e}{line}\r\n" for e, line in zip(ends, lines, strict=True)).encode()

    def rcpt(self, line: bytes) -> None:
        found = _RECIPIENT.match(line)
        address = found[1].decode() if found else ""
        self.script = re.split(r"[+.\-@]", address)[0]
        if self.script == "s421":
            self.say(b"421 4.3.2 closing\r\n")
            raise Gone
        if self.script == "earlydrop":
            raise Gone
        reply = AT_RCPT.get(self.script, b"250 2.1.5 ok\r\n")
        if reply.startswith((b"250 2", b"250 x")) or self.script == "granted":
            self.recipient = address
        self.say(reply)

    def data(self) -> None:
        if not self.recipient:
            self.say(b"554 5.5.1 no valid recipients\r\n")
            return
        if self.script == "dropbeforedot":
            raise Gone
        if self.script == "hangbefore":
            self.sink.stopping.wait(self.sink.hang)
            raise Gone
        if self.script == "r554data":
            self.say(b"554 5.5.0 not now\r\n")
            return
        self.say(b"354 go on\r\n")
        if self.script == "dropinbody":
            self.sock.recv(1)
            raise Gone
        data = self.body()
        recipient, self.recipient = self.recipient, ""
        if self.script == "granted":
            self.say(b"554 5.5.1 no valid recipients\r\n" if data == b"" else b"250 oh\r\n")
            if data:
                self.sink.keep(recipient, data)
            return
        self.end(recipient, data)

    def end(self, recipient: str, data: bytes) -> None:
        """The final dot has come."""
        if self.script == "dropatdot":
            raise Gone
        if self.script == "s421atdot":
            self.say(b"421 4.3.2 closing\r\n")
            raise Gone
        if self.script in AT_DOT:
            self.say(AT_DOT[self.script])
            return
        self.sink.keep(recipient, data)
        if self.script == "dropafterdot":
            raise Gone
        if self.script == "hang":
            self.sink.stopping.wait(self.sink.hang)
            raise Gone
        if self.script == "slow":
            for byte in b"250 2.0.0 at last\r\n":
                self.say(bytes([byte]))
                time.sleep(0.01)
            return
        self.say(b"250 2.0.0 accepted\r\n")

    def body(self) -> bytes:
        """Up to a dot alone on a line that CRLF begins and ends, and to nothing else."""
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(line + b"\r\n" for line in lines)

    def line(self) -> bytes:
        while (at := self.buffer.find(b"\r\n")) < 0:
            more = self.sock.recv(65_536)
            if not more:
                raise Gone
            self.buffer += more
        line, self.buffer = self.buffer[:at], self.buffer[at + 2 :]
        return line

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)


def main() -> None:
    """Runs a sink until it is killed; the first line it prints is its port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accepted", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-pipelining", action="store_true")
    given = parser.parse_args()
    offers = ("8BITMIME",) if given.no_pipelining else ("PIPELINING", "8BITMIME")
    sink = Sink(given.accepted, port=given.port, offers=offers)
    print(sink.port, flush=True)
    sink.serve()


if __name__ == "__main__":
    main()
