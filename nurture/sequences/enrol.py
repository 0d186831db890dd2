"""Who enters a sequence: by event, by standing segment, or because something starts them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    text,
    true,
    type_coerce,
)
from sqlmodel import Session

from nurture.language.conditions import EventTest
from nurture.language.definitions import Definitions
from nurture.language.predicates import event_matches, predicate
from nurture.language.program import Entry, Program
from nurture.language.words import describe
from nurture.ledger import tables as t
from nurture.ledger.tally import Tally
from nurture.ledger.types import EPOCH, Instant
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.looks import plan_looks
from nurture.sequences.standing import touched

E = table_of(t.Enrolment).c
LEAD = table_of(t.Lead)
ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
PAUSE = table_of(t.Pause).c
COLUMNS = (
    "lead_id", "sequence", "definition_id", "key", "turn", "state", "stage", "position",
    "due_at", "watch_at", "entered_at", "begun_at", "step_at", "reason", "path",
)  # fmt: skip


def enrol(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """Let the tick's touched leads into every applied sequence whose entry they now meet.

    Afterwards each of them has at most one active enrolment per (sequence, key), standing at the
    first step and due; `again` is judged from the end of the last one.  Nobody enters a paused
    sequence.  Repeating a tick lets nobody in again: an event counts once, a segment once an
    instant.
    """
    paused = set(session.execute(select(PAUSE.sequence)).scalars())
    tally = Tally()
    for program in definitions.active.values():
        if program.sequence not in paused:
            tally += _enter(session, definitions, program, tick=tick, now=now)
    plan_looks(session, definitions, tick=tick, now=now)
    return tally


def _enter(
    session: Session, definitions: Definitions, program: Program, *, tick: int, now: datetime
) -> Tally:
    entry = program.entry
    if isinstance(entry.when, EventTest) and entry.by_event:
        entering = _by_event(program, entry.when, tick=tick, now=now)
    else:
        holds = predicate(entry.when, lead=LEAD.c, definitions=definitions, now=now)
        entering = _entering(LEAD.c.id).where(LEAD.c.id.in_(touched(tick)), holds)
    who = entering.subquery()
    reason = f"entered: {describe(entry.when)}"
    allowed = _again(program, who, now=now)
    first_time = entry.again is None
    return _insert(
        session, program, who, allowed, now=now, reason=reason, path=entry.path, once=first_time
    )


def _by_event(program: Program, event: EventTest, *, tick: int, now: datetime) -> Select[Any]:
    """(lead, key, when) of the tick's new engagements that let somebody in; of several the first.

    The key is the named property of the event; an event without it enters nobody.  Nor does one
    older than `entry.within` when it reached us, or one received before the lead's last entry:
    an earlier tick, perhaps one that died, has judged it.
    """
    entry = program.entry
    own = _key(entry)
    received = ENGAGEMENT.c.received_at
    reached = case((received < now, received), else_=literal(now, Instant()))
    found = (
        select(ENGAGEMENT.c.lead_id, own.label("key"), ENGAGEMENT.c.occurred_at)
        .select_from(TOUCH)
        .join(ENGAGEMENT, ENGAGEMENT.c.id == TOUCH.c.engagement_id)
        .where(
            TOUCH.c.tick_id == tick,
            ENGAGEMENT.c.lead_id.is_not(None),
            ENGAGEMENT.c.withdrawn_at.is_(None),
            ENGAGEMENT.c.occurred_at >= reached - entry.within,
            ENGAGEMENT.c.occurred_at <= now,
            event_matches(event, ENGAGEMENT.c),
        )
    )
    if entry.key:
        found = found.where(own.is_not(None), own != "")
    if entry.again is not None:
        last = _last(E.entered_at, program, ENGAGEMENT.c.lead_id, own)
        found = found.where(received > last)
    each = found.subquery().c
    first = func.min(each.occurred_at, type_=Instant()).label("begun_at")
    return select(each.lead_id, each.key, first).group_by(each.lead_id, each.key)


def _entering(lead_id: Any) -> Select[Any]:
    """(lead, key, when) of leads no event lets in."""
    never = cast(null(), Instant.impl)  # PostgreSQL wants to know of what type a NULL is
    return select(
        lead_id.label("lead_id"), literal("").label("key"), never.label("begun_at")
    )


def _key(entry: Entry) -> ColumnElement[Any]:
    return ENGAGEMENT.c.properties[entry.key].as_string() if entry.key else literal("")


def _again(program: Program, who: Any, *, now: datetime) -> ColumnElement[bool]:
    """The last enrolment with this key ended long enough ago, and before this very instant."""
    rule = program.entry.again
    if rule is None:
        return true()
    ended = _last(E.ended_at, program, who.c.lead_id, who.c.key)
    if rule > timedelta(0):
        return ended <= literal(now - rule, Instant())
    return ended < literal(now, Instant())


def start_in(
    session: Session,
    program: Program,
    leads: Select[Any],
    *,
    now: datetime,
    reason: str,
    path: str,
) -> int:
    """Put leads (a query of lead ids) into a sequence because something asks for it.

    `again` does not hold them back: only an active enrolment does.  In a paused sequence they
    stand at its first step until it is resumed.  Returns how many are new.
    """
    asked = leads.subquery()
    who = _entering(next(iter(asked.c))).distinct().subquery()
    tally = _insert(session, program, who, true(), now=now, reason=reason, path=path)
    return tally.total("entered")


def _insert(
    session: Session,
    program: Program,
    who: Any,
    allowed: ColumnElement[bool],
    *,
    now: datetime,
    reason: str,
    path: str,
    once: bool = False,
) -> Tally:
    """Insert the enrolments the unique keys allow, and a decision row for each new one.

    `once`: only leads that were never in the sequence with this key.  Where there are exit rules
    or a goal they are asked before the first step (`watch_at`).
    """
    before = session.execute(select(func.coalesce(func.max(E.id), 0))).scalar_one()
    leaves = bool(program.exits or program.goal)
    at = literal(now, Instant())
    rows = select(
        who.c.lead_id,
        literal(program.sequence),
        literal(program.definition_id),
        who.c.key,
        literal(1) if once else _turn(program, who),
        literal("active"),
        literal(program.stages[0]),
        literal(0),
        at,
        at if leaves else null(),
        at,
        type_coerce(who.c.begun_at, Instant),
        at,
        literal(reason),
        literal(path),
    ).where(who.c.lead_id.is_not(None), allowed)
    entered = insert_new(session, t.Enrolment, COLUMNS, rows)
    if entered:
        session.execute(_entered(session, program, before, now=now))
    return Tally.of("entered", entered, path=program.sequence)


def _turn(program: Program, who: Any) -> ColumnElement[Any]:
    """One more than the highest turn of this (lead, sequence, key): a look into its index."""
    highest = (
        select(func.max(E.turn))
        .where(E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key)
        .scalar_subquery()
    )
    return func.coalesce(highest, 0) + 1


def _last(column: Any, program: Program, lead_id: Any, key: Any) -> ColumnElement[Any]:
    """The latest such instant among the enrolments with this key, 1970 if there is none."""
    latest = (
        select(func.max(column))
        .where(E.lead_id == lead_id, E.sequence == program.sequence, E.key == key)
        .scalar_subquery()
    )
    return func.coalesce(latest, literal(EPOCH, Instant()))


def _entered(session: Session, program: Program, before: int, *, now: datetime) -> Any:
    """Decision rows for the enrolments this transaction just inserted.

    On SQLite those above the highest number seen before; on PostgreSQL others may insert
    meanwhile, so the row's own transaction is asked for as well.
    """
    fresh = select(
        E.id, E.lead_id, literal(now, Instant()), literal("entered"), E.stage, E.reason, E.path
    ).where(E.id > before, E.definition_id == program.definition_id)
    if session.get_bind().dialect.name == "postgresql":
        fresh = fresh.where(text("enrolment.xmin = pg_current_xact_id()::xid"))
    return insert(table_of(t.Decision)).from_select(
        ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"], fresh
    )
