"""Who enters a sequence: by event, by standing segment, on a date, or started by something."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program
from nurture.language.grammar.conditions import EventTest, events
from nurture.language.grammar.terms import Entry
from nurture.language.grammar.words import enters
from nurture.language.sql.occurrences import event_matches
from nurture.language.sql.plain_text import PlainText
from nurture.language.sql.predicates import predicate
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, TICK, Asking
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Duration
from nurture.sequences import arrivals
from nurture.sequences.dates import by_date
from nurture.sequences.entering import (
    LONGEST_KEY,
    E,
    again,
    by_no_event,
    enrolments,
    last,
    put,
)
from nurture.sequences.looks import plan_looks
from nurture.sequences.standing import TOUCHED

LEAD = table_of(t.Lead)
ENGAGEMENT = table_of(t.Engagement)
TOUCH = table_of(t.Touch)
PAUSE = table_of(t.Pause).c

_PAUSED = select(PAUSE.sequence)
_HAPPENED = (
    select(ENGAGEMENT.c.kind)
    .where(ENGAGEMENT.c.id.in_(select(TOUCH.c.engagement_id).where(TOUCH.c.tick_id == TICK)))
    .distinct()
)
"""The kinds of the tick's engagements."""


def enrol(session: Session, definitions: Definitions, *, tick: int, now: datetime) -> Tally:
    """Let the tick's touched leads into every applied sequence whose entry they now meet.

    Afterwards each of them has at most one active enrolment per (sequence, key), standing at the
    first step and due; `again` is judged from the end of the last one.  Where only so many enter
    in a day the others wait (`arrivals`), and who waited enters first.  Nobody enters a paused
    sequence.  Repeating a tick lets nobody in again: an event counts once, a segment once an
    instant.
    """
    asking = Asking(session, tick, now)
    paused = set(asking.ask(_PAUSED).scalars())
    tally = Tally()
    happened = set(asking.ask(_HAPPENED).scalars())
    for program in definitions.active.values():
        if program.sequence in paused or not _may_enter(program.entry, happened):
            continue
        if program.entry.excluded is not None and program.entry.by_event:
            asking.run(arrivals.excluding(definitions, program, _who))
        if program.entry.at_most is None:
            entered = put(asking, program, _entering(definitions, program))
            tally += Tally.of("entered", entered, path=program.sequence)
        else:
            asking.run(arrivals.queueing(definitions, program, _who))
    for program in arrivals.awaited(session, definitions):
        entered = arrivals.admit(asking, definitions, program)
        tally += Tally.of("entered", entered, path=program.sequence)
    plan_looks(session, definitions, tick=tick, now=now)
    return tally


def _may_enter(entry: Entry, happened: Collection[str]) -> bool:
    """Whether a tick in which this happened can let anybody in."""
    if isinstance(entry.when, EventTest) and entry.by_event:
        return entry.when.kind in happened
    return not entry.asked


@once
def _entering(definitions: Definitions, program: Program) -> Insert:
    """The enrolments of touched leads who meet the program's entry."""
    entry = program.entry
    who = _who(definitions, program).subquery()
    return enrolments(
        program,
        who,
        and_(
            again(program, who, by_event=entry.by_event),
            arrivals.not_excluded(definitions, program, who),
        ),
        reason=f"entered: {enters(entry.when, entry.date)}",
        path=entry.path,
        first_time=entry.again is None,
    )


def _who(definitions: Definitions, program: Program) -> Select[Any]:
    """(lead, key, when, event) of touched leads who meet the program's entry."""
    entry = program.entry
    if isinstance(entry.when, EventTest) and entry.by_event:
        return _by_event(program, entry.when)
    holds = predicate(entry.when, lead=LEAD.c, definitions=definitions, now=NOW)
    who_may = select(*by_no_event(LEAD.c.id, literal("")))
    if entry.date is not None:
        who_may = by_date(definitions, program, entry.date)
    return who_may.where(LEAD.c.id.in_(TOUCHED), holds)


def _by_event(program: Program, event: EventTest) -> Select[Any]:
    """(lead, key, when, event) of the tick's new engagements that let somebody in.

    Of several with one key it is the first, but the last where each takes the place of the one
    before.

    The key is the named property of the event; an event without it (or with more than a key, text
    or number) enters nobody.  Nor does one
    older than `entry.within` when it reached us, or one received before the lead's last entry:
    an earlier tick, perhaps one that died, has judged it.
    """
    entry = program.entry
    own = _key(entry)
    received = ENGAGEMENT.c.received_at
    reached = case((received < NOW, received), else_=NOW)
    found = (
        select(ENGAGEMENT.c.lead_id, own.label("key"), ENGAGEMENT.c.occurred_at, ENGAGEMENT.c.id)
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
        found = found.where(func.length(own).between(1, LONGEST_KEY))
    if entry.again is not None:
        before = last(E.entered_at, program, ENGAGEMENT.c.lead_id, own)
        fresh = received > before
        if _takes_its_place(program, event):
            fresh = or_(fresh, _newer(program, own))
        found = found.where(fresh)
    each = found.subquery().c
    order: list[ColumnElement[Any]] = [each.occurred_at, each.id]
    if _takes_its_place(program, event):
        order = [column.desc() for column in order]
    place = func.row_number().over(
        partition_by=[each.lead_id, each.key], order_by=order
    )
    row = select(*each, place.label("place")).subquery().c
    return select(
        row.lead_id, row.key, row.occurred_at.label("begun_at"), row.id.label("engagement_id")
    ).where(row.place == 1)


def _takes_its_place(program: Program, event: EventTest) -> bool:
    """An exit asks for the entry's own event with the same key: a newer one ends what an older one
    began."""
    asked = [each for rule in program.exits for each in events(rule.when)]
    return any(each.kind == event.kind and program.entry.key in each.same for each in asked)


def _newer(program: Program, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """The event comes behind all that let its lead in with this key: by when it happened, then in
    the order in which they were told."""
    happened = ENGAGEMENT.c.occurred_at
    behind = or_(
        E.engagement_id.is_(None),
        E.begun_at > happened,
        and_(E.begun_at == happened, E.engagement_id >= ENGAGEMENT.c.id),
    )
    others = select(literal(1)).where(
        E.lead_id == ENGAGEMENT.c.lead_id, E.sequence == program.sequence, E.key == key, behind
    )
    return ~others.correlate(ENGAGEMENT).exists()


def _key(entry: Entry) -> ColumnElement[Any]:
    return PlainText.at(ENGAGEMENT.c.properties, entry.key) if entry.key else literal("")


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
    who = select(*by_no_event(next(iter(asked.c)), literal(""))).distinct().subquery()
    rows = enrolments(program, who, true(), reason=reason, path=path)
    return put(Asking(session, 0, now), program, rows)


