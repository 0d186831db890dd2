"""The step that keeps a lead until a time of day, a weekday or a date of its own, or of the event
that let it in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Update,
    case,
    func,
    select,
    type_coerce,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program, WaitUntil
from nurture.language.grammar import words
from nurture.language.sql.instants import day_begins, layer, written
from nurture.language.sql.plain_text import PlainText
from nurture.language.sql.values import Text, day_of
from nurture.ledger.localtime import DAY, MINUTE, local_day, local_wall, wall_instant
from nurture.ledger.tally import Tally
from nurture.ledger.types import MICROSECOND, Instant
from nurture.sequences.steps.waits import zone_of_enrolment
from nurture.sequences.visit import (
    ENGAGEMENT,
    ENROLMENT,
    LEAD,
    E,
    Visit,
    change,
    decision,
    destination,
)

THURSDAY = 3
"""The weekday of 1970-01-01."""


def wait_until(visit: Visit, step: WaitUntil) -> Tally:
    """Let the lead rest until the first such instant from its arrival on.

    Whose date is not known, or over, goes on at once; why is written down.
    """
    found, move, why = _wait_until(visit.definitions, visit.program, step)
    visit.run(found)
    waiting = visit.run(move)
    if step.field:
        visit.run(why)
    return Tally.of("waiting", waiting, path=step.path)


@once
def _wait_until(
    definitions: Definitions, program: Program, step: WaitUntil
) -> tuple[Update, Update, Insert]:
    """Find the instant (it rests in `since_at`); move those it lies ahead of to it, the others on;
    say why they did not wait."""
    zone = zone_of_enrolment(definitions, program)
    what = words.until(step.minute, step.weekday, step.source, step.away)
    unknown, over = words.not_known(step.source), words.over(what)
    ahead = E.since_at >= E.due_at
    return (
        change(step, since_at=_instant(step, zone)),
        change(
            step,
            position=destination(program, step.next),
            due_at=case((ahead, E.since_at), else_=E.due_at),
            since_at=None,
            reason=case(
                (E.since_at.is_(None), unknown), (ahead, f"waits until {what}"), else_=over
            ),
        ),
        decision(step, "wait", E.reason, where=E.reason.in_((unknown, over))),
    )


def _instant(step: WaitUntil, zone: ColumnElement[Any]) -> ColumnElement[Any]:
    """When the wait of a lead is over that arrives when it is due."""
    clock = (step.minute or 0) * MINUTE
    if step.of_event:
        return _of_event(step, zone)
    if step.field:
        text = Text.at(LEAD.c.attributes, step.field)
        day = select(day_of(text)).where(LEAD.c.id == E.lead_id).correlate(ENROLMENT)
        return wall_instant((day.scalar_subquery() + step.away.days) * DAY + clock, zone)
    today = local_day(E.due_at, zone)
    days = 1
    if step.weekday is not None:
        today = today + (step.weekday - THURSDAY + 7 - today % 7) % 7
        days = 7
    first = wall_instant(today * DAY + clock, zone)
    if step.minute is None:
        return type_coerce(case((first > E.due_at, first), else_=E.due_at), Instant)
    following = wall_instant((today + days) * DAY + clock, zone)
    return type_coerce(case((first >= E.due_at, first), else_=following), Instant)


def _of_event(step: WaitUntil, zone: ColumnElement[Any]) -> ColumnElement[Any]:
    """When the date or instant of the event comes; NULL where there is none that can be read.

    Whole days go by the calendar of the sequence's zone and keep the time of day, shorter spans by
    the clock.  An instant without a zone of its own is one of that zone.
    """
    event = ENGAGEMENT.alias()
    own = select(PlainText.at(event.c.properties, step.field)).where(event.c.id == E.engagement_id)
    found = written(own.correlate(ENROLMENT).scalar_subquery())
    wall = found.day * DAY + func.coalesce(found.clock, 0)
    there = case(
        (found.east.is_not(None), wall - found.east), else_=_micros(wall_instant(wall, zone))
    )
    row = layer(instant=there, wall=wall, east=found.east)
    instant, by_days = row.instant, not step.away % timedelta(days=1)
    if step.minute is not None or (by_days and step.away):
        wall = case((row.east.is_not(None), local_wall(row.instant, zone)), else_=row.wall)
        if step.minute is not None:
            wall = day_begins(wall) + step.minute * MINUTE
        at = layer(wall=wall + (step.away.days if by_days else 0) * DAY)
        instant = _micros(wall_instant(at.wall, zone))
    if not by_days:
        instant = instant + step.away // MICROSECOND
    return type_coerce(select(instant).scalar_subquery(), Instant)


def _micros(instant: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(instant, BigInteger)
