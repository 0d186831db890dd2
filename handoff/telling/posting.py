"""The pass that tells through channels: claim, tell, settle what is answered in time.

Nobody waits longer than `PATIENCE` for an answer; one that comes later is settled by a transaction
of its own.  A channel that is out of order is passed by: its notices become drafts again, which
go by the next channel of their team, in the end by mail.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    String,
    Update,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from handoff.routing.offers import DRAFT
from handoff.tables import CHANNEL, HANDOFF, MESSAGE, OPEN, POST
from handoff.telling.channels import may_go
from handoff.telling.notifier import WITHIN, Notifier, Telling
from handoff.telling.posted import PROBE, Claimed, settle
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import news
from nurture.ledger.engine import Ledger
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking, Question
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.webhooks.in_time import in_time
from nurture.webhooks.port import Answer

log = logging.getLogger(__name__)
PATIENCE = 1.0
"""Seconds a tick waits for answers."""
LEASE = WITHIN + timedelta(seconds=80)
WINDOW = 50
"""Posts claimed in one transaction."""
MOST_OF_CHANNEL = 8
"""Posts in hand to one channel, over all processes: one that hangs holds up no other."""
P, C, M = POST.c, CHANNEL.c, MESSAGE.c
DUE, CLAIMED = among(P.state, ("due",)), among(P.state, ("claimed",))


@dataclass(frozen=True)
class Posting:
    """What the pass needs: where, with what, as whom, and when to stop."""

    ledger: Ledger
    definitions: Definitions
    notifier: Notifier
    owner: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    crash: Callable[[str], None] = lambda point: None
    """Called at every commit point with its name: kill tests end the process there."""


def post_out(posting: Posting) -> Tally:
    """Tell one window of what is due; `more` when there may be others.  Never raises for what
    happens to a channel."""
    if posting.stop():
        return Tally()
    tally, pending = _begin(posting)
    posting.crash("told")
    answers, whole = in_time(pending, PATIENCE, partial(_settle_late, posting))
    if answers:
        with posting.ledger.begin() as session:
            tally += settle(session, posting.definitions, answers, now=posting.clock())
    return tally + Tally(more=bool(answers) and whole)


def _begin(posting: Posting) -> tuple[Tally, dict[Future[Answer], Claimed]]:
    """Claim a window and begin to tell it."""
    owner, now = f"{posting.owner}/{secrets.token_hex(4)}", posting.clock()
    with posting.ledger.begin() as session:
        tally, rows = claim(session, posting.definitions, owner=owner, now=now)
    posting.crash("claimed")
    return tally, {posting.notifier.tell(_telling(row)): row for row in rows}


def _telling(row: Claimed) -> Telling:
    return Telling(
        row.channel, row.identity, row.subject, row.text, row.planned_at, row.recipient, row.html
    )


def _settle_late(posting: Posting, row: Claimed, answered: Future[Answer]) -> None:
    """Settle one post by itself; where the ledger is not to be had, its lease ends."""
    try:
        with posting.ledger.begin() as session:
            answer = (row, answered.result())
            settle(session, posting.definitions, [answer], now=posting.clock())
            news.tell(session)  # there is room in its channel again
    except SQLAlchemyError:
        log.exception("what became of a notice could not be written: it is sent once more")


def claim(
    session: Session, definitions: Definitions, *, owner: str, now: datetime
) -> tuple[Tally, list[Claimed]]:
    """Take a window of what is due, claimed under a new generation; what became of the rest.

    Posts whose sender died come back; those to a channel out of order are passed on, but for one
    that tries it now and then; those whose handoff was answered or given on meanwhile are
    cancelled; those to a channel that is in its quiet hours by now wait for their end.
    """
    asking = Asking(session, 0, now)
    tally = Tally.of("notices taken back", asking.run(_BACK))
    if passed := asking.fill(_OF_DOWN):
        asking.run(_PASS)
        asking.run(DRAFT_AGAIN)
        tally += Tally.of("notices passed on", passed)
    if overtaken := asking.fill(_OVERTAKEN):
        asking.run(_CANCEL)
        asking.run(_CANCEL_NOTICE)
        tally += Tally.of("notices overtaken", overtaken)
    for channel in definitions.workspace.channels:
        if (opens := may_go(definitions, channel, now=now)) > now:
            asking.run(_HOLD, quiet=channel, opens=opens)
    if not asking.fill(_FREE):
        return tally, []
    asking.run(_TRY, then=now + PROBE)
    taken = asking.ask(_TAKE, by=owner, end=now + LEASE)
    return tally, [Claimed(*row) for row in taken]


_MINE = P.id.in_(select(batch.c.id))
_BACK: Update = (
    update(POST)
    .where(CLAIMED, P.lease_until <= NOW)
    .values(state="due", owner="", lease_until=None, reason="its sender died: sent once more")
)


def _due(*conditions: ColumnElement[bool]) -> Select[tuple[int, int]]:
    rows = select(P.id, literal(0)).where(DUE, P.due_at <= NOW, *conditions)
    ordered = rows.order_by(P.due_at, P.id).limit(batches.SIZE)
    return ordered.with_for_update(skip_locked=True, of=POST)


_DOWN = select(C.name).where(C.down_since.is_not(None))
_OF_DOWN: Insert = batches.filling(_due(P.channel.in_(_DOWN.where(C.probe_at > NOW))))
_PASS: Update = (
    update(POST)
    .where(_MINE, DUE)
    .values(
        state="passed", settled_at=NOW, text="", html="",
        reason="its channel is out of order",
    )
)  # fmt: skip
DRAFT_AGAIN: Update = (
    update(MESSAGE)
    .where(M.id.in_(select(P.message_id).where(_MINE)), M.kind == "post")
    .values(kind=DRAFT, state="due", due_at=NOW)
)
"""The notices behind the posts of the working set are to be written for their next channel."""


def _overtaken() -> Insert:
    """Offers and reminders that nobody can follow any more: answered, or somebody else's."""
    behind = (
        select(M.id)
        .join(HANDOFF, HANDOFF.c.id == M.handoff_id)
        .where(M.id == P.message_id, M.template.in_(("offered", "given", "reminder")))
        .where(
            or_(
                HANDOFF.c.state.not_in(OPEN),
                HANDOFF.c.generation != M.occurrence,
                (M.template != "reminder") & (HANDOFF.c.state != "offered"),
            )
        )
    )
    return batches.filling(_due(behind.correlate(POST).exists()))


_OVERTAKEN = _overtaken()
_WHY = "answered, or somebody else's, before its channel could be told"
_OVER = {"state": "cancelled", "settled_at": NOW, "reason": _WHY}
_CANCEL: Update = update(POST).where(_MINE, DUE).values(text="", html="", **_OVER)
_CANCEL_NOTICE: Update = (
    update(MESSAGE)
    .where(M.id.in_(select(P.message_id).where(_MINE)), M.kind == "post")
    .values(kind="notice", **_OVER)
)


_HOLD: Update = (
    update(POST)
    .where(DUE, P.due_at <= NOW, P.channel == bindparam("quiet", type_=String()))
    .values(due_at=bindparam("opens", type_=Instant()))
)


def _free() -> Insert:
    """Those due, the longest due first, of each channel as many as there is room for."""
    other = POST.alias("other")
    in_hand = (
        select(func.count())
        .where(among(other.c.state, ("claimed",)), other.c.channel == P.channel)
        .correlate(POST)
        .scalar_subquery()
    )
    place = func.row_number().over(partition_by=P.channel, order_by=(P.due_at, P.id))
    most = case((P.channel.in_(_DOWN), 1), else_=MOST_OF_CHANNEL)
    ranked = (
        select(P.id, (place + in_hand).label("place"), most.label("most"))
        .where(DUE, P.due_at <= NOW)
        .subquery()
    )
    free = select(ranked.c.id).where(ranked.c.place <= ranked.c.most)
    rows = select(P.id, literal(0)).where(P.id.in_(free), DUE).order_by(P.due_at, P.id)
    return batches.filling(rows.limit(WINDOW).with_for_update(skip_locked=True, of=POST))


_FREE = _free()
_TRY: Update = (
    update(CHANNEL)
    .where(C.name.in_(select(P.channel).where(_MINE)), C.down_since.is_not(None))
    .values(probe_at=bindparam("then", type_=Instant()))
)
_TAKE = (
    update(POST)
    .where(_MINE, DUE, P.due_at <= NOW)
    .values(
        state="claimed",
        owner=bindparam("by"),
        generation=P.generation + 1,
        attempts=P.attempts + 1,
        lease_until=bindparam("end", type_=Instant()),
    )
    .returning(*(P[name] for name in Claimed.COLUMNS))
)

QUESTIONS: tuple[Question, ...] = (
    select(func.min(P.due_at, type_=Instant())).where(DUE),
    select(func.min(P.lease_until, type_=Instant())).where(CLAIMED),
)
"""The earliest instant a post may go, and at which a dead sender's lease ends."""
