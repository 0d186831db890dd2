"""What a call says: a JSON document of the lead as it is at the first try, sent at every one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from nurture.language.grammar.vocabulary import LEAD_FIELDS
from nurture.ledger import tables as t
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.bulk import document
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.worth import score_of
from nurture.webhooks.claim import CALL, ENROLMENT, LEAD, C
from nurture.webhooks.signing import number_of

TAG = table_of(t.LeadTag).c
TYPE = "lead.reached_webhook"
FIELDS = tuple(name for name in LEAD_FIELDS if name != "created_at")
COLUMNS = (
    "id", "generation", "attempts", "retry", "lead_id", "enrolment_id", "name", "url", "host",
    "path", "planned_at", "settled_at",
)  # fmt: skip


@dataclass(frozen=True)
class Claimed:
    """A claimed call: what is called, and what decides what becomes of it.

    `settled_at` is when it was given up, of one that is made once more.
    """

    id: int
    generation: int
    attempts: int
    retry: int
    lead_id: int
    enrolment_id: int
    name: str
    url: str
    host: str
    path: str
    planned_at: datetime
    settled_at: datetime | None
    sequence: str
    number: str
    body: str


def claimed(session: Session, *, owner: str, now: datetime) -> list[Claimed]:
    """The working set's calls that this owner claimed, the longest due first, each with its body:
    written and kept if it has none yet."""
    rows = session.execute(
        select(*(C[name] for name in COLUMNS), ENROLMENT.sequence, C.step, C.body)
        .join(batch, batch.c.id == C.id)
        .join(table_of(t.Enrolment), ENROLMENT.id == C.enrolment_id)
        .where(C.state == "claimed", C.owner == owner)
        .order_by(C.due_at, C.id)
    ).all()
    bare = [row for row in rows if row.body is None]
    written = _written(session, bare, now=now) if bare else {}
    if written:
        keep = update(CALL).where(C.id == bindparam("ref")).values(body=bindparam("said"))
        kept = [{"ref": number, "said": body} for number, body in written.items()]
        session.connection().execute(keep, kept)
    return [
        Claimed(
            **{name: getattr(row, name) for name in (*COLUMNS, "sequence")},
            number=number_of(row.enrolment_id, row.step, row.planned_at),
            body=row.body if row.body is not None else written[row.id],
        )
        for row in rows
    ]


def _written(session: Session, rows: Sequence[Any], *, now: datetime) -> dict[int, str]:
    who = select(batch.c.lead_id)
    fields = [LEAD[name] for name in FIELDS]
    found = session.execute(
        select(LEAD.id, LEAD.lifecycle, LEAD.attributes, score_of(LEAD.id, now=now), *fields).where(
            LEAD.id.in_(who)
        )
    )
    leads = {lead: _lead(lead, *rest) for lead, *rest in found}
    tags: defaultdict[int, list[str]] = defaultdict(list)
    carried = select(TAG.lead_id, TAG.tag).where(TAG.lead_id.in_(who)).order_by(TAG.tag)
    for lead, tag in session.execute(carried):
        tags[lead].append(tag)
    return {
        row.id: document({
            "type": TYPE,
            "timestamp": row.planned_at.isoformat(),
            "data": {
                "webhook": row.name,
                "sequence": row.sequence,
                "step": row.path,
                "lead": leads[row.lead_id] | {"tags": tags[row.lead_id]},
            },
        })
        for row in rows
    }  # fmt: skip


def _lead(
    number: int, lifecycle: str, attributes: dict[str, Any], score: float, *values: Any
) -> dict[str, Any]:
    return {
        "id": number,
        **{name: value or None for name, value in zip(FIELDS, values, strict=True)},
        "lifecycle": lifecycle,
        "score": round(float(score), 1),
        "fields": {name: value for name, value in attributes.items() if value is not None},
    }
