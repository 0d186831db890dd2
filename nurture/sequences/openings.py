"""Windows, calendars and zones as rows: what is open when, computed once and joined by SQL.

`keep_openings` fills `opening` and `zone_offset` for every (hours, zone) in use, half a year
ahead; `nurture.ledger.openings` asks them questions in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
)
from sqlmodel import Session

from nurture.calendar.errors import ZoneUnknown
from nurture.calendar.hours import Calendar
from nurture.calendar.openings import Opening, openings
from nurture.calendar.zones import local_instant, offsets
from nurture.calendar.zones import zone as zone_of
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program
from nurture.ledger import tables as t
from nurture.ledger.localtime import keep_zone_offsets
from nurture.ledger.openings import LOCAL_DAYS
from nurture.ledger.statements import bulk
from nurture.ledger.statements.locks import alone
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant, to_micros

BEHIND = timedelta(days=14)
AHEAD = timedelta(days=182)
REFILL = timedelta(days=140)
"""Rows are added when less than this is left: about every six weeks."""
MOST = timedelta(days=400)
"""Rows that are there stay while they and the new ones span no more: a rehearsal's clock is set
back for every story, and forward again."""

OFFSETS_BEHIND = timedelta(days=5 * 366)
OFFSETS_AHEAD = timedelta(days=10 * 366)
OPENING = table_of(t.Opening).c
OFFSET = table_of(t.ZoneOffset).c
LEAD = table_of(t.Lead).c

Pair = tuple[str, str]
"""The key of some hours and a zone."""
Span = tuple[datetime, datetime]


def lead_zone(definitions: Definitions) -> ColumnElement[str]:
    """The zone of the joined lead: its own, else the workspace's."""
    return func.coalesce(LEAD.timezone, definitions.workspace.zone)


def program_zone(definitions: Definitions, program: Program) -> ColumnElement[Any]:
    """The zone a sequence goes by for the joined lead."""
    named = program.window.zone
    return lead_zone(definitions) if named == "lead" else literal(named)


def zones_of_leads() -> Select[tuple[str]]:
    """Every zone some lead is in, by hopping along the index on `lead.timezone`."""
    first = select(func.min(LEAD.timezone).label("zone")).cte("zone", recursive=True)
    following = (
        select(func.min(LEAD.timezone)).where(LEAD.timezone > first.c.zone).scalar_subquery()
    )
    hops = first.union_all(select(following).where(first.c.zone.is_not(None)))
    return select(hops.c.zone).where(hops.c.zone.is_not(None))


_ZONES_OF_LEADS = zones_of_leads()


def in_use(session: Session, definitions: Definitions) -> tuple[set[str], set[Pair]]:
    """The zones of leads (with the workspace's), and every (hours, zone) mail or sales need."""
    zones = {str(zone) for zone in session.execute(_ZONES_OF_LEADS).scalars()}
    zones.add(definitions.workspace.zone)
    pairs: set[Pair] = {(definitions.waking, zone) for zone in zones if definitions.waking}
    for program in definitions.programs.values():
        if program.window.zone != "lead":
            zones.add(program.window.zone)
        if program.window.hours is not None:
            wanted = zones if program.window.zone == "lead" else {program.window.zone}
            pairs |= {(program.window.hours, zone) for zone in wanted}
    pairs |= definitions.sales_hours
    zones |= {zone for _, zone in definitions.sales_hours}
    pairs |= {(LOCAL_DAYS, zone) for zone in zones}
    return zones, pairs


def keep_openings(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Fill `opening` for every (hours, zone) in use from two weeks ago to half a year ahead.

    Does nothing while enough is there, also not for a clock set back to where it was.  A lead's
    zone that nobody knows is read as the workspace's.
    """
    zones, pairs = in_use(session, definitions)
    if not (_missing(session, pairs, now) or zones - _known(session)):
        return Tally()
    alone(session, "openings")  # the next one finds the rows there
    added = 0
    for pair, span in _missing(session, pairs, now).items():
        added += _fill(session, definitions, pair, *span)
    added += _keep_offsets(session, definitions, zones - _known(session), now)
    if added and session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE opening, zone_offset"))  # else it scans them for every lead
    return Tally.of("openings computed", added)


def _missing(session: Session, pairs: set[Pair], now: datetime) -> dict[Pair, Span]:
    """The pairs whose rows do not reach from `now` far enough, each with the span to fill; asks
    the index alone."""
    spans = {(hours, zone): (first, end) for hours, zone, first, end in session.execute(_COVERED)}
    missing = {}
    for pair in sorted(pairs):
        first, end = spans.get(pair, (now, now))
        if not first <= now <= end - REFILL:
            wanted = now - BEHIND, now + AHEAD
            whole = min(first, wanted[0]), max(end, wanted[1])
            missing[pair] = whole if whole[1] - whole[0] <= MOST else wanted
    return missing


_COVERED = select(
    OPENING.hours,
    OPENING.zone,
    func.min(OPENING.closes_at, type_=Instant()),
    func.max(OPENING.closes_at, type_=Instant()),
).group_by(OPENING.hours, OPENING.zone)


def _known(session: Session) -> set[str]:
    return set(session.execute(_KNOWN).scalars())


_KNOWN = select(OFFSET.zone).distinct()


def _place(definitions: Definitions, name: str) -> ZoneInfo:
    """The zone; the workspace's for a name this machine's time zone database does not have."""
    try:
        return zone_of(name)
    except ZoneUnknown:
        return zone_of(definitions.workspace.zone)


def reach_back(
    session: Session, definitions: Definitions, pair: Pair, *, first: datetime, now: datetime
) -> None:
    """Let the openings of a (hours, zone) begin before `first`, as far back as that may be."""
    begins = session.execute(_BEGINS, {"hours": pair[0], "zone": pair[1]}).scalar()
    if begins is None or begins > first:
        alone(session, "openings")
        _fill(session, definitions, pair, first - BEHIND, now + AHEAD)


_BEGINS = select(func.min(OPENING.opens_at, type_=Instant())).where(
    OPENING.hours == bindparam("hours", type_=String()),
    OPENING.zone == bindparam("zone", type_=String()),
)


def _fill(
    session: Session, definitions: Definitions, pair: Pair, begin: datetime, end: datetime
) -> int:
    hours, zone = pair
    session.execute(delete(table_of(t.Opening)).where(OPENING.hours == hours, OPENING.zone == zone))
    calendar = None if hours == LOCAL_DAYS else definitions.hours[hours]
    found = _reckoned(calendar, _place(definitions, zone).key, begin, end)
    rows = [(hours, zone, *each) for each in found]
    bulk.insert_all(session, t.Opening, COLUMNS, rows)
    return len(rows)


COLUMNS = ("hours", "zone", "opens_at", "closes_at", "before")


@lru_cache(maxsize=128)
def _reckoned(
    calendar: Calendar | None, zone: str, begin: datetime, end: datetime
) -> tuple[tuple[int, int, int], ...]:
    """When it opens and closes, and how long it was open before; the days of the zone without a
    calendar.  Kept: a ledger, its shadow and every rehearsal ask the same."""
    before, found = 0, []
    for opening in _intervals(calendar, zone_of(zone), begin, end):
        opens, closes = to_micros(opening.opens_at), to_micros(opening.closes_at)
        found.append((opens, closes, before))
        before += closes - opens
    return tuple(found)


def _intervals(
    calendar: Calendar | None, place: ZoneInfo, first: datetime, last: datetime
) -> Iterable[Opening]:
    if calendar is not None:
        return openings(calendar, place, first, last)
    days = range((last - first).days + 1)
    dates = [first.astimezone(place).date() + timedelta(days=day) for day in days]
    midnights = [local_instant(each, 0, place) for each in dates]
    return [Opening(begin, end) for begin, end in pairwise(midnights)]


def _keep_offsets(
    session: Session, definitions: Definitions, zones: set[str], now: datetime
) -> int:
    first, last = now - OFFSETS_BEHIND, now + OFFSETS_AHEAD
    fresh = {zone: _spans(_place(definitions, zone).key, first, last) for zone in zones}
    return keep_zone_offsets(session, fresh) if fresh else 0


_spans = lru_cache(maxsize=128)(offsets)
