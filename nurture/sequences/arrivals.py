"""Leads that would enter: who is kept out, and who waits because so many enter in a day.

A lead that has to wait stands in `arrival`; it enters in the order in which it came, and only if
the entry still holds then (an event that happened stays one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlmodel import Session

from nurture.calendar.zones import local_instant
from nurture.calendar.zones import zone as zone_of
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program
from nurture.language.grammar.words import describe, enters
from nurture.language.sql.predicates import predicate
from nurture.ledger import tables as t
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.batches import SIZE, batch
from nurture.ledger.statements.locks import alone
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.types import Instant
from nurture.sequences.entering import E, again, enrolments, put

LEAD = table_of(t.Lead).c
ARRIVAL = table_of(t.Arrival)
A = ARRIVAL.c
D = table_of(t.Definition).c
PAUSE = table_of(t.Pause).c
WAITS = among(A.state, ("waiting",))
COLUMNS = (
    "lead_id", "sequence", "key", "cause", "begun_at", "engagement_id", "at", "state",
    "settled_at", "reason", "path",
)  # fmt: skip

Who = Callable[[Definitions, Program], Select[Any]]
"""Builds (lead, key, when, event) of those who meet a program's entry."""


def of_lead(lead_id: Any, holds: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition over the lead table for the lead of another row."""
    found = select(literal(1)).where(LEAD.id == lead_id, holds)
    return found.correlate_except(LEAD.id.table).exists()


def not_excluded(definitions: Definitions, program: Program, who: Any) -> ColumnElement[bool]:
    """The lead does not meet `except`."""
    excluded = program.entry.excluded
    if excluded is None:
        return true()
    holds = predicate(excluded, lead=LEAD, definitions=definitions, now=NOW)
    return ~of_lead(who.c.lead_id, holds)


def never_in(program: Program, who: Any) -> ColumnElement[bool]:
    """Nobody who is in the sequence with this key, nor, where nobody enters again, who ever was."""
    inside = select(E.id).where(
        E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key
    )
    if program.entry.again is not None:
        inside = inside.where(among(E.state, ("active",)))
    return ~inside.exists()


@once
def excluding(definitions: Definitions, program: Program, asked: Who) -> Insert:
    """Note whom an event would have let in, were they not excluded."""
    who = asked(definitions, program).subquery()
    assert program.entry.excluded is not None
    reason = f"kept out: {describe(program.entry.excluded)}"
    allowed = and_(never_in(program, who), again(program, who, by_event=True))
    rows = _rows(program, who, "excluded", reason, NOW)
    return insert_new(
        t.Arrival, COLUMNS, rows.where(allowed, ~not_excluded(definitions, program, who))
    )


@once
def queueing(definitions: Definitions, program: Program, asked: Who) -> Insert:
    """Let those who meet the entry wait for room, earlier events first."""
    who = asked(definitions, program).subquery()
    allowed = and_(
        never_in(program, who),
        again(program, who, by_event=program.entry.by_event),
        not_excluded(definitions, program, who),
    )
    rows = _rows(program, who, "waiting", waits_for_room(program), null()).where(allowed)
    return insert_new(t.Arrival, COLUMNS, rows.order_by(who.c.begun_at, who.c.lead_id))


def waits_for_room(program: Program) -> str:
    """Why a lead waits."""
    most = program.entry.at_most
    return "waits for its turn" if most is None else f"waits for room: {most:,} enter in a day"


def _rows(program: Program, who: Any, state: str, reason: str, settled: Any) -> Select[Any]:
    entry = program.entry
    cause = "event" if entry.by_event else "date" if entry.date else "segment"
    return select(
        who.c.lead_id, literal(program.sequence), who.c.key, literal(cause), who.c.begun_at,
        who.c.engagement_id, NOW, literal(state), settled, literal(reason), literal(entry.path),
    ).where(who.c.lead_id.is_not(None))  # fmt: skip


_AWAITED = select(D.name).where(
    D.active,
    D.kind == "sequence",
    D.name.not_in(select(PAUSE.sequence)),
    select(A.id).where(WAITS, A.sequence == D.name).limit(1).correlate(D.name.table).exists(),
)


def awaited(session: Session, definitions: Definitions) -> Iterable[Program]:
    """The programs, none of them paused, that somebody waits to enter, in order: one look into an
    index a sequence."""
    names = sorted(session.execute(_AWAITED).scalars())
    return [definitions.active[name] for name in names if name in definitions.active]


def admit(asking: Asking, definitions: Definitions, program: Program) -> int:
    """Let in who waits, in order, as far as there is room today; returns how many entered."""
    if program.entry.at_most is not None:
        alone(asking.session, f"room in {program.sequence}")
    room = _room(asking, definitions, program)
    entered = 0
    while room is None or entered < room:
        size = SIZE if room is None else min(SIZE, room - entered)
        if not asking.fill(_FIRST, sequence=program.sequence, size=size):
            break
        entered += put(asking, program, _admitting(definitions, program))
        asking.run(_SETTLE)
    return entered


_FIRST = batches.filling(
    select(A.id, A.lead_id)
    .where(WAITS, A.sequence == bindparam("sequence"))
    .order_by(A.id)
    .limit(bindparam("size", type_=Integer()))
    .with_for_update(of=ARRIVAL)
)


@once
def _admitting(definitions: Definitions, program: Program) -> Insert:
    """The enrolments of the working set, as far as the entry holds."""
    entry = program.entry
    who = (
        select(A.lead_id, A.key, A.begun_at, A.engagement_id, A.cause, A.reason)
        .join(batch, batch.c.id == A.id)
        .subquery()
    )
    afresh = again(program, who, by_event=entry.by_event)
    allowed = and_(afresh, not_excluded(definitions, program, who))
    if not entry.by_event:
        holds = predicate(entry.when, lead=LEAD, definitions=definitions, now=NOW)
        allowed = and_(allowed, or_(who.c.cause == "command", of_lead(who.c.lead_id, holds)))
    usual = literal(f"entered: {enters(entry.when, entry.date)}")
    reason = case((who.c.cause == "command", who.c.reason), else_=usual)
    return enrolments(
        program, who, allowed, reason=reason, path=entry.path, first_time=entry.again is None
    )


_IN = (
    select(E.id)
    .where(E.lead_id == A.lead_id, E.sequence == A.sequence, E.key == A.key, E.entered_at == NOW)
    .correlate(ARRIVAL)
    .exists()
)
_SETTLE = (
    update(ARRIVAL)
    .where(A.id.in_(select(batch.c.id)))
    .values(state=case((_IN, "entered"), else_="gone"), settled_at=NOW)
)
"""What became of the working set."""


def _room(asking: Asking, definitions: Definitions, program: Program) -> int | None:
    """How many may still enter today; None when there is no limit."""
    most = program.entry.at_most
    if most is None:
        return None
    today = _midnight(definitions, asking.now, 0)
    entered = asking.ask(_ENTERED, sequence=program.sequence, today=today).scalar_one()
    return max(most - int(entered), 0)


_ENTERED = select(func.count()).where(
    among(A.state, ("entered",)),
    A.sequence == bindparam("sequence"),
    A.settled_at >= bindparam("today", type_=Instant()),
)


def _midnight(definitions: Definitions, now: datetime, days: int) -> datetime:
    """The beginning of the workspace's day that is so many days after that of `now`."""
    place = zone_of(definitions.workspace.zone)
    return local_instant(now.astimezone(place).date() + timedelta(days=days), 0, place)


def next_room(session: Session, definitions: Definitions, *, now: datetime) -> datetime | None:
    """When somebody who waits may enter: now, or tomorrow; None when nobody waits."""
    waiting = list(awaited(session, definitions))
    asking = Asking(session, 0, now)
    if any(_room(asking, definitions, program) != 0 for program in waiting):
        return now
    return _midnight(definitions, now, 1) if waiting else None
