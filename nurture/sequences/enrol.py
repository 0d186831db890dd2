"""Who enters a sequence: by event, by standing segment, or because something starts them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, literal, select
from sqlmodel import Session

from nurture.language.conditions import EventTest
from nurture.language.definitions import Definitions
from nurture.language.predicates import event_matches, predicate
from nurture.language.program import Program
from nurture.language.words import describe
from nurture.ledger import tables as t
from nurture.ledger.tally import Tally
from nurture.ledger.types import EPOCH, Instant
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.standing import touched

E = table_of(t.Enrolment).c
LEAD = table_of(t.Lead)
ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
PAUSE = table_of(t.Pause).c
ALWAYS = timedelta(0)
AS_WRITTEN = timedelta.max
"""Judge re-entry by the sequence's own `again`."""
COLUMNS = (
    "lead_id", "sequence", "definition_id", "key", "turn", "state", "stage", "position",
    "due_at", "entered_at", "step_at", "reason", "path",
)  # fmt: skip


def enrol(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """Let the tick's touched leads into every applied sequence whose entry they now meet.

    Afterwards each of them has at most one active enrolment per (sequence, key), standing at the
    first step and due; `again` is judged from the end of the last one.
    """
    paused = set(session.execute(select(PAUSE.sequence)).scalars())
    tally = Tally()
    for program in definitions.active.values():
        if program.sequence not in paused:
            tally += _enter(session, definitions, program, tick=tick, now=now)
    return tally


def _enter(
    session: Session, definitions: Definitions, program: Program, *, tick: int, now: datetime
) -> Tally:
    entry = program.entry
    if isinstance(entry.when, EventTest) and entry.by_event:
        entering = _by_event(entry.when, entry.key, tick=tick, oldest=now - entry.within, now=now)
    else:
        holds = predicate(entry.when, lead=LEAD.c, definitions=definitions, now=now)
        entering = select(LEAD.c.id.label("lead_id"), literal("").label("key")).where(
            LEAD.c.id.in_(touched(tick)), holds
        )
    reason = f"entered: {describe(entry.when)}"
    return _insert(session, program, entering, now=now, reason=reason, path=entry.path)


def _by_event(
    event: EventTest, key: str, *, tick: int, oldest: datetime, now: datetime
) -> Select[Any]:
    """(lead, key) of the tick's new engagements that let somebody in.

    The key is the named property of the event; an event without it enters nobody.
    """
    own: ColumnElement[Any] = literal("")
    if key:
        own = ENGAGEMENT.c.properties[key].as_string()
    return (
        select(ENGAGEMENT.c.lead_id.label("lead_id"), own.label("key"))
        .select_from(TOUCH)
        .join(ENGAGEMENT, ENGAGEMENT.c.id == TOUCH.c.engagement_id)
        .where(
            TOUCH.c.tick_id == tick,
            ENGAGEMENT.c.lead_id.is_not(None),
            ENGAGEMENT.c.occurred_at >= oldest,
            ENGAGEMENT.c.occurred_at <= now,
            event_matches(event, ENGAGEMENT.c),
            own.is_not(None),
        )
        .distinct()
    )


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

    `again` does not hold them back: only an active enrolment does.  Returns how many are new.
    """
    asked = leads.subquery()
    entering = select(next(iter(asked.c)).label("lead_id"), literal("").label("key")).distinct()
    tally = _insert(session, program, entering, now=now, reason=reason, path=path, again=ALWAYS)
    return tally.total("entered")


def _insert(
    session: Session,
    program: Program,
    entering: Select[Any],
    *,
    now: datetime,
    reason: str,
    path: str,
    again: timedelta | None = AS_WRITTEN,
) -> Tally:
    """Insert the enrolments the unique keys allow, and a decision row for each new one."""
    rule = program.entry.again if again is AS_WRITTEN else again
    who = entering.subquery()
    before = session.execute(select(func.coalesce(func.max(E.id), 0))).scalar_one()
    rows = select(
        who.c.lead_id,
        literal(program.sequence),
        literal(program.definition_id),
        who.c.key,
        literal(1) if rule is None else _turn(program, who),
        literal("active"),
        literal(program.stages[0]),
        literal(0),
        literal(now, Instant()),
        literal(now, Instant()),
        literal(now, Instant()),
        literal(reason),
        literal(path),
    ).where(who.c.lead_id.is_not(None))
    if rule is not None and rule > ALWAYS:
        rows = rows.where(_last_end(program, who) <= literal(now - rule, Instant()))
    entered = insert_new(session, t.Enrolment, COLUMNS, rows)
    if entered:
        session.execute(_entered(program, before, now=now))
    return Tally.of("entered", entered, path=program.sequence)


def _turn(program: Program, who: Any) -> ColumnElement[Any]:
    """One more than the highest turn of this (lead, sequence, key): a look into its index."""
    highest = (
        select(func.max(E.turn))
        .where(E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key)
        .scalar_subquery()
    )
    return func.coalesce(highest, 0) + 1


def _last_end(program: Program, who: Any) -> ColumnElement[Any]:
    """When the last enrolment with this key ended, 1970 if there was none."""
    ended = (
        select(func.max(E.ended_at))
        .where(E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key)
        .scalar_subquery()
    )
    return func.coalesce(ended, literal(EPOCH, Instant()))


def _entered(program: Program, before: int, *, now: datetime) -> Any:
    """Decision rows for the enrolments just inserted: those above the highest id seen before."""
    fresh = select(
        E.id, E.lead_id, E.entered_at, literal("entered"), E.stage, E.reason, E.path
    ).where(E.id > before, E.definition_id == program.definition_id, E.entered_at == now)
    return insert(table_of(t.Decision)).from_select(
        ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"], fresh
    )
