"""Past deadlines judged anew by corrected calendars: kept beside what was judged, nothing fires.

The key of a calendar names its content, so a correction is a new key under the same name.  A clock
that has ended is reckoned again by the calendar that bears the name of its own now; the same
calendar gives the same row, however often it is asked.  Clocks that waited for their lead stay as
they were judged: what they waited is known in the time of the old calendar alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, and_, case, func, literal, select, true
from sqlmodel import Session

from handoff.sla.deadlines import due, open_time
from handoff.tables import CLOCK, HANDOFF
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.types import Instant
from nurture.sequences.openings import reach_back

RESTATED = table_of(t.Restatement)
_HOW_MANY = select(func.count()).select_from(RESTATED)
_COLUMNS = ("clock_id", "calendar", "due_at", "took_open", "at")
_END: ColumnElement[Any] = func.coalesce(CLOCK.c.met_at, CLOCK.c.stopped_at, type_=Instant())
_WAITED = func.coalesce(CLOCK.c.held, 0) > 0
_KEPT_THEN, _KEPT_NOW = CLOCK.c.due_at >= _END, RESTATED.c.due_at >= _END


@dataclass(frozen=True)
class Correction:
    """A calendar in a zone that clocks were judged by, and the one of its name now; `first` is
    when the earliest of `clocks` started, `waited` how many of them waited for their lead."""

    was: str
    now: str
    zone: str
    first: datetime
    clocks: int
    waited: int


@dataclass(frozen=True)
class Line:
    """One kind of clock of a team: so many were judged anew, kept then and kept now."""

    team: str
    kind: str
    clocks: int
    then: int
    now: int


@dataclass(frozen=True)
class Turned:
    """A clock whose judgement is another one now."""

    handoff: int
    kind: str
    team: str
    rep: str
    calendar_then: str
    calendar_now: str
    due_then: datetime
    due_now: datetime
    ended_at: datetime
    kept: bool


@dataclass(frozen=True)
class Restated:
    """What became of past deadlines: `new` of the rows were not there before."""

    new: int
    corrections: list[Correction]
    lines: list[Line]
    turned: list[Turned]


def restate(
    session: Session, definitions: Definitions, *, since: datetime, now: datetime, limit: int = 200
) -> Restated:
    """Judge the clocks anew that started at `since` or later and have ended, where the calendar of
    their name is another one now.  A loop over calendars; the same answer each time."""
    found = list(_corrections(session, definitions, since))
    before = session.execute(_HOW_MANY).scalar_one()
    for each in found:
        first = each.first - timedelta(days=1)
        reach_back(session, definitions, (each.now, each.zone), first=first, now=now)
        session.execute(_restating(each, since=since, now=now))
    new = session.execute(_HOW_MANY).scalar_one() - before
    known = [each.now for each in found]
    lines = [Line(*row) for row in session.execute(_lines(known, since))]
    turned = [Turned(*row) for row in session.execute(_turned(known, since).limit(limit))]
    return Restated(new, found, lines, turned)


def _corrections(
    session: Session, definitions: Definitions, since: datetime
) -> Iterator[Correction]:
    """The calendars clocks were judged by that are others now."""
    by_name = {_name(key): key for key, _ in definitions.sales_hours}
    rows = session.execute(
        select(
            CLOCK.c.calendar,
            CLOCK.c.zone,
            func.min(CLOCK.c.started_at, type_=Instant()),
            func.count(),
            func.sum(case((_WAITED, 1), else_=0)),
        )
        .where(_judged(since))
        .group_by(CLOCK.c.calendar, CLOCK.c.zone)
        .order_by(CLOCK.c.calendar, CLOCK.c.zone)
    )
    for was, zone, first, clocks, waited in rows:
        key = by_name.get(_name(was), was)
        if key != was:
            yield Correction(was, key, zone, first, clocks, waited)


def _name(key: str) -> str:
    """The name of a calendar, without the mark of its content."""
    return key.rpartition(" ")[0]


def _judged(since: datetime) -> ColumnElement[bool]:
    return and_(
        CLOCK.c.started_at >= since, _END.is_not(None), CLOCK.c.business,
        CLOCK.c.allowed.is_not(None),
    )  # fmt: skip


def _restating(each: Correction, *, since: datetime, now: datetime) -> Insert:
    mine = and_(
        _judged(since), CLOCK.c.calendar == each.was, CLOCK.c.zone == each.zone, ~_WAITED
    )
    hours, zone = literal(each.now), literal(each.zone)
    keys = select(CLOCK.c.started_at, CLOCK.c.allowed).where(mine).distinct().cte("window_key")
    at = due(keys.c.started_at, keys.c.allowed, true(), hours, zone)
    ends = select(*keys.c, at.label("due_at")).cte("window_end")
    took = open_time(CLOCK.c.started_at, _END, hours, zone)
    rows = (
        select(CLOCK.c.id, hours, ends.c.due_at, took, literal(now, Instant()))
        .join(ends, and_(*(ends.c[key.name] == CLOCK.c[key.name] for key in keys.c)))
        .where(mine)
        .order_by(CLOCK.c.id)
    )
    return insert_new(t.Restatement, _COLUMNS, rows)


def _of(known: list[str], since: datetime, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(RESTATED)
        .join(CLOCK, CLOCK.c.id == RESTATED.c.clock_id)
        .join(HANDOFF, HANDOFF.c.id == CLOCK.c.handoff_id)
        .where(RESTATED.c.calendar.in_(known), _judged(since))
    )


def _lines(known: list[str], since: datetime) -> Select[Any]:
    then, today = (func.sum(case((kept, 1), else_=0)) for kept in (_KEPT_THEN, _KEPT_NOW))
    which = (HANDOFF.c.team, CLOCK.c.kind)
    rows = _of(known, since, *which, func.count(), then, today)
    return rows.group_by(*which).order_by(*which)


def _turned(known: list[str], since: datetime) -> Select[Any]:
    row = (
        HANDOFF.c.id, CLOCK.c.kind, HANDOFF.c.team, CLOCK.c.rep, CLOCK.c.calendar,
        RESTATED.c.calendar.label("calendar_now"), CLOCK.c.due_at,
        RESTATED.c.due_at.label("due_now"), _END, _KEPT_NOW,
    )  # fmt: skip
    return _of(known, since, *row).where(_KEPT_THEN != _KEPT_NOW).order_by(CLOCK.c.id)
