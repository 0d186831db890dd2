"""A copy of a ledger hears what happens to leads: what comes from outside, not what the engine did.

What is new of leads since the copy was made is known by their echoes (`t.Echo`).  Engagements are
taken in as at the door; of fields and consent the later word holds, be it the world's or the
copy's own.  Everything may be heard twice and counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, exists, func, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.copies.copying import OF_ITS_HISTORY, stored
from nurture.ledger.intake.arrivals import adopt_parked, take, withdraw_engagement
from nurture.ledger.intake.incoming import CALLS, OWN, OwnEngagement
from nurture.ledger.intake.lead_rows import LeadRow
from nurture.ledger.intake.putting import KEPT, put_leads
from nurture.ledger.statements import bulk, upsert
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

MOST = 5_000
"""Echoes heard in one transaction."""
ALWAYS = timedelta(days=3_650)
"""What was taken in once is taken again, however far ahead its source is."""
HEARD = "heard"
"""How the news are counted, and why a lead of the copy changed."""

L, E, M, C, TAG, CONSENT, BARRED, ECHO, PAUSE = (
    table_of(each).c
    for each in (t.Lead, t.Engagement, t.Message, t.Change, t.LeadTag, t.Consent, t.Suppression,
                 t.Echo, t.Pause)
)  # fmt: skip
_ECHOES = select(ECHO.id, ECHO.lead_id, ECHO.engagement_id).order_by(ECHO.id).limit(MOST)
_ANY = select(exists().select_from(table_of(t.Echo)))
_KNOWN = select(L.id).where(in_given(L.id, "leads"))
_NEW = [column for column in table_of(t.Lead).columns if column.name not in OF_ITS_HISTORY]
_LEADS = select(*_NEW).where(in_given(L.id, "leads")).order_by(L.id)
_TAGS = select(TAG.lead_id, TAG.tag, TAG.reason).where(in_given(TAG.lead_id, "leads"))
_HAPPENED = (
    select(E.source, E.key, E.kind, E.lead_id, E.occurred_at, E.properties, M.template)
    .outerjoin_from(table_of(t.Engagement), table_of(t.Message), M.id == E.message_id)
    .where(in_given(E.id, "engagements"), E.lead_id.is_not(None))
    .where(~and_(E.source == OWN, E.key.startswith(CALLS)))  # the copy has calls of its own
    .order_by(E.id)
)
_WITHDRAWN = select(E.source, E.key).where(
    in_given(E.lead_id, "leads"), E.withdrawn_at.is_not(None)
)
_STANDING = select(E.source, E.key, E.id).where(
    in_given(E.lead_id, "leads"), E.withdrawn_at.is_(None)
)
_SENT = (
    select(M.lead_id, M.template, func.max(M.id))
    .where(in_given(M.lead_id, "leads"), M.kind == "nurture", M.state == "sent")
    .group_by(M.lead_id, M.template)
)
_CHANGED = (
    select(C.lead_id, C.field, func.max(C.at, type_=Instant()))
    .where(in_given(C.lead_id, "leads"))
    .group_by(C.lead_id, C.field)
)
_TOLD = _CHANGED.where(C.path == "")
"""Changes no step and no rule made."""
_CONSENT = select(*CONSENT).where(in_given(CONSENT.lead_id, "leads"))
_BARRED = (
    select(*BARRED)
    .join_from(table_of(t.Suppression), table_of(t.Lead), L.email_key == BARRED.email_key)
    .where(in_given(L.id, "leads"))
)


@dataclass(frozen=True)
class News:
    """What is new: up to which echo, of which leads, and their engagements."""

    upto: int
    leads: tuple[int, ...]
    changed: tuple[int, ...]
    engagements: tuple[int, ...]


def waiting(session: Session) -> bool:
    """Whether something is new that the copy has not heard."""
    return bool(session.execute(_ANY).scalar())


def listen(session: Session) -> News | None:
    """The oldest echoes, None when all was heard."""
    rows = session.execute(_ECHOES).all()
    if not rows:
        return None
    return News(
        upto=rows[-1].id,
        leads=tuple(sorted({row.lead_id for row in rows})),
        changed=tuple(sorted({row.lead_id for row in rows if row.engagement_id is None})),
        engagements=tuple(sorted({row.engagement_id for row in rows if row.engagement_id})),
    )


def forget(session: Session, heard: News) -> None:
    """Drop the echoes that were heard."""
    session.execute(delete(t.Echo).where(ECHO.id <= heard.upto))


def hear(
    source: Session, target: Session, told: News, *, sequences: Collection[str], now: datetime
) -> Tally:
    """Bring the news of `source` to the copy, whose leads have the same numbers, and touch them.

    Tags a step of one of the `sequences` gave are the engine's own doing and stay behind.
    Statements grow with batches of news alone, but for engagements taken back.
    """
    given = {"leads": told.leads}
    _newcomers(source, target, told.leads)
    _changes(source, target, told.leads, sequences, now=now)
    _allowed(source, target, told.leads)
    done = take(
        target, list(_happened(source, target, told)), now=now, create_leads=False, skew=ALWAYS
    )
    if taken_back := set(map(tuple, source.execute(_WITHDRAWN, given))):
        for name, key, number in target.execute(_STANDING, given).all():
            if (name, key) in taken_back:
                withdraw_engagement(target, number, reason=HEARD, now=now)
    _pauses(source, target)
    bulk.insert_all(target, t.Touch, ("lead_id",), [(lead,) for lead in told.changed])
    return Tally.of(HEARD, done.accepted + len(told.changed))


def _newcomers(source: Session, target: Session, leads: Sequence[int]) -> None:
    """Leads the copy does not have, under their own numbers, with what was parked for them."""
    known = set(target.execute(_KNOWN, {"leads": leads}).scalars())
    new = [lead for lead in leads if lead not in known]
    if not new:
        return
    rows = [tuple(map(stored, row)) for row in source.execute(_LEADS, {"leads": new})]
    bulk.insert_all(target, t.Lead, [column.name for column in _NEW], rows)
    adopt_parked(target, select(L.id).where(L.id.in_(new)))


def _changes(
    source: Session, target: Session, leads: Sequence[int], sequences: Collection[str], *,
    now: datetime,
) -> None:  # fmt: skip
    """Fields and tags somebody wrote, where the copy has not written a field later itself."""
    given = {"leads": leads}
    own = {(lead, field): at for lead, field, at in target.execute(_CHANGED, given)}
    fields: dict[int, list[str]] = {lead: [] for lead in leads}
    for lead, field, at in source.execute(_TOLD, given):
        if (lead, field) not in own or own[lead, field] < at:
            fields[lead].append(field)
    have = {(lead, tag) for lead, tag, _ in target.execute(_TAGS, given)}
    tags: dict[int, list[str]] = {lead: [] for lead in leads}
    for lead, tag, reason in source.execute(_TAGS, given):
        if (lead, tag) not in have and reason.partition("/")[0] not in sequences:
            tags[lead].append(tag)
    concerned = [lead for lead in leads if fields[lead] or tags[lead]]
    rows = [
        LeadRow(
            email=row.email,
            external_id=row.external_id,
            fields={name: getattr(row, name) for name in fields[row.id] if name in KEPT[2:]},
            attributes={
                name: row.attributes[name] for name in fields[row.id] if name in row.attributes
            },
            tags=tuple(tags[row.id]),
        )
        for row in source.execute(_LEADS, {"leads": concerned})
    ]
    put_leads(target, rows, now=now, reason=HEARD)


def _allowed(source: Session, target: Session, leads: Sequence[int]) -> None:
    """What leads said about topics, where the copy knows nothing later, and barred addresses."""
    given = {"leads": leads}
    own = {(row.lead_id, row.topic): row.decided_at for row in target.execute(_CONSENT, given)}
    said = [
        dict(row)
        for row in source.execute(_CONSENT, given).mappings()
        if own.get((row["lead_id"], row["topic"]), row["decided_at"]) <= row["decided_at"]
    ]
    if said:
        upsert.upsert_values(target, t.Consent, ("lead_id", "topic"), said)
    barred = [dict(row) for row in source.execute(_BARRED, given).mappings()]
    if barred:
        upsert.insert_new_values(target, t.Suppression, barred)
    free = {row.email_key for row in target.execute(_BARRED, given)}
    if lifted := free - {row["email_key"] for row in barred}:
        target.execute(
            delete(t.Suppression).where(BARRED.email_key.in_(lifted), BARRED.kind == "unsubscribed")
        )


def _happened(source: Session, target: Session, told: News) -> Iterator[OwnEngagement]:
    """The engagements, each about the copy's own mail of that name to the lead, if it sent one."""
    if not told.engagements:
        return
    sent = {(lead, name): mail for lead, name, mail in target.execute(_SENT, {"leads": told.leads})}
    rows: Select[tuple[object, ...]] = _HAPPENED
    for row in source.execute(rows, {"engagements": told.engagements}):
        yield OwnEngagement.model_construct(
            source=row.source, key=row.key, kind=row.kind, lead_id=row.lead_id, lead="",
            occurred_at=row.occurred_at, properties=row.properties,
            message_id=sent.get((row.lead_id, row.template)),
        )  # fmt: skip


def _pauses(source: Session, target: Session) -> None:
    """The same sequences stand still."""
    said = [dict(row) for row in source.execute(select(*PAUSE)).mappings()]
    target.execute(delete(t.Pause).where(PAUSE.sequence.not_in([row["sequence"] for row in said])))
    if said:
        upsert.insert_new_values(target, t.Pause, said)
