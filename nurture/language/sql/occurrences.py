"""What a lead did, as SQL: which engagements an event test counts, and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from nurture.language.grammar.conditions import EventTest
from nurture.language.sql.plain_text import PlainText
from nurture.language.sql.values import compare_property, two_valued
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import Moment, moment
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Duration, Instant

Since = ColumnElement[Any] | None


@dataclass(frozen=True)
class Entering:
    """The event that let a lead into the sequence that asks, in a statement over enrolments:
    its number and, by name, the plain text of a property, each NULL where nobody knows; and when
    it happened, or else the lead entered."""

    number: ColumnElement[Any]
    at: ColumnElement[Any]
    text: Callable[[str], ColumnElement[Any]]


@dataclass(frozen=True)
class Counting:
    """Which engagements count: up to `now`, from `since` on, compared with the `entering` one."""

    now: Moment
    since: Since = None
    entering: Entering | None = None


def event_matches(
    event: EventTest, engagement: Any, entering: Entering | None = None
) -> ColumnElement[bool]:
    """One engagement (its columns) is of the event's kind and meets its `where` and `same`; never
    NULL.

    How often and how long ago is not asked.
    """
    tests = [compare_property(engagement.properties, name, test) for name, test in event.where]
    tests += [_same(name, engagement, entering) for name in event.same]
    return and_(engagement.kind == event.kind, *tests)


def _same(name: str, engagement: Any, entering: Entering | None) -> ColumnElement[bool]:
    """To the letter, as `once_per` tells keys apart; nothing is the same as what is not known."""
    if entering is None:
        return false()
    return two_valued(PlainText.at(engagement.properties, name) == entering.text(name))


def another(
    event: EventTest, engagement: Any, entering: Entering | None
) -> ColumnElement[bool]:
    """It is not the entering event itself, which is the `same` in everything, nor one told before
    it of the very instant, which it took the place of."""
    if entering is None or not event.same:
        return true()
    later = or_(engagement.id > entering.number, engagement.occurred_at > entering.at)
    return or_(entering.number.is_(None), two_valued(later))


def _occurrences(event: EventTest, lead: Any, column: str, counting: Counting) -> Select[Any]:
    """The lead's engagements that count, through the index (lead, kind, occurred_at).

    The span of `within` is half-open: an engagement leaves it exactly `within` after it happened.
    Since the lead's entry, what let it in is no news of it.
    """
    own, now = table_of(t.Engagement).alias(), moment(counting.now)
    found = select(own.c[column]).where(
        own.c.lead_id == lead.id,
        event_matches(event, own.c, counting.entering),
        own.c.occurred_at <= now,
        own.c.withdrawn_at.is_(None),
    )
    if event.within is not None:
        found = found.where(own.c.occurred_at > now - literal(event.within, Duration()))
    if counting.since is not None:
        found = found.where(
            own.c.occurred_at >= counting.since, another(event, own.c, counting.entering)
        )
    return found.correlate_except(own)


def did(event: EventTest, lead: Any, counting: Counting) -> ColumnElement[bool]:
    """The lead did it as often as the test asks."""
    found = _occurrences(event, lead, "id", counting)

    def times(number: int) -> ColumnElement[bool]:
        nth = found if number == 1 else found.limit(1).offset(number - 1)
        return nth.exists() if number else true()

    least = event.at_least
    if least is None:
        least = 1 if event.at_most is None else 0
    if event.at_most is None:
        return times(least)
    return and_(times(least), not_(times(event.at_most + 1)))


def runs_out(event: EventTest, lead: Any, counting: Counting) -> list[ColumnElement[Any]]:
    """When the n-th latest engagement leaves the span, for every n the test counts to."""
    if event.within is None:
        return []
    counts = {event.at_least or 1} if event.at_most is None or event.at_least else set()
    if event.at_most is not None:
        counts.add(event.at_most + 1)
    latest = _occurrences(event, lead, "occurred_at", counting)
    column = latest.selected_columns[0]
    return [
        type_coerce(
            latest.order_by(column.desc()).limit(1).offset(number - 1).scalar_subquery()
            + literal(event.within, Duration()),
            Instant,
        )
        for number in sorted(counts)
    ]
