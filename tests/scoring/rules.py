"""Rules, leads and ticks for the tests of scoring."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.files.scoring import Scoring
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.scoring.rescore import rescore
from tests.conditions.people import definitions
from tests.fixtures_ledger import NOW, kept, make_engagement

ENTRY = table_of(t.ScoreEntry).c
PRICING = {"rule": "pricing", "when": {"event": "page_viewed", "where": {"url": "/pricing"}},
           "points": 8, "reason": "viewed the pricing page"}  # fmt: skip
FORM = {"rule": "form", "when": {"event": "form_submitted"}, "points": 20, "half_life": "10 days"}
GERMAN = {"rule": "german", "when": {"country": "DE"}, "points": 15}
HOT = {"threshold": "hot", "at": 50, "rearm": 10}


def scoring(
    *behaviour: dict[str, Any],
    fit: tuple[dict[str, Any], ...] = (),
    thresholds: tuple[dict[str, Any], ...] = (),
    zone: str = "UTC",
) -> Definitions:
    """Definitions with these rules, read as from scoring.yaml."""
    written = {"behaviour": behaviour, "fit": fit, "thresholds": thresholds}
    return definitions(Scoring.model_validate(written), zone=zone)


def viewed(session: Session, lead: t.Lead, at: datetime = NOW, **values: Any) -> t.Engagement:
    """A look at the pricing page that a tick has not seen."""
    values.setdefault("key", f"{lead.id}-{at.timestamp()}-{next(_numbers)}")
    values.setdefault("properties", {"url": "/pricing"})
    engagement = make_engagement(session, lead, occurred_at=at, **values)
    session.add(t.Touch(lead_id=lead.id, engagement_id=engagement.id))
    session.flush()
    return engagement


_numbers = iter(range(10**9))


def touched(session: Session, lead: t.Lead) -> None:
    """A change of the lead that a tick has not seen."""
    kept(session, t.Touch(lead_id=lead.id))


def tick(session: Session, rules: Definitions, *, now: datetime = NOW) -> Tally:
    """Claim every waiting touch for a tick of its own and rescore."""
    number = claim(session, now=now)
    tally = rescore(session, rules, tick=number, now=now)
    session.expire_all()
    return tally


def claim(session: Session, *, now: datetime = NOW) -> int:
    """A tick that holds every waiting touch."""
    made = kept(session, t.Tick(now=now, owner="test"))
    touch = table_of(t.Touch)
    session.execute(
        touch.update().where(touch.c.tick_id.is_(None)).values(tick_id=made.id)
    )
    return int(made.id)


def points(session: Session, lead: t.Lead) -> list[float]:
    """The points of the lead's standing entries, oldest first."""
    return list(
        session.execute(
            select(ENTRY.points)
            .where(ENTRY.lead_id == lead.id, ENTRY.withdrawn_at.is_(None))
            .order_by(ENTRY.at, ENTRY.id)
        ).scalars()
    )


def snapshot(session: Session) -> dict[str, list[Any]]:
    """Every row that scoring writes."""
    found = {}
    for model in (t.ScoreEntry, t.Episode, t.Change, t.Lead):
        table = table_of(model)
        rows = session.execute(select(table).order_by(table.c.id)).all()
        found[table.name] = [tuple(row) for row in rows]
    return found


def count(session: Session, model: type[Any]) -> int:
    """How many rows a table has."""
    return int(session.execute(select(func.count()).select_from(table_of(model))).scalar_one())
