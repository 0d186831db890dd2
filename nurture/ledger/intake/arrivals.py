"""Engagements come in: in batches, in any order, each once, whether their lead is known or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlmodel import Session, col

from nurture.ledger import news
from nurture.ledger import tables as t
from nurture.ledger.errors import NotFound
from nurture.ledger.intake import gate, optouts
from nurture.ledger.intake.incoming import EXTERNAL, EngagementIn, OwnEngagement, Refusal
from nurture.ledger.statements import bulk, upsert
from nurture.ledger.statements.changed import changed
from nurture.ledger.types import to_micros

__all__ = ["EngagementIn", "IntakeResult", "OwnEngagement", "Refusal", "take"]

SKEW = timedelta(minutes=5)
NEW_LEAD = "lead"
"""The lifecycle of a lead an engagement created."""


@dataclass(frozen=True)
class IntakeResult:
    """What became of a batch; each engagement is counted in exactly one of the four.

    `accepted`: new, of a known lead.  `duplicates`: this (source, key) was here before.
    `parked`: new, of a lead we do not know yet.  `refused`: why, by position in the batch.
    """

    accepted: int
    duplicates: int
    parked: int
    refused: list[Refusal]


def take(
    session: Session,
    engagements: Sequence[EngagementIn],
    *,
    now: datetime,
    create_leads: bool,
    skew: timedelta = SKEW,
) -> IntakeResult:
    """Write the engagements that are new, and a touch for each of a known lead.

    An unknown address becomes a lead when `create_leads`; otherwise, and for unknown external
    ids, the row is parked until the lead comes.  One dated more than `skew` after `now` is refused.
    The number of statements does not depend on the number of engagements.
    """
    refused = _from_the_future(engagements, now + skew)
    late = {refusal.position for refusal in refused}
    taken = [
        (e if isinstance(e, OwnEngagement) else e.identity, e)
        for index, e in enumerate(engagements)
        if index not in late
    ]
    known = _known_leads(session, {who for who, _ in taken if isinstance(who, str)})
    unknown: dict[str, str] = {}
    for who, e in taken:
        if isinstance(who, str) and who not in known:
            unknown.setdefault(who, e.lead)
    if unknown:
        known |= _again(session, unknown, now=now, create_leads=create_leads)
    fresh = _write(session, taken, known, now)
    touched = [(lead, key) for key, lead in fresh if lead is not None]
    bulk.insert_all(session, t.Touch, ("lead_id", "engagement_id"), touched)
    if touched:
        news.tell(session)
    if touched and any(e.kind in optouts.KINDS for _, e in taken):
        optouts.heed(session, [key for _, key in touched])
    parked = len(fresh) - len(touched)
    return IntakeResult(len(touched), len(taken) - len(fresh), parked, refused)


def _from_the_future(engagements: Sequence[EngagementIn], latest: datetime) -> list[Refusal]:
    allowed = f"an instant up to {latest.isoformat(timespec='seconds')}"
    problem = "lies in the future"
    return [
        Refusal(index, "occurred_at", problem, allowed)
        for index, engagement in enumerate(engagements)
        if engagement.occurred_at > latest
    ]


def _again(
    session: Session, unknown: Mapping[str, str], *, now: datetime, create_leads: bool
) -> dict[str, int]:
    """Behind the gate: make the leads we may make, and look once more before parking."""
    addresses = {key: lead for key, lead in unknown.items() if not key.startswith(EXTERNAL)}
    if create_leads and addresses:
        gate.close(session)
        at = to_micros(now)
        rows = [(lead, key, NEW_LEAD, at, at) for key, lead in addresses.items()]
        columns = ("email", "email_key", "lifecycle", "created_at", "updated_at")
        bulk.insert_all(session, t.Lead, columns, rows)
    else:
        gate.enter(session)
    return _known_leads(session, unknown)


def _known_leads(session: Session, identities: Collection[str]) -> dict[str, int]:
    """Identity → number of the lead; at most two statements."""
    external = [i[len(EXTERNAL) :] for i in identities if i.startswith(EXTERNAL)]
    addresses = [i for i in identities if not i.startswith(EXTERNAL)]
    known = bulk.numbers_of(session, t.Lead, "email_key", addresses)
    for key, number in bulk.numbers_of(session, t.Lead, "external_id", external).items():
        known[EXTERNAL + key] = number
    return known


COLUMNS = (
    "source",
    "key",
    "kind",
    "lead_id",
    "identity",
    "message_id",
    "occurred_at",
    "received_at",
    "properties",
)


def _write(
    session: Session,
    taken: Iterable[tuple[str | OwnEngagement, EngagementIn]],
    known: Mapping[str, int],
    now: datetime,
) -> list[tuple[int, int | None]]:
    """Insert what is new; the (number, lead) of each new row."""
    at = to_micros(now)
    rows: list[tuple[Any, ...]] = []
    for who, e in taken:
        if isinstance(who, str):
            lead, identity, mail = known.get(who), who, None
        else:
            lead, identity, mail = who.lead_id, "", who.message_id
        occurred = to_micros(e.occurred_at)
        said = bulk.document(e.properties)
        rows.append((e.source, e.key, e.kind, lead, identity, mail, occurred, at, said))
    written = bulk.insert_returning(session, t.Engagement, COLUMNS, rows, ("id", "lead_id"))
    return [(key, lead) for key, lead in written]


def adopt_parked(session: Session, leads: Select[Any]) -> int:
    """Give the leads of a query of their numbers the engagements parked for them, with a touch
    each; returns how many.  Leans on `engagement_parked`.
    """
    engagement, lead = upsert.table_of(t.Engagement), upsert.table_of(t.Lead)
    parked = engagement.c.lead_id.is_(None)
    if session.execute(select(engagement.c.id).where(parked).limit(1)).first() is None:
        return 0
    adopted: list[tuple[Any, ...]] = []
    for identity in (lead.c.email_key, EXTERNAL + lead.c.external_id):
        statement = (
            update(engagement)
            .where(parked, engagement.c.identity == identity, lead.c.id.in_(leads))
            .values(lead_id=lead.c.id)
            .returning(engagement.c.lead_id, engagement.c.id, engagement.c.kind)
        )
        adopted += [tuple(row) for row in session.execute(statement)]
    touched = [(lead_id, number) for lead_id, number, _ in adopted]
    bulk.insert_all(session, t.Touch, ("lead_id", "engagement_id"), touched)
    told = [number for _, number, kind in adopted if kind in optouts.KINDS]
    if told:
        optouts.heed(session, told)
    return len(adopted)


def count_parked(session: Session) -> int:
    """How many engagements wait for their lead."""
    waiting = select(func.count()).where(col(t.Engagement.lead_id).is_(None))
    return int(session.execute(waiting).scalar_one())


def withdraw_engagement(session: Session, engagement_id: int, *, reason: str, now: datetime) -> int:
    """Take back an engagement (a bot's, a merged or erased lead's) and exactly the points it gave.

    The row stays, marked withdrawn; its score entries are marked with the reason, a touch still
    waiting for it is dropped, and its lead is touched.  Returns the entries withdrawn; repeating
    changes nothing.  Raises NotFound.
    """
    engagement = session.get(t.Engagement, engagement_id)
    if engagement is None:
        raise NotFound(f"There is no engagement {engagement_id}")
    if engagement.withdrawn_at is not None:
        return 0
    engagement.withdrawn_at = now
    session.flush()
    entries = changed(
        session,
        update(t.ScoreEntry)
        .where(
            col(t.ScoreEntry.engagement_id) == engagement_id,
            col(t.ScoreEntry.withdrawn_at).is_(None),
        )
        .values(withdrawn_at=now, withdrawn_reason=reason)
        .execution_options(synchronize_session=False),
    )
    session.execute(delete(t.Touch).where(col(t.Touch.engagement_id) == engagement_id))
    if engagement.lead_id is not None:
        session.add(t.Touch(lead_id=engagement.lead_id))
        session.flush()
    return entries
