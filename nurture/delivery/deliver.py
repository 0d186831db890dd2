"""Sending what is due: claim, write, hand over in small windows, settle.

A window (at most 20 mails a connection) is committed `handed` just before its DATA; the window
before it is settled in the same transaction.  A crash leaves at most one window of unknown fate a
connection.  While the server is at work on a mail, one of the next batch is written.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from nurture.delivery import channel
from nurture.delivery.claim import claim, give_back
from nurture.delivery.press import Written
from nurture.delivery.rounds import Round, kept_alive
from nurture.delivery.settle import settle
from nurture.delivery.transport import ChannelFailed, Connection, Outgoing, Reply, Transport
from nurture.delivery.writing import Batch, batch_of
from nurture.ledger.tally import Tally

__all__ = ["Round", "deliver"]

log = logging.getLogger(__name__)
CLAIM = 500
WINDOW = 20
LIMIT = 5_000


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
    share = -(-limit // connections)
    run = f"{round_.owner}/{secrets.token_hex(4)}"
    senders = [_Sender(round_, f"{run}/{n}", kind, transport, share) for n in range(connections)]
    with kept_alive(round_, [sender.owner for sender in senders]):
        if connections == 1:
            return senders[0].run()
        with ThreadPoolExecutor(connections, thread_name_prefix="sender") as pool:
            return sum(pool.map(_Sender.run, senders), Tally())


class _Sender:
    """One connection's thread; `owner` is a name of its own in every run."""

    def __init__(
        self, round_: Round, owner: str, kind: str, transport: Transport, limit: int
    ) -> None:
        self.owner = owner
        self._round = round_
        self._kind = kind
        self._transport = transport
        self._left = limit
        self._tally = Tally()
        self._claimed = False

    def run(self) -> Tally:
        """Send until nothing is due, the limit is reached or somebody says stop."""
        try:
            batch = self._next_batch()
            if batch is not None:
                with self._transport.open() as connection:
                    while batch is not None:
                        batch = self._send_batch(connection, batch)
        except ChannelFailed as failure:
            self._rest(failure)
            raise
        finally:
            self._give_back()
        stopped = self._left <= 0 and not self._round.stop()
        return Tally(self._tally.counts, more=stopped)

    def _next_batch(self) -> Batch | None:
        """Claim until something is to be written or nothing is due."""
        while self._left > 0 and not self._round.stop():
            batch, judged = self._claim()
            self._tally += judged
            if batch.tickets:
                return batch
            if not judged:
                break
        return None

    def _claim(self) -> tuple[Batch, Tally]:
        round_, now = self._round, self._round.clock()
        size = min(CLAIM, self._left)

        def claimed(session: Session) -> tuple[Batch, Tally]:
            taken = claim(
                session, round_.definitions, owner=self.owner, now=now, size=size, kind=self._kind
            )
            return batch_of(session, taken, now=now), taken.tally

        round_.crash("claim_pre")
        batch, judged = round_.write(claimed)
        round_.crash("claim_post")
        self._left -= len(batch.tickets)
        self._claimed = True
        return batch, judged

    def _send_batch(self, connection: Connection, batch: Batch) -> Batch | None:
        """Send a batch; returns the next one, partly written meanwhile."""
        while batch.rows:
            batch.write_one(self._round.press)
        self._tally += self._round.write(batch.freeze)
        self._round.crash("frozen")
        upcoming = self._next_batch()
        self._hand_over_all(connection, batch, upcoming)
        # What the fence stopped is due again and gets its reason at this claim.
        return upcoming if upcoming is not None else self._next_batch()

    def _hand_over_all(self, connection: Connection, batch: Batch, upcoming: Batch | None) -> None:
        """Send window by window; each transaction settles one and hands over the next."""
        round_, press = self._round, self._round.press
        replies: list[Reply] = []
        failed: Reply | None = None
        for at in range(0, len(batch.mails), WINDOW):
            window = batch.mails[at : at + WINDOW]
            going = self._settle_and_hand_over(batch, replies, window)
            round_.crash("handed")
            outgoing = [_outgoing(mail) for mail in window if mail.id in going]
            replies = list(
                connection.send(outgoing, lambda: upcoming.write_one(press) if upcoming else None)
            )
            round_.crash("sent_pre")
            failed = next((reply for reply in replies if reply.verdict == "channel"), None)
            if failed is not None or round_.stop():
                break
        self._settle_and_hand_over(batch, replies, ())
        round_.crash("settled")
        if failed is not None:
            raise ChannelFailed(failed.text, phase=failed.phase, code=failed.code)

    def _settle_and_hand_over(
        self, batch: Batch, replies: Sequence[Reply], window: Sequence[Written]
    ) -> set[int]:
        """One transaction: settles what was answered, hands over the window; who may go."""
        round_, now = self._round, self._round.clock()
        tickets = [batch.tickets[mail.id] for mail in window]

        def both(session: Session) -> tuple[Tally, set[int]]:
            tally = settle(session, batch.tickets, replies, now=now)
            if not tickets or round_.stop():
                return tally, set()
            return tally, round_.fence.hand_over(session, tickets, owner=self.owner, now=now)

        tally, going = round_.write(both)
        self._tally += tally
        return going

    def _rest(self, failure: ChannelFailed) -> None:
        now = self._round.clock()
        self._round.write(lambda session: channel.rest(session, failure, owner=self.owner, now=now))

    def _give_back(self) -> None:
        """Release what is still claimed; where the ledger is gone too, the leases end."""
        if not self._claimed:
            return
        try:
            self._round.write(lambda session: give_back(session, owner=self.owner))
        except SQLAlchemyError:
            log.exception("claims could not be given back: their leases end by themselves")


def _outgoing(mail: Written) -> Outgoing:
    return Outgoing(mail.id, mail.sender, mail.recipient, mail.content)
