"""The turn of one tick: taken, kept while it is at work, given back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from flows.runtime import Runtime
from flows.work import Piece
from nurture.ledger import ticks
from nurture.ledger.tally import Tally

KEEP_EVERY = 20.0
"""Seconds at work after which the turn is prolonged: a lease outlasts several missed ones."""


@dataclass
class Turn:
    """Whether this tick may work.  Another may take the turn over where this one is not heard of
    for a lease; then that one goes on, and this one ends: two would take the same leads from each
    other again and again."""

    runtime: Runtime
    _taken: float = field(default=0.0)

    def take(self) -> bool:
        """Take the turn, or keep it; False when another has it."""
        self._taken = time.monotonic()
        return ticks.take_turn(
            self.runtime.ledger,
            owner=self.runtime.owner,
            clock=self.runtime.clock,
            alive=self.runtime.alive,
        )

    def long(self, now: datetime) -> bool:
        """So long at the tick's one `now` that what came meanwhile is to be seen at a later one."""
        longest = self.runtime.longest
        return longest is not None and self.runtime.clock() - now > longest

    def keeping(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces; between their batches the turn is kept."""
        return (replace(piece, run=partial(self._run, piece)) for piece in pieces)

    def _run(self, piece: Piece) -> Tally:
        if time.monotonic() - self._taken >= KEEP_EVERY:
            with suppress(SQLAlchemyError):  # the next one may; the piece says what is wrong
                self.take()
        return piece.run()

    def release(self) -> None:
        """Give it back; nothing happens when another has it."""
        ticks.release(self.runtime.ledger, owner=self.runtime.owner)
