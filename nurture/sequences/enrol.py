"""Who enters a sequence: by event, by standing segment, on a date, or started by something."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    bindparam,
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
from nurture.language.once import once
from nurture.language.predicates import event_matches, predicate
from nurture.language.program import Entry, Program
from nurture.language.words import enters
from nurture.ledger import tables as t
from nurture.ledger.asking import NOW, TICK, Asking
from nurture.ledger.tally import Tally
from nurture.ledger.types import EPOCH, Duration, Instant
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.dates import by_date
from nurture.sequences.looks import plan_looks
from nurture.sequences.standing import TOUCHED

E = table_of(t.Enrolment).c
LEAD = table_of(t.Lead)
ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
PAUSE = table_of(t.Pause).c
COLUMNS = (
    "lead_id", "sequence", "definition_id", "key", "turn", "state", "stage", "position",
    "due_at", "watch_at", "entered_at", "begun_at", "step_at", "reason", "path",
)  # fmt: skip


_PAUSED = select(PAUSE.sequence)
_HIGHEST = select(func.coalesce(func.max(E.id), 0))


def enrol(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """Let the tick's touched leads into every applied sequence whose entry they now meet.

    Afterwards each of them has at most one active enrolment per (sequence, key), standing at the
    first step and due; `again` is judged from the end of the last one.  Nobody enters a paused
    sequence.  Repeating a tick lets nobody in again: an event counts once, a segment once an
    instant.
    """
    asking = Asking(session, tick, now)
    paused = set(asking.ask(_PAUSED).scalars())
    tally = Tally()
    for program in definitions.active.values():
        if program.sequence not in paused:
            entered = _insert(asking, program, _entering(definitions, program))
            tally += Tally.of("entered", entered, path=program.sequence)
    plan_looks(session, definitions, tick=tick, now=now)
    return tally


@once
def _entering(definitions: Definitions, program: Program) -> Insert:
    """The enrolments of touched leads who meet the program's entry."""
    entry = program.entry
    if isinstance(entry.when, EventTest) and entry.by_event:
        asked = _by_event(program, entry.when)
    else:
        holds = predicate(entry.when, lead=LEAD.c, definitions=definitions, now=NOW)
        who_may = _of_lead(LEAD.c.id)
        if entry.date is not None:
            who_may = by_date(definitions, program, entry.date)
        asked = who_may.where(LEAD.c.id.in_(TOUCHED), holds)
    who = asked.subquery()
    reason = f"entered: {enters(entry.when, entry.date)}"
    first_time = entry.again is None
    return _enrolments(
        program, who, _again(program, who), reason=reason, path=entry.path, first_time=first_time
    )


def _by_event(program: Program, event: EventTest) -> Select[Any]:
    """(lead, key, when) of the tick's new engagements that let somebody in; of several the first.

    The key is the named property of the event; an event without it enters nobody.  Nor does one
    older than `entry.within` when it reached us, or one received before the lead's last entry:
    an earlier tick, perhaps one that died, has judged it.
    """
    entry = program.entry
    own = _key(entry)
    received = ENGAGEMENT.c.received_at
    reached = case((received < NOW, received), else_=NOW)
    found = (
        select(ENGAGEMENT.c.lead_id, own.label("key"), ENGAGEMENT.c.occurred_at)
        .select_from(TOUCH)
        .join(ENGAGEMENT, ENGAGEMENT.c.id == TOUCH.c.engagement_id)
        .where(
            TOUCH.c.tick_id == TICK,
            ENGAGEMENT.c.lead_id.is_not(None),
            ENGAGEMENT.c.withdrawn_at.is_(None),
            ENGAGEMENT.c.occurred_at >= reached - literal(entry.within, Duration()),
            ENGAGEMENT.c.occurred_at <= NOW,
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


def _of_lead(lead_id: Any) -> Select[Any]:
    """(lead, key, when) of leads no event lets in."""
    never = cast(null(), Instant.impl)  # PostgreSQL wants to know of what type a NULL is
    return select(
        lead_id.label("lead_id"), literal("").label("key"), never.label("begun_at")
    )


def _key(entry: Entry) -> ColumnElement[Any]:
    return ENGAGEMENT.c.properties[entry.key].as_string() if entry.key else literal("")


def _again(program: Program, who: Any) -> ColumnElement[bool]:
    """The last enrolment with this key ended long enough ago, and before this very instant."""
    rule = program.entry.again
    if rule is None:
        return true()
    ended = _last(E.ended_at, program, who.c.lead_id, who.c.key)
    if rule > timedelta(0):
        return ended <= NOW - literal(rule, Duration())
    return ended < NOW


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
    who = _of_lead(next(iter(asked.c))).distinct().subquery()
    rows = _enrolments(program, who, true(), reason=reason, path=path)
    return _insert(Asking(session, 0, now), program, rows)


def _insert(asking: Asking, program: Program, rows: Insert) -> int:
    """Insert the enrolments the unique keys allow, and a decision row for each new one."""
    before = asking.ask(_HIGHEST).scalar_one()
    entered = asking.run(rows)
    if entered:
        dialect = asking.session.get_bind().dialect.name
        asking.run(_entered(dialect), before=before, definition=program.definition_id)
    return entered


def _enrolments(
    program: Program,
    who: Any,
    allowed: ColumnElement[bool],
    *,
    reason: str,
    path: str,
    first_time: bool = False,
) -> Insert:
    """The enrolments of those allowed, standing at the first step.

    `first_time`: only leads that were never in the sequence with this key.  Where there are exit
    rules or a goal they are asked before the first step (`watch_at`).
    """
    leaves = bool(program.exits or program.goal)
    rows = select(
        who.c.lead_id,
        literal(program.sequence),
        literal(program.definition_id),
        who.c.key,
        literal(1) if first_time else _turn(program, who),
        literal("active"),
        literal(program.stages[0]),
        literal(0),
        NOW,
        NOW if leaves else null(),
        NOW,
        type_coerce(who.c.begun_at, Instant),
        NOW,
        literal(reason),
        literal(path),
    ).where(who.c.lead_id.is_not(None), allowed)
    return insert_new(t.Enrolment, COLUMNS, rows)


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


@cache
def _entered(dialect: str) -> Insert:
    """Decision rows for the enrolments of `:definition` this transaction just inserted.

    On SQLite those above the highest number seen `:before`; on PostgreSQL others may insert
    meanwhile, so the row's own transaction is asked for as well.
    """
    before, definition = (bindparam(name, type_=BigInteger()) for name in ("before", "definition"))
    fresh = select(E.id, E.lead_id, NOW, literal("entered"), E.stage, E.reason, E.path).where(
        E.id > before, E.definition_id == definition
    )
    if dialect == "postgresql":
        fresh = fresh.where(text("enrolment.xmin = pg_current_xact_id()::xid"))
    return insert(table_of(t.Decision)).from_select(
        ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"], fresh
    )
