"""The CRM is looked at before it is told of a deal it knows: what sales did there comes first.

So our word goes over theirs only where they wrote it in the moments between the look and the push.
One that is not asked, but calls us, is told at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from handoff.tables import CRM, CRM_RECORD
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.extremes import Greatest, Least
from nurture.ledger.statements.plans import among
from nurture.ledger.types import Duration, Instant

FRESH = timedelta(minutes=1)
"""So long after a look a deal that is known there may be told of."""
BETWEEN = timedelta(seconds=15)
"""Looks for the sake of what waits to be told are so far apart."""
R, C = CRM_RECORD.c, CRM.c
_KNOWN = and_(among(R.state, ("due",)), R.handoff_id.is_not(None))


def may_be_told() -> ColumnElement[bool]:
    """The record is new to the CRM, or the CRM was looked at since the record became due."""
    looked = and_(C.pulled_at >= R.due_at, C.pulled_at > NOW - literal(FRESH, Duration()))
    seen = select(literal(1)).select_from(CRM).where(or_(C.pull_at.is_(None), looked))
    return or_(R.handoff_id.is_(None), seen.correlate(CRM_RECORD).exists())


def look_at() -> ColumnElement[Any]:
    """When the CRM of a row is to be looked at next: as planned, or sooner for what waits to be
    told; after a look that failed as planned."""
    waits = select(func.min(R.due_at, type_=Instant())).where(_KNOWN).scalar_subquery()
    again = func.coalesce(C.pulled_at + literal(BETWEEN, Duration()), 0)
    soon = Least(C.pull_at, Greatest(waits, again, func.coalesce(C.probe_at, 0)))
    sooner = and_(C.pull_failures == 0, waits.is_not(None))
    return case((sooner, soon), else_=C.pull_at)
