"""Sending what is due: claim, write, hand over in small windows, settle.

One thread holds all connections.  A window (at most 20 mails a connection) has its bytes frozen and
is committed `handed` just before its DATA; the window before it is settled in the same transaction.
A crash leaves at most one window of unknown fate a connection.  While servers are at work on their
mails, those of the next window are written.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from nurture.delivery.carriers import channel
from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.transport import (
    ChannelFailed,
    Connection,
    Outgoing,
    Reply,
    Transport,
)
from nurture.delivery.claim import claim, give_back, hand_over
from nurture.delivery.mails.press import Written
from nurture.delivery.rounds import Round, kept_alive
from nurture.delivery.settle import settle
from nurture.delivery.writing import Desk, rows_of
from nurture.ledger.tally import Tally

__all__ = ["Round", "deliver"]

log = logging.getLogger(__name__)
CLAIM = 500
WINDOW = 20
LIMIT = 5_000
_Result = TypeVar("_Result")


def deliver(
    round_: Round,
    transport: Transport,
    *,
    kind: str = "nurture",
    connections: int = 1,
    limit: int = LIMIT,
) -> Tally:
    """Send what is due of a kind, over so many connections; returns what became of it.

    After about `limit` mails it returns with `more`.  Does nothing while the channel rests.  Raises
    ChannelFailed when the channel is out of order: it rests a while, no mail is lost and no try is
    counted.  Stops between two windows when `stop()` says so.
    """
    with round_.ledger.begin() as session:
        until = channel.resting_until(session)
    if until is not None and until > round_.clock():
        return Tally()
    owner = f"{round_.owner}/{secrets.token_hex(4)}"
    with kept_alive(round_, owner):
        return _Sender(round_, owner, kind, transport, connections, limit).run()


class _Sender:
    """One run of sending; `owner` is a name of its own in every run."""

    def __init__(
        self,
        round_: Round,
        owner: str,
        kind: str,
        transport: Transport,
        connections: int,
        limit: int,
    ) -> None:
        self._round = round_
        self._owner = owner
        self._kind = kind
        self._transport = transport
        self._connections = connections
        self._left = limit
        self._desk = Desk()
        self._replies: list[Reply] = []
        self._tally = Tally()
        self._claimed = self._exhausted = False

    def run(self) -> Tally:
        """Send until nothing is due, the limit is reached or somebody says stop."""
        try:
            window = self._next_window()
            if window:
                self._connections = -(-len(window) // WINDOW)
                with self._opened() as connections:
                    while window:
                        self._send(connections, window)
                        if not len(self._desk):
                            self._settle()
                        window = self._next_window()
            self._settle()
        except ChannelFailed as failure:
            self._rest(failure)
            raise
        finally:
            self._give_back()
        stopped = self._left <= 0 and not self._round.stop()
        return Tally(self._tally.counts, more=stopped)

    @contextmanager
    def _opened(self) -> Iterator[list[Connection]]:
        with ExitStack() as stack:
            numbers = range(self._connections)
            yield [stack.enter_context(self._transport.open()) for _ in numbers]

    def _next_window(self) -> list[Written]:
        """The next mails, written; claims more where those at hand do not fill a window.

        What the fence stopped is due again and gets its reason at the last claim.
        """
        size = WINDOW * self._connections
        enough = 1 if self._exhausted else size
        while len(self._desk) < enough and self._left > 0 and not self._round.stop():
            if not self._claim():
                break
            enough = 1 if self._exhausted else size
        return [] if self._round.stop() else self._desk.take(size, self._round.press)

    def _claim(self) -> bool:
        """Claim a batch; whether anything was due."""
        round_, now = self._round, self._round.clock()
        size = min(CLAIM, self._left)

        def claimed(session: Session) -> Callable[[], Tally]:
            taken = claim(
                session, round_.definitions, owner=self._owner, now=now, size=size,
                kind=self._kind, judged=round_.judged,
            )  # fmt: skip
            rows = rows_of(session, taken, round_.press)

            def keep() -> Tally:
                self._left -= len(taken.tickets)
                self._exhausted = len(taken.tickets) < size and not taken.tally
                self._desk.put(taken, rows, now=now)
                return taken.tally

            return keep

        round_.crash("claim_pre")
        before = len(self._desk)
        judged = self._write(claimed)()
        round_.crash("claim_post")
        self._claimed = True
        self._tally += judged
        return bool(judged) or len(self._desk) > before

    def _send(self, connections: Sequence[Connection], window: Sequence[Written]) -> None:
        """Hand a window over and send it; what was answered is settled with the next write."""
        round_, desk = self._round, self._desk
        round_.crash("written")
        going = self._hand_over(window)
        round_.crash("handed")
        outgoing = [_outgoing(mail) for mail in window if mail.id in going]
        self._replies = exchange(connections, outgoing, lambda: desk.write_one(round_.press))
        round_.crash("sent_pre")
        failed = next((reply for reply in self._replies if reply.verdict == "channel"), None)
        if failed is not None:
            self._settle()
            raise ChannelFailed(failed.text, phase=failed.phase, code=failed.code)

    def _hand_over(self, window: Sequence[Written]) -> set[int]:
        """Freeze the window and mark it `handed`; who may go."""
        round_, now = self._round, self._round.clock()
        tickets = [self._desk.tickets[mail.id] for mail in window]

        def handed(session: Session) -> set[int]:
            if round_.stop():
                return set()
            self._desk.freeze(session, window)
            return hand_over(session, round_.definitions, tickets, owner=self._owner, now=now)

        return self._write(handed)

    def _settle(self) -> None:
        if self._replies or self._desk.failed:
            self._write(lambda session: None)
            self._round.crash("settled")

    def _write(self, verb: Callable[[Session], _Result]) -> _Result:
        """One transaction: settle what was answered, set aside what failed, and `verb`."""
        now, desk, replies = self._round.clock(), self._desk, self._replies

        def both(session: Session) -> tuple[Tally, _Result]:
            tally = settle(session, desk.tickets, replies, now=now)
            tally += desk.set_aside(session, now=now)
            return tally, verb(session)

        tally, result = self._round.write(both)
        self._tally += tally
        desk.forget([reply.ref for reply in replies])
        self._replies = []
        return result

    def _rest(self, failure: ChannelFailed) -> None:
        now = self._round.clock()
        self._round.write(
            lambda session: channel.rest(session, failure, owner=self._owner, now=now)
        )

    def _give_back(self) -> None:
        """Release what is still claimed; where the ledger is gone too, the leases end."""
        if not self._claimed:
            return
        try:
            self._round.write(lambda session: give_back(session, owner=self._owner))
        except SQLAlchemyError:
            log.exception("claims could not be given back: their leases end by themselves")


def _outgoing(mail: Written) -> Outgoing:
    return Outgoing(mail.id, mail.sender, mail.recipient, mail.content)
