"""How things stand with the CRM, for people: what waits, was told or refused, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Table, func, select
from sqlmodel import Session

from handoff.crm.cards import owners
from handoff.crm.keeping import NAME, model_of
from handoff.tables import CRM_CHANGE, CRM_MARK, CRM_RECORD, LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t

MOST = 50
"""Refused leads, and names nobody has, that are listed."""
R = CRM_RECORD.c


@dataclass(frozen=True)
class Refused:
    """A lead the CRM refused, and why."""

    lead: str
    reason: str


@dataclass(frozen=True)
class Overview:
    """The CRM and what became of leads there; `records` counts them by state, `marked` are those
    that changed since.  `unnamed` are reps with no name there, `unknown` names of it nobody has."""

    system: str
    url: str
    records: Mapping[str, int]
    marked: int
    told_at: datetime | None
    down_since: datetime | None
    reason: str
    pulled_at: datetime | None
    pull_at: datetime | None
    pull_reason: str
    changes: int
    refused: list[Refused] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def overview(session: Session, definitions: Definitions) -> Overview | None:
    """How it stands; None without `crm:` in what is applied."""
    model, row = model_of(definitions), session.get(t.Crm, NAME)
    if model is None or row is None or definitions.handoff is None:
        return None
    counts = select(R.state, func.count()).group_by(R.state).order_by(R.state)
    named = owners(definitions, model)
    teams = definitions.handoff.teams.values()
    return Overview(
        system=model.system,
        url=model.url or "",
        records=dict(map(tuple, session.execute(counts))),
        marked=_count(session, CRM_MARK),
        told_at=session.execute(select(func.max(R.told_at, type_=R.told_at.type))).scalar(),
        down_since=row.down_since,
        reason=row.reason,
        pulled_at=row.pulled_at,
        pull_at=row.pull_at,
        pull_reason=row.pull_reason,
        changes=_count(session, CRM_CHANGE),
        refused=_refused(session),
        unnamed=sorted({rep.rep for team in teams for rep in team.reps} - named.keys()),
        unknown=_unknown(session, set(named.values())),
    )


def _count(session: Session, table: Table) -> int:
    return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def _refused(session: Session) -> list[Refused]:
    name = func.coalesce(LEAD.c.email, "id:" + LEAD.c.external_id, "")
    rows = (
        select(name, R.reason)
        .join(LEAD, LEAD.c.id == R.lead_id)
        .where(R.state == "failed")
        .order_by(R.id)
        .limit(MOST)
    )
    return [Refused(*row) for row in session.execute(rows)]


def _unknown(session: Session, known: set[str]) -> list[str]:
    """Names in what the CRM said lately that nobody has, the latest first."""
    said = CRM_CHANGE.c.unknown
    rows = (
        select(said)
        .where(said != "")
        .group_by(said)
        .order_by(func.max(CRM_CHANGE.c.at).desc())
        .limit(MOST)
    )
    return [name for name in session.execute(rows).scalars() if name not in known]
