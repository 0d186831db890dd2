"""Conditions as SQL predicates: the same compiled form for entry, gates, branches, scoring,
routing and reports, on SQLite and PostgreSQL alike.

Every predicate is true or false for every lead, never NULL: an unknown value makes a test false,
so `not` turns it true.  How texts, numbers and properties compare: `values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
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
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.grammar.conditions import (
    AllOf,
    AnyOf,
    Condition,
    EventTest,
    FieldTest,
    GradeTest,
    HandoffTest,
    Not,
    ScoreTest,
    SequenceTest,
    TagTest,
    TopicTest,
)
from nurture.language.sql.days import compare_day, turning_days
from nurture.language.sql.occurrences import Counting, Entering, Since, did, runs_out
from nurture.language.sql.values import (
    Folded,
    Text,
    compare_number,
    compare_of_type,
    compare_text,
    day_of,
    fold,
    two_valued,
)
from nurture.ledger import tables as t
from nurture.ledger.localtime import DAY, local_day, wall_instant
from nurture.ledger.statements.asking import Moment, moment
from nurture.ledger.statements.extremes import earliest
from nurture.ledger.statements.plans import one_of
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.handoffs import OPEN_STATES
from nurture.ledger.worth import ROUNDING, next_crossing, score_of

LEAD = table_of(t.Lead).c


def predicate(
    condition: Condition,
    *,
    lead: Any = LEAD,
    definitions: Definitions,
    now: Moment,
    since: Since = None,
    entering: Entering | None = None,
) -> ColumnElement[bool]:
    """The condition for the lead whose columns are `lead`, at `now`; true or false, never NULL.

    `lead` is the `.c` of the lead table or of an alias of it (a model class does as well) that
    the statement selects from.  With `since` (an instant of the same statement) only events from
    it on count.  `entering` is the event that let the lead in, where it is asked in a sequence:
    without it no event is the `same` in anything.
    """

    def part(each: Condition) -> ColumnElement[bool]:
        return predicate(
            each, lead=lead, definitions=definitions, now=now, since=since, entering=entering
        )

    match condition:
        case AllOf(parts):
            return and_(true(), *map(part, parts))
        case AnyOf(parts):
            return or_(false(), *map(part, parts))
        case Not(inner):
            return not_(part(inner))
        case FieldTest():
            return _field(condition, lead, definitions, now)
        case ScoreTest() | GradeTest():
            return _scored(condition, lead, definitions, now)
        case TagTest(tags):
            return _tagged(lead, tags)
        case TopicTest(topics):
            return and_(not_(_suppressed(lead)), _allowed(lead, topics, definitions))
        case SequenceTest(sequences):
            return _was_in(lead, sequences)
        case HandoffTest(states):
            return _handed(lead, states)
        case EventTest():
            return did(condition, lead, Counting(now, since, entering))


def next_change(
    condition: Condition,
    *,
    lead: Any = LEAD,
    definitions: Definitions,
    now: Moment,
    since: Since = None,
    entering: Entering | None = None,
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
            case GradeTest():
                lines = list(definitions.scoring.grades.values())
                return [next_crossing(lead.id, lines, now=now, which="fit")] if lines else []
            case EventTest():
                return runs_out(each, lead, Counting(now, since, entering))
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


def _scored(
    condition: ScoreTest | GradeTest, lead: Any, definitions: Definitions, now: Moment
) -> ColumnElement[bool]:
    """Points, or the range of a grade, in which the fit lies; grades beside each other are one."""
    if isinstance(condition, ScoreTest):
        score = score_of(lead.id, now=now, which=condition.which)
        return compare_number(score, condition.test, tolerance=ROUNDING)
    fit = score_of(lead.id, now=now, which="fit")
    ways = [
        and_(fit >= least - ROUNDING, true() if below is None else fit < below - ROUNDING)
        for least, below in definitions.scoring.ranges(condition.grades)
    ]
    return or_(false(), *ways)


def _tagged(lead: Any, tags: Sequence[str]) -> ColumnElement[bool]:
    own = table_of(t.LeadTag).alias()
    carried = one_of(Folded(own.c.tag), [fold(tag) for tag in tags])
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
        .where(own.c.lead_id == lead.id, one_of(own.c.sequence, sequences))
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
    return two_valued(one_of(latest, sorted(wanted)))
