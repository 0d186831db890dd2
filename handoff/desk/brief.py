"""What a rep needs to know of a lead before calling: the facts behind a notice and a page.

A few queries for all notices of a batch; values are plain, as templates want them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlmodel import Session

from handoff.tables import HANDOFF, LEAD, MESSAGE
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.sql.predicates import predicate
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch, fill, filling
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.worth import score_of
from nurture.scoring.explain import told

ENGAGEMENT = table_of(t.Engagement)
LATEST = 12
SENTENCES = 5
_WHO = select(batch.c.lead_id).distinct()
_ABOUT = (
    "first_name", "last_name", "email", "company", "job_title", "phone", "country", "language",
    "attributes", "timezone",
)  # fmt: skip


def leads(
    session: Session, definitions: Definitions, *, now: datetime
) -> dict[int, dict[str, Any]]:
    """By number of the leads in `batch`: `lead`, `score`, `timeline`, `read`, `opening_line`."""
    rows = session.execute(_facts(definitions), {"now": now}).mappings()
    said = [each.say for each in definitions.handoff.openings] if definitions.handoff else []
    why = told(session, _WHO, now=now, most=SENTENCES)
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        zone = ZoneInfo(row["timezone"] or definitions.workspace.zone)
        found[row["id"]] = {
            "lead": _lead(row, now.astimezone(zone)),
            "score": {"total": float(row["score"]), "sentences": list(why.get(row["id"], ()))},
            "timeline": [],
            "read": [],
            "opening_line": said[row["line"]] if row["line"] >= 0 else "",
        }
    _remember(session, found, definitions, now=now)
    return found


def lead_of(
    session: Session, definitions: Definitions, handoff: int, *, now: datetime
) -> dict[str, Any]:
    """The same of the lead of one handoff; it has to be there."""
    fill(session, filling(select(HANDOFF.c.id, HANDOFF.c.lead_id).where(HANDOFF.c.id == handoff)))
    (facts,) = leads(session, definitions, now=now).values()
    return facts


@once
def _facts(definitions: Definitions) -> Select[Any]:
    """What is known of the leads, their score, and which opening line is theirs."""
    score, line = score_of(LEAD.c.id, now=NOW), _opening(definitions)
    return (
        select(LEAD.c.id, *(LEAD.c[name] for name in _ABOUT))
        .add_columns(score.label("score"), line.label("line"))
        .where(LEAD.c.id.in_(_WHO))
    )


def _opening(definitions: Definitions) -> ColumnElement[int]:
    """The number of the first opening line whose condition holds, -1 for none."""
    lines = definitions.handoff.openings if definitions.handoff else ()
    held = []
    last = -1
    for number, each in enumerate(lines):
        if each.when is None:
            last = number
            break
        holds = predicate(each.when, lead=LEAD.c, definitions=definitions, now=NOW)
        held.append((holds, literal(number)))
    return case(*held, else_=literal(last)) if held else literal(last)


def _lead(row: Any, local: datetime) -> dict[str, Any]:
    name = f"{row['first_name']} {row['last_name']}".strip()
    values = {key: row[key] or "" for key in _ABOUT if key not in ("attributes", "timezone")}
    known = row["attributes"] or {}
    attributes = [(key, str(value)) for key, value in sorted(known.items()) if value is not None]
    return values | {
        "name": name,
        "local_time": f"{local:%H:%M}",
        "attributes": [list(pair) for pair in attributes],
    }


@lru_cache(maxsize=1)
def _latest() -> Select[Any]:
    e = ENGAGEMENT.c
    rank = func.row_number().over(partition_by=e.lead_id, order_by=(e.occurred_at.desc(), e.id))
    ranked = (
        select(e.id, rank.label("rank"))
        .where(e.lead_id.in_(_WHO), e.occurred_at <= NOW, e.withdrawn_at.is_(None))
        .subquery()
    )
    return (
        select(e.lead_id, e.occurred_at, e.kind, e.properties, MESSAGE.c.subject)
        .join(ranked, ranked.c.id == e.id)
        .outerjoin(MESSAGE, MESSAGE.c.id == e.message_id)
        .where(ranked.c.rank <= LATEST)
        .order_by(e.lead_id, ranked.c.rank)
    )


def _remember(
    session: Session, found: dict[int, dict[str, Any]], definitions: Definitions, *, now: datetime
) -> None:
    """The latest engagements, newest first, and what was read among them."""
    rows = session.execute(_latest(), {"now": now})
    zone = ZoneInfo(definitions.workspace.zone)
    for lead, at, kind, properties, subject in rows:
        about = _about(properties or {}, subject)
        local = at.astimezone(zone)
        text = f"{kind.replace('_', ' ')}{': ' if about else ''}{about}"
        when = f"{local.day} {local:%b %H:%M}"
        found[lead]["timeline"].append({"at": when, "text": text})
        read = kind in ("page_viewed", "email_clicked", "email_opened")
        if read and about and about not in found[lead]["read"]:
            found[lead]["read"].append(about)


def _about(properties: Any, subject: str | None) -> str:
    if subject:
        return subject
    for name in ("url", "form", "title", "name", "email"):
        if properties.get(name):
            return str(properties[name])
    return ""


def clock_due(
    handoff: ColumnElement[Any], generation: ColumnElement[Any], columns: Sequence[str]
) -> list[ColumnElement[Any]]:
    """Columns of the clock a notice is about: the nearest one unmet, else the nearest."""
    own = table_of(t.Clock).alias("about")
    unmet = and_(own.c.met_at.is_(None), own.c.stopped_at.is_(None))
    picked = (
        select(own.c.id)
        .where(own.c.handoff_id == handoff, own.c.generation == generation)
        .order_by(case((unmet, 0), else_=1), own.c.due_at)
        .limit(1)
        .correlate_except(own)
        .scalar_subquery()
    )
    clock = table_of(t.Clock).alias("picked")
    return [
        select(clock.c[name]).where(clock.c.id == picked).correlate_except(clock).scalar_subquery()
        for name in columns
    ]
