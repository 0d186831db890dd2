"""The pass that tells the CRM of leads: claim, push, settle what is answered in time.

Nobody waits longer than `PATIENCE` for an answer; one that comes later is settled by a transaction
of its own.  A CRM that hangs holds up no tick.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from handoff.crm import health
from handoff.crm.cards import Taken
from handoff.crm.claim import claim
from handoff.crm.port import Crm, Pushed
from handoff.crm.settle import settle
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import news
from nurture.ledger.engine import Ledger
from nurture.ledger.tally import Tally
from nurture.webhooks.in_time import in_time
from nurture.webhooks.port import Answer

log = logging.getLogger(__name__)
PATIENCE = 1.0
"""Seconds a tick waits for answers."""


@dataclass(frozen=True)
class Syncing:
    """What passes with a CRM need: where, with what, as whom, and when to stop."""

    ledger: Ledger
    definitions: Definitions
    crm: Crm | None
    owner: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    crash: Callable[[str], None] = lambda point: None
    """Called at every commit point with its name: kill tests end the process there."""


def push_out(syncing: Syncing) -> Tally:
    """Push one window of what is due; `more` when there may be others.  Never raises for what
    happens to the CRM."""
    if syncing.stop() or syncing.crm is None:
        return Tally()
    if syncing.crm.trouble:
        return _cannot(syncing, syncing.crm.trouble)
    tally, pending = _begin(syncing, syncing.crm)
    syncing.crash("pushed")
    answers, whole = in_time(pending, PATIENCE, partial(_settle_late, syncing))
    if answers:
        with syncing.ledger.begin() as session:
            tally += settle(session, syncing.definitions, answers, now=syncing.clock())
    return tally + Tally(more=bool(answers) and whole)


def _begin(syncing: Syncing, crm: Crm) -> tuple[Tally, dict[Future[Pushed], Taken]]:
    """Claim a window and begin to push it."""
    owner, now = f"{syncing.owner}/{secrets.token_hex(4)}", syncing.clock()
    with syncing.ledger.begin() as session:
        tally, rows = claim(session, syncing.definitions, owner=owner, now=now)
    syncing.crash("claimed")
    return tally, {crm.push(row.card): row for row in rows}


def _cannot(syncing: Syncing, why: str) -> Tally:
    """Nothing can be pushed at all: that is said, marks are taken in, and it is tried later."""
    with syncing.ledger.begin() as session:
        row = health.locked(session, syncing.definitions)
        if row is None:
            return Tally()
        before, now = health.of(row), syncing.clock()
        after = before.after(Answer("again", health.OF_US[0], why), now=now)
        health.note(session, syncing.definitions, before, after, now=now)
        tally, _ = claim(session, syncing.definitions, owner=syncing.owner, now=now)
    return tally


def _settle_late(syncing: Syncing, row: Taken, pushed: Future[Pushed]) -> None:
    """Settle one push by itself; where the ledger is not to be had, its lease ends."""
    try:
        with syncing.ledger.begin() as session:
            settle(session, syncing.definitions, [(row, pushed.result())], now=syncing.clock())
            news.tell(session)  # there is room for another
    except SQLAlchemyError:
        log.exception("what became of a push could not be written: it is pushed once more")
