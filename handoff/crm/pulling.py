"""The pass that asks the CRM what came of leads: one asks at a time, and nobody waits for it.

Each change is done in a transaction of its own, then the cursor moves: who dies between them hears
the same again, and does it once.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, or_, select, type_coerce, update
from sqlalchemy.exc import SQLAlchemyError

from handoff import alarms
from handoff.crm import health
from handoff.crm.hearing import hear, storable
from handoff.crm.keeping import NAME, model_of, system_of
from handoff.crm.looking import look_at
from handoff.crm.port import WITHIN, Change, Pulled
from handoff.crm.pushing import PATIENCE, Syncing
from handoff.tables import CRM
from nurture.ledger import news
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, Question
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.statements.upsert import insert_new_values
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.webhooks.port import Answer

log = logging.getLogger(__name__)
LEASE = WITHIN + timedelta(minutes=4)
"""Longer than a look and what it brought take."""
LONGEST_PAUSE = timedelta(hours=1)


def pull_in(syncing: Syncing) -> Tally:
    """Ask what changed since the last look, and do it; `more` when there may be more."""
    crm, model = syncing.crm, model_of(syncing.definitions)
    if syncing.stop() or crm is None or model is None:
        return Tally()
    now = syncing.clock()
    with syncing.ledger.begin() as session:
        asked = {"now": now, "by": syncing.owner, "end": now + LEASE, "which": system_of(model)}
        row = session.execute(_TAKE, asked).one_or_none()
    if row is None:
        return Tally()
    syncing.crash("asked")
    if crm.trouble:
        cannot = Answer("again", health.OF_US[0], crm.trouble)
        return _bring_in(syncing, row.generation, now, Pulled(cannot))
    pulled = crm.pull(row.cursor, now=now)
    if not wait([pulled], PATIENCE).done:
        pulled.add_done_callback(partial(_late, syncing, row.generation, now))
        return Tally()
    return _bring_in(syncing, row.generation, now, pulled.result())


_FREE = or_(CRM.c.owner == "", CRM.c.lease_until <= NOW)
_TAKE = (
    update(CRM)
    .where(CRM.c.name == NAME, CRM.c.system == bindparam("which"), look_at() <= NOW, _FREE)
    .values(
        owner=bindparam("by"),
        generation=CRM.c.generation + 1,
        lease_until=bindparam("end", type_=Instant()),
    )
    .returning(CRM.c.generation, CRM.c.cursor)
)


def _late(
    syncing: Syncing, generation: int, asked_at: datetime, pulled: Future[Pulled]
) -> None:
    """Bring in what came late; where the ledger is not to be had, the lease ends."""
    try:
        _bring_in(syncing, generation, asked_at, pulled.result())
        with syncing.ledger.begin() as session:
            news.tell(session)
    except SQLAlchemyError:
        log.exception("what the CRM said could not be written: it is asked once more")


def _bring_in(
    syncing: Syncing, generation: int, asked_at: datetime, pulled: Pulled
) -> Tally:
    """Do each change, then let the next look begin behind them."""
    for change in pulled.changes:
        take_in(syncing, change)
        syncing.crash("heard")
    now = syncing.clock()
    with syncing.ledger.begin() as session:
        row = health.locked(session, syncing.definitions)
        model = model_of(syncing.definitions)
        if row is None or model is None or row.generation != generation:
            return Tally()
        answer = pulled.answer
        values: dict[str, Any] = {"owner": "", "lease_until": None, "pull_failures": 0}
        done = answer.verdict == "done"
        if done:
            rest = timedelta() if pulled.more else model.pull
            values |= {"cursor": pulled.cursor, "pull_reason": ""}
            if not pulled.more:  # what was done there since it was asked is yet to be heard
                values["pulled_at"] = asked_at
        else:
            failures = row.pull_failures + 1
            rest = max(model.pull, min(model.pull * 2**min(failures, 6), LONGEST_PAUSE))
            rest = max(rest, answer.later or timedelta())
            values |= {"pull_failures": failures, "pull_reason": answer.reason}
            if failures >= health.TRIES or answer.status in health.OF_US:
                alarms.crm_unasked(session, syncing.definitions, answer.reason, now=now)
        mine = update(CRM).where(CRM.c.name == NAME)
        session.execute(mine.values(**values, pull_at=now + rest))
    count = len(pulled.changes)
    return Tally.of("changes the CRM told of", count, more=done and pulled.more)


def take_in(syncing: Syncing, change: Change) -> str:
    """Do one change in a transaction of its own; one that cannot be done at all is left behind,
    with its reason, and stops no other."""
    try:
        with syncing.ledger.begin() as session:
            return hear(session, syncing.definitions, change, now=syncing.clock())
    except SQLAlchemyError:
        raise
    except Exception as error:
        log.exception("a change the CRM told of could not be done")
        said = f"could not be done: {type(error).__name__}"
        row = {"identity": storable(change).identity, "at": syncing.clock(), "said": said}
        with syncing.ledger.begin() as session:
            insert_new_values(session, t.CrmChange, [row])
        return said


QUESTIONS: tuple[Question, ...] = (
    select(type_coerce(look_at(), Instant())).where(CRM.c.owner == "", CRM.c.pull_at.is_not(None)),
    select(Greatest(CRM.c.pull_at, CRM.c.lease_until, type_=Instant())).where(CRM.c.owner != ""),
)
"""When the CRM is to be asked next; while somebody asks, once that one's lease has ended."""
