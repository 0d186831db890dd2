"""The pass that makes calls: claim, call, settle what is answered in time; the rest follows.

Nobody waits longer than `PATIENCE` for an answer: one that comes later is settled by a transaction
of its own, and its lead goes on with the tick that this wakes.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import news
from nurture.ledger.engine import Ledger
from nurture.ledger.tally import Tally
from nurture.webhooks.bodies import Claimed, claimed
from nurture.webhooks.claim import claim, put_off
from nurture.webhooks.in_time import in_time
from nurture.webhooks.port import Answer, Call, Caller, CannotCall
from nurture.webhooks.settle import settle

log = logging.getLogger(__name__)
PATIENCE = 0.5
"""Seconds a tick waits for answers."""
Pending = dict[Future[Answer], Claimed]


@dataclass(frozen=True)
class Calling:
    """What the pass needs: where, with what, as whom, and when to stop.

    `judged` is the tick whose look at goals and exits succeeded, 0 for none.
    """

    ledger: Ledger
    definitions: Definitions
    caller: Caller
    owner: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    judged: int = 0
    crash: Callable[[str], None] = lambda point: None
    """Called at every commit point with its name: kill tests end the process there."""


def call_out(calling: Calling) -> Tally:
    """Make one window of the calls that are due; `more` when there may be others.

    Raises CannotCall when nothing can be called: those due wait, and no try is counted.
    """
    if calling.stop():
        return Tally()
    if trouble := calling.caller.trouble:
        with calling.ledger.begin() as session:
            if not put_off(session, reason=trouble, now=calling.clock()):
                return Tally()
        raise CannotCall(trouble)
    tally, pending = _begin(calling)
    calling.crash("called")
    answered, whole = in_time(pending, PATIENCE, partial(_settle_late, calling))
    with calling.ledger.begin() as session:
        tally += settle(session, answered, now=calling.clock())
    return tally + Tally(more=bool(answered) and whole)


def _begin(calling: Calling) -> tuple[Tally, Pending]:
    """Claim a window and begin its calls."""
    owner, now = f"{calling.owner}/{secrets.token_hex(4)}", calling.clock()
    with calling.ledger.begin() as session:
        tally, count = claim(
            session, calling.definitions, owner=owner, judged=calling.judged, now=now
        )
        calls: Sequence[Claimed] = claimed(session, owner=owner, now=now) if count else ()
    calling.crash("claimed")
    allow = calling.definitions.workspace.webhooks.allow
    return tally, {
        calling.caller.call(
            Call(call.number, call.name, call.url, call.host, call.body, allow)
        ): call
        for call in calls
    }


def _settle_late(calling: Calling, call: Claimed, answered: Future[Answer]) -> None:
    """Settle one call by itself; where the ledger is not to be had, its lease ends."""
    try:
        with calling.ledger.begin() as session:
            settle(session, [(call, answered.result())], now=calling.clock())
            news.tell(session)  # there is room at its host again
    except SQLAlchemyError:
        log.exception("what became of a call could not be written: it is made once more")
