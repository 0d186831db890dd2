"""Replies of servers as bytes: whole, in pieces, without end, and none at all."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from nurture.delivery.carriers.wire import LONGEST_LINE, LONGEST_REPLY, Answer, Broken, Wire


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, 0.4), theirs


Ends = tuple[Wire, socket.socket]


def test_a_reply_in_pieces_is_taken_when_it_is_whole(ends: Ends) -> None:
    wire, server = ends
    for piece in (b"25", b"0-one\r", b"\n250 ", b"two\r"):
        server.sendall(piece)
        assert wire.take() is None
    server.sendall(b"\n354 go\r\n421")
    assert wire.take() == Answer(250, "one two")
    assert wire.take() == Answer(354, "go")
    assert wire.take() is None
    assert wire.held == 3


def test_a_reply_that_does_not_come_in_time_ends_the_conversation(ends: Ends) -> None:
    wire, server = ends
    server.sendall(b"250-one\r\n")
    assert wire.take() is None
    until = wire.waiting.until
    time.sleep(0.2)
    server.sendall(b"250-two\r\n")  # words now and then do not lengthen it
    assert wire.take() is None
    assert wire.waiting.until == until
    time.sleep(0.25)
    with pytest.raises(Broken, match="in time"):
        wire.take()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"x" * (LONGEST_LINE + 1), "without end"),
        (b"250 " + b"x" * LONGEST_LINE + b"\r\n", "no SMTP reply"),
        (b"250-x\r\n" * (LONGEST_REPLY // 7 + 1), "no SMTP reply|without end"),
        (b"250 a\rb\r\n", "no SMTP reply"),
        (b"2500\r\n", "no SMTP reply"),
        (b"650 what\r\n", "no SMTP reply"),
        (b"\r\n", "no SMTP reply"),
    ],
)
def test_what_is_no_reply_is_told_at_once(ends: Ends, said: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        read(*ends, said)


def read(wire: Wire, server: socket.socket, said: bytes) -> None:
    """Take what the server says, which goes through the socket bit by bit."""
    server.setblocking(False)
    while True:
        with suppress(BlockingIOError):
            said = said[server.send(said) :] if said else said
        assert wire.take() is None
        assert time.monotonic() < wire.waiting.until, "only the clock could tell"


@pytest.mark.parametrize("line", [b"250\r\n", b"250 \r\n", b"250\n"])
def test_a_code_alone_is_a_reply(ends: Ends, line: bytes) -> None:
    wire, server = ends
    server.sendall(line)
    assert wire.take() == Answer(250, "")
