"""One sender's surroundings: the ledger it writes in, its clock, its leases kept alive."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlmodel import Session

from nurture.delivery.claim import prolong
from nurture.delivery.mails.press import Press
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger

BEAT: Final = 20.0
"""Seconds between two signs of life: a lease outlasts several missed ones."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Round:
    """What one sender needs: where, with what, as whom, and when to stop."""

    ledger: Ledger
    definitions: Definitions
    press: Press
    owner: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    crash: Callable[[str], None] = lambda point: None
    """Called at every commit point with its name: kill tests end the process there."""
    judged: int = 0
    """The tick whose touches may be mailed: it has looked who of them has to leave."""

    def write(self, verb: Callable[[Session], _Result]) -> _Result:
        """Run `verb` in one transaction, anew as a whole when another writer was in its way.

        `verb` must be safe to repeat and must never send: an attempt may have been committed
        although its answer was lost.
        """
        for pause in _PAUSES:
            try:
                with self.ledger.begin() as session:
                    return verb(session)
            except (OperationalError, IntegrityError):  # locked, deadlock, gone, a lead claimed
                time.sleep(pause * random.uniform(0.5, 1.5))
        with self.ledger.begin() as session:
            return verb(session)


@contextmanager
def kept_alive(round_: Round, owner: str) -> Iterator[None]:
    """While this lasts, the leases of this owner do not end, however slow the mail server is.

    A process that is stopped gives no sign of life: its leases end, and the fence knows.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            with suppress(SQLAlchemyError), round_.ledger.begin() as session:  # the next one may
                prolong(session, owner=owner, now=round_.clock())

    thread = threading.Thread(target=beat, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
