"""Conditions as SQL predicates: the same compiled form for entry, gates, branches, scoring,
routing and reports, on SQLite and PostgreSQL alike.

Every predicate is true or false for every lead, never NULL: an unknown value makes a test false,
so `not` turns it true.  How texts, numbers and properties compare: `nurture.language.values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from nurture.language.conditions import (
    AllOf,
    AnyOf,
    Condition,
    EventTest,
    FieldTest,
    HandoffTest,
    Not,
    ScoreTest,
    SequenceTest,
    TagTest,
    TopicTest,
)
from nurture.language.days import compare_day, turning_days
from nurture.language.definitions import Definitions
from nurture.language.values import (
    Folded,
    Text,
    compare_number,
    compare_of_type,
    compare_property,
    compare_text,
    day_of,
    fold,
    two_valued,
)
from nurture.ledger import tables as t
from nurture.ledger.asking import Moment, moment
from nurture.ledger.extremes import earliest
from nurture.ledger.localtime import DAY, local_day, wall_instant
from nurture.ledger.tables.handoffs import OPEN_STATES
from nurture.ledger.types import Duration, Instant
from nurture.ledger.upsert import table_of
from nurture.ledger.worth import ROUNDING, next_crossing, score_of

LEAD = table_of(t.Lead).c
Since = ColumnElement[Any] | None


def predicate(
    condition: Condition,
    *,
    lead: Any = LEAD,
    definitions: Definitions,
    now: Moment,
    since: Since = None,
) -> ColumnElement[bool]:
    """The condition for the lead whose columns are `lead`, at `now`; true or false, never NULL.

    `lead` is the `.c` of the lead table or of an alias of it (a model class does as well) that
    the statement selects from.  With `since` (an instant of the same statement) only events from
    it on count.
    """

    def part(each: Condition) -> ColumnElement[bool]:
        return predicate(each, lead=lead, definitions=definitions, now=now, since=since)

    match condition:
        case AllOf(parts):
            return and_(true(), *map(part, parts))
        case AnyOf(parts):
            return or_(false(), *map(part, parts))
        case Not(inner):
            return not_(part(inner))
        case FieldTest():
            return _field(condition, lead, definitions, now)
        case ScoreTest(which, test):
            score = score_of(lead.id, now=now, which=which)
            return compare_number(score, test, tolerance=ROUNDING)
        case TagTest(tags):
            return _tagged(lead, tags)
        case TopicTest(topics):
            return and_(not_(_suppressed(lead)), _allowed(lead, topics, definitions))
        case SequenceTest(sequences):
            return _was_in(lead, sequences)
        case HandoffTest(states):
            return _handed(lead, states)
        case EventTest():
            return _did(condition, lead, now=now, since=since)


def event_matches(event: EventTest, engagement: Any) -> ColumnElement[bool]:
    """One engagement (its columns) is of the event's kind and meets its `where`; never NULL.

    How often and how long ago is not asked.
    """
    tests = [compare_property(engagement.properties, name, test) for name, test in event.where]
    return and_(engagement.kind == event.kind, *tests)


def next_change(
    condition: Condition,
    *,
    lead: Any = LEAD,
    definitions: Definitions,
    now: Moment,
    since: Since = None,
) -> ColumnElement[Any] | None:
    """The next instant at which time alone can change the condition for a lead.

    None when it never depends on time, else an expression: NULL for leads with nothing that runs
    out.  Exact for `within` (the engagement that leaves the span) and dates; for fading scores a
    bound that is not later than the change but for its 15 minutes (`nurture.ledger.worth`).
    """

    def instants(each: Condition) -> list[ColumnElement[Any]]:
        match each:
            case AllOf(parts) | AnyOf(parts):
                return [instant for inner in parts for instant in instants(inner)]
            case Not(inner):
                return instants(inner)
            case ScoreTest(which, test) if test.operator != "known":
                lines = [float(line) for line in test.values]
                return [next_crossing(lead.id, lines, now=now, which=which)]
            case EventTest():
                return _runs_out(each, lead, now=now, since=since)
            case FieldTest(type="date"):
                return _turns(each, lead, definitions, now)
        return []

    return earliest(instants(condition))


def _field(
    condition: FieldTest, lead: Any, definitions: Definitions, now: Moment
) -> ColumnElement[bool]:
    if condition.type == "date" and condition.test.operator != "known":
        today = local_day(moment(now), _zone(lead, definitions))
        return compare_day(_day(condition, lead, definitions), condition.test, today)
    if condition.attribute:
        return compare_of_type(lead.attributes, condition.name, condition.type, condition.test)
    column = getattr(lead, condition.name)
    if condition.type == "text":
        return compare_text(column, condition.test)
    return compare_number(column, condition.test)  # created_at: `known`


def _zone(lead: Any, definitions: Definitions) -> ColumnElement[str]:
    return func.coalesce(lead.timezone, literal(definitions.workspace.zone))


def _day(condition: FieldTest, lead: Any, definitions: Definitions) -> ColumnElement[Any]:
    """The day that stands in a field of dates."""
    if condition.attribute:
        return day_of(Text.at(lead.attributes, condition.name))
    return local_day(getattr(lead, condition.name), _zone(lead, definitions))


def _turns(
    condition: FieldTest, lead: Any, definitions: Definitions, now: Moment
) -> list[ColumnElement[Any]]:
    """The first instants of the lead's days on which a test of a date changes."""
    zone = _zone(lead, definitions)
    days = turning_days(_day(condition, lead, definitions), condition.test)
    instants = [wall_instant(day * DAY, zone) for day in days]
    return [case((instant > moment(now), instant)) for instant in instants]


def _tagged(lead: Any, tags: Sequence[str]) -> ColumnElement[bool]:
    own = table_of(t.LeadTag).alias()
    carried = Folded(own.c.tag).in_([fold(tag) for tag in tags])
    return exists().where(own.c.lead_id == lead.id, carried).correlate_except(own)


def _suppressed(lead: Any) -> ColumnElement[bool]:
    none = table_of(t.Suppression).alias()
    return exists().where(none.c.email_key == lead.email_key).correlate_except(none)


def _allowed(lead: Any, topics: Sequence[str], definitions: Definitions) -> ColumnElement[bool]:
    """The lead's word on any of the topics, else the topic's default (unknown topics: no)."""
    known = definitions.workspace.topics
    ways = []
    for topic in topics:
        word = table_of(t.Consent).alias()
        said = (
            select(word.c.subscribed)
            .where(word.c.lead_id == lead.id, word.c.topic == topic)
            .correlate_except(word)
            .scalar_subquery()
        )
        default = topic in known and known[topic].default == "subscribed"
        ways.append(func.coalesce(said, literal(default)))
    return or_(false(), *ways)


def _was_in(lead: Any, sequences: Sequence[str]) -> ColumnElement[bool]:
    own = table_of(t.Enrolment).alias()
    return (
        exists()
        .where(own.c.lead_id == lead.id, own.c.sequence.in_(sequences))
        .correlate_except(own)
    )


def _handed(lead: Any, states: Sequence[str]) -> ColumnElement[bool]:
    """The state of the lead's latest handoff; leads without one are in none."""
    own = table_of(t.Handoff).alias()
    latest = (
        select(own.c.state)
        .where(own.c.lead_id == lead.id)
        .order_by(own.c.id.desc())
        .limit(1)
        .correlate_except(own)
        .scalar_subquery()
    )
    wanted = {state for each in states for state in (OPEN_STATES if each == "open" else (each,))}
    return two_valued(latest.in_(sorted(wanted)))


def _occurrences(
    event: EventTest, lead: Any, column: str, *, now: Moment, since: Since
) -> Select[Any]:
    """The lead's engagements that count at `now`, through the index (lead, kind, occurred_at).

    The span of `within` is half-open: an engagement leaves it exactly `within` after it happened.
    """
    own = table_of(t.Engagement).alias()
    found = select(own.c[column]).where(
        own.c.lead_id == lead.id,
        event_matches(event, own.c),
        own.c.occurred_at <= moment(now),
    )
    if event.within is not None:
        found = found.where(own.c.occurred_at > moment(now) - literal(event.within, Duration()))
    if since is not None:
        found = found.where(own.c.occurred_at >= since)
    return found.correlate_except(own)


def _did(event: EventTest, lead: Any, *, now: Moment, since: Since) -> ColumnElement[bool]:
    found = _occurrences(event, lead, "id", now=now, since=since)

    def times(number: int) -> ColumnElement[bool]:
        nth = found if number == 1 else found.limit(1).offset(number - 1)
        return nth.exists() if number else true()

    least = event.at_least
    if least is None:
        least = 1 if event.at_most is None else 0
    if event.at_most is None:
        return times(least)
    return and_(times(least), not_(times(event.at_most + 1)))


def _runs_out(
    event: EventTest, lead: Any, *, now: Moment, since: Since
) -> list[ColumnElement[Any]]:
    """When the n-th latest engagement leaves the span, for every n the test counts to."""
    if event.within is None:
        return []
    counts = {event.at_least or 1} if event.at_most is None or event.at_least else set()
    if event.at_most is not None:
        counts.add(event.at_most + 1)
    latest = _occurrences(event, lead, "occurred_at", now=now, since=since)
    column = latest.selected_columns[0]
    return [
        type_coerce(
            latest.order_by(column.desc()).limit(1).offset(number - 1).scalar_subquery()
            + literal(event.within, Duration()),
            Instant,
        )
        for number in sorted(counts)
    ]
