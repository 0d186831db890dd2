"""Which leads the CRM is told of next: marks become records that are due, and few are claimed.

A mark is taken out by the transaction that makes its record due, and the card is written after
that: whatever was marked by then is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Insert,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlmodel import Session

from handoff.crm import health
from handoff.crm.cards import Taken, cards
from handoff.crm.keeping import model_of
from handoff.crm.looking import may_be_told
from handoff.crm.port import WITHIN
from handoff.tables import CRM, CRM_MARK, CRM_RECORD, LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking, Question
from nurture.ledger.statements.batches import SIZE, batch
from nurture.ledger.statements.extremes import Greatest
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Document, Instant

LEASE = WITHIN + timedelta(seconds=60)
MOST = 8
"""Leads the CRM is told of at a time, over all processes."""
R = CRM_RECORD.c
SUPPRESSION, DEFINITION = table_of(t.Suppression).c, table_of(t.Definition).c
DUE, CLAIMED = among(R.state, ("due",)), among(R.state, ("claimed",))


def claim(
    session: Session, definitions: Definitions, *, owner: str, now: datetime
) -> tuple[Tally, list[Taken]]:
    """Make due what was marked, then take a few that are, each with its card.

    Nobody is told by a handoff.yaml that is in force no longer: a tick may be at work with one.
    Records whose sender died come back.  A card that says nothing new is not pushed; of a deal it
    knows it is told once it was looked at.  While the CRM is out of order one record tries it now
    and then.
    """
    model, row = model_of(definitions), health.locked(session, definitions)
    if model is None or row is None or not _in_force(session, definitions):
        return Tally(), []
    asking = Asking(session, 0, now)
    tally = Tally.of("CRM records taken back", asking.run(_BACK))
    marked = _fold(asking)
    tally += Tally(more=marked == SIZE)
    down = health.of(row).down_since is not None
    if down and row.probe_at is not None and row.probe_at > now:
        return tally, []
    if not asking.fill(_FREE, most=1 if down else MOST):
        return tally, []
    tally += Tally.of("erased leads kept from the CRM", asking.run(_ERASED))
    asking.run(_TAKE, by=owner, end=now + LEASE)
    asking.run(_UNTAKEN)
    taken = cards(session, definitions, model, now=now)
    known = [each for each in taken if not each.news]
    if known:
        session.execute(_KNOWN, {"ids": [each.id for each in known], "now": now})
        tally += Tally.of("CRM records as they were", len(known), more=True)
    news = [each for each in taken if each.news]
    _keep_sent(session, news)
    return tally, news


def _in_force(session: Session, definitions: Definitions) -> bool:
    mine = exists().where(DEFINITION.id == definitions.handoff_id, DEFINITION.active)
    return bool(session.execute(select(mine)).scalar())


def _fold(asking: Asking) -> int:
    """Take marks out and make the records of their leads due; returns how many marks."""
    marked = asking.fill(_MARKED)
    if marked:
        asking.run(_NEW)
        asking.run(_AGAIN)
        asking.run(_UNMARK)
    return marked


_MARKED: Insert = batches.filling(
    select(CRM_MARK.c.id, CRM_MARK.c.lead_id)
    .order_by(CRM_MARK.c.id)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=CRM_MARK)
)
_LEADS = select(batch.c.lead_id)
_NEW = insert_new(
    t.CrmRecord, ["lead_id", "due_at"],
    select(batch.c.lead_id, NOW).distinct().order_by(batch.c.lead_id),
)  # fmt: skip
_AGAIN = (
    update(CRM_RECORD)
    .where(R.lead_id.in_(_LEADS))
    .values(
        again=True,
        state=case((R.state == "claimed", R.state), else_="due"),
        due_at=case((R.state.in_(("told", "failed")), NOW), else_=R.due_at),
        attempts=case((R.state.in_(("told", "failed")), 0), else_=R.attempts),
    )
)
_UNMARK = delete(CRM_MARK).where(CRM_MARK.c.id.in_(select(batch.c.id)))
_MINE = R.id.in_(select(batch.c.id))
_BACK = (
    update(CRM_RECORD)
    .where(CLAIMED, R.lease_until <= NOW)
    .values(state="due", owner="", lease_until=None, reason="its sender died: pushed once more")
)


def _free() -> Insert:
    """Those due, the longest due first, as many as there is room for."""
    other = CRM_RECORD.alias("other")
    in_hand = (
        select(func.count())
        .select_from(other)
        .where(among(other.c.state, ("claimed",)))
        .scalar_subquery()
    )
    # Leans on `crm_record_due`: however many are due, few are looked at.
    ready = (DUE, R.due_at <= NOW, may_be_told())
    few = select(R.id, R.due_at).where(*ready).order_by(R.due_at, R.id).limit(MOST).subquery()
    place = func.row_number().over(order_by=(few.c.due_at, few.c.id))
    ranked = select(few.c.id, (place + in_hand).label("place")).subquery()
    most = bindparam("most", type_=BigInteger())
    rows = select(R.id, R.lead_id).where(
        R.id.in_(select(ranked.c.id).where(ranked.c.place <= most)), DUE
    )
    ordered = rows.order_by(R.due_at, R.id).limit(MOST)
    return batches.filling(ordered.with_for_update(skip_locked=True, of=CRM_RECORD))


_FREE = _free()
_ERASED = (
    update(CRM_RECORD)
    .where(
        _MINE,
        DUE,
        exists().where(
            LEAD.c.id == R.lead_id,
            SUPPRESSION.email_key == LEAD.c.email_key,
            SUPPRESSION.kind == "erased",
        ),
    )
    .values(state="told", again=False, reason="the lead is erased: the CRM is told no more of it")
)
_TAKE = (
    update(CRM_RECORD)
    .where(_MINE, DUE, R.due_at <= NOW)
    .values(
        state="claimed",
        again=False,
        owner=bindparam("by"),
        generation=R.generation + 1,
        attempts=R.attempts + 1,
        lease_until=bindparam("end", type_=Instant()),
    )
)
_UNTAKEN = delete(batch).where(batch.c.id.in_(select(R.id).where(_MINE, R.state != "claimed")))
_KNOWN = (
    update(CRM_RECORD)
    .where(R.id.in_(bindparam("ids", expanding=True)))
    .values(state="told", owner="", lease_until=None, attempts=0, reason="nothing new to tell")
)
_SENT = (
    update(CRM_RECORD)
    .where(R.id == bindparam("ref"))
    .values(
        sent=bindparam("echoes", type_=Document),
        handoff_id=bindparam("handoff"),
        ended=case((bindparam("moved", type_=Boolean()), False), else_=R.ended),
        refs=bindparam("names", type_=Document),
        **{
            name: case((bindparam("moved", type_=Boolean()), ""), else_=R[name])
            for name in ("crm_owner", "crm_stage", "known_rep", "known_state")
        },
    )
)


def _keep_sent(session: Session, taken: Sequence[Taken]) -> None:
    """Note which handoff the CRM hears of, whether or not an answer comes, and what it will say as
    if it were its own."""
    rows = [
        {
            "ref": each.id, "echoes": each.sent, "handoff": each.handoff_id, "moved": each.moved,
            "names": dict(each.card.refs),
        }
        for each in taken
        if each.card.deal is not None
    ]  # fmt: skip
    if rows:
        session.connection().execute(_SENT, rows)


def _next_push() -> Select[tuple[datetime]]:
    """The earliest instant a record may be pushed: none while enough are in hand, or there is no
    CRM, or while it has to be looked at first; when one that is out of order is tried next."""
    other = CRM_RECORD.alias("held")
    in_hand = select(func.count()).select_from(other).where(among(other.c.state, ("claimed",)))
    first = select(func.min(R.due_at)).where(DUE, may_be_told()).scalar_subquery()
    at = case(
        (CRM.c.probe_at.is_not(None), Greatest(CRM.c.probe_at, first)), else_=first
    )
    room = in_hand.scalar_subquery() < case((CRM.c.down_since.is_not(None), 1), else_=MOST)
    waits = exists().where(DUE, may_be_told())
    return select(func.min(at, type_=Instant())).select_from(CRM).where(room, waits)


QUESTIONS: tuple[Question, ...] = (
    select(case((exists().select_from(CRM_MARK).where(CRM_MARK.c.id > literal(0)), NOW))),
    _next_push(),
    select(func.min(R.lease_until, type_=Instant())).where(CLAIMED),
)
"""The earliest instant there are marks to take in, a record to push, and a dead sender's lease."""
