"""The pass that keeps the score ledger: engagements and fields become points, points become
behaviour and fit, and crossings of the line open episodes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Update, func, select, update
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, TICK
from nurture.ledger.statements.batches import SIZE, batch
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.ledger.worth import scores
from nurture.scoring import behaviour, episodes, fit
from nurture.scoring.visit import EPISODE, LEAD, TOUCH, Visit


def rescore(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """Bring the score of the tick's touched leads, and what follows from it, up to `now`.

    Afterwards the ledger holds an entry for each (new engagement, behaviour rule) that meet and
    for each fit rule that holds; `lead.behaviour` and `fit` are sums as of `now`; thresholds
    crossed have their episode and the lead its lifecycle.  Open episodes whose `recheck_at` has
    come are closed if their lead's points have faded below the re-arm mark, touched or not, at
    most 20,000 a call (`more`).

    Done twice, or by two processes at once, it leaves the same rows: the leads are locked for
    the transaction.  Its statements grow with rules and thresholds, never with leads.
    """
    visit = Visit(session, tick, now, definitions)
    tally = Tally()
    if visit.fill(_TOUCHED):
        tally += behaviour.give(visit)
        tally += fit.judge(visit)
        visit.run(_SUMS)
        tally += episodes.cross(visit)
    return tally + _fade(visit)


def next_due(session: Session) -> datetime | None:
    """The next instant at which fading points may close an episode, None when nothing fades."""
    found: datetime | None = session.execute(NEXT_FADING).scalar()
    return found


def _fade(visit: Visit) -> Tally:
    """Look at the episodes whose time has come."""
    count = visit.fill(_FADING)
    if not count:
        return Tally()
    visit.run(_SUMS)
    return episodes.rearm(visit) + Tally(more=count == SIZE)


def _locked(lead_ids: Select[Any]) -> Select[tuple[int, int]]:
    """In the order of their numbers, so that two processes wait for each other, not in a ring."""
    leads = select(LEAD.c.id, LEAD.c.id.label("lead_id")).where(LEAD.c.id.in_(lead_ids))
    return leads.order_by(LEAD.c.id).with_for_update(of=LEAD, key_share=True)


def _sums() -> Update:
    """Write the leads' sums as of `now`."""
    own = scores(batch, batch.c.id, now=NOW).c
    return (
        update(LEAD)
        .where(LEAD.c.id == own.lead_id)
        .values(behaviour=own.behaviour, fit=own.fit, scored_at=NOW)
    )


_SUMS = _sums()
_TOUCHED = batches.filling(_locked(select(TOUCH.lead_id).where(TOUCH.tick_id == TICK)))
_FADING = batches.filling(
    _locked(
        select(EPISODE.c.lead_id)
        .where(EPISODE.c.closed_at.is_(None), EPISODE.c.recheck_at <= NOW)
        .order_by(EPISODE.c.recheck_at)
        .limit(SIZE)
    )
)
NEXT_FADING = select(func.min(EPISODE.c.recheck_at, type_=Instant())).where(
    EPISODE.c.closed_at.is_(None), EPISODE.c.recheck_at.is_not(None)
)
