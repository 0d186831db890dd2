"""Behaviour rules: the tick's engagements become lines of the score ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Float,
    Insert,
    Integer,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    union_all,
)

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.scoring import BehaviourRule, Limit
from nurture.language.grammar.words import describe
from nurture.language.sql.occurrences import event_matches
from nurture.ledger import tables as t
from nurture.ledger.localtime import local_day
from nurture.ledger.statements.asking import TICK
from nurture.ledger.statements.extremes import Greatest, Least
from nurture.ledger.statements.upsert import insert_new
from nurture.ledger.tally import Tally
from nurture.ledger.types import Duration, Instant
from nurture.scoring.visit import ENGAGEMENT, ENTRY, TOUCH, Visit, in_batch, said

COLUMNS = (
    "lead_id", "kind", "rule", "points", "before_limit", "half_life", "at", "engagement_id",
    "reason", "path",
)  # fmt: skip
LONGEST_BUCKET = timedelta(days=9)
"""A week, and the offsets of the zones at either end of it."""

LIMIT_NOTE = "; "
"""Between a rule's reason and what its limit took."""

FIRST, LAST = (bindparam(name, type_=Instant()) for name in ("first", "last"))
"""Of what instants the tick's engagements of a rule's kind are."""


def give(visit: Visit) -> Tally:
    """Write an entry for every (engagement of the tick, rule it meets) that has none yet.

    Points stop at the rule's limit in the workspace's day or week, or for the lead; entries made
    before count, withdrawn ones do not, and of one tick the earliest engagement comes first.
    What the limit takes away is kept in `before_limit`, and an entry cut to nothing is written
    all the same.  A late engagement never changes entries that stand.
    """
    spans = {kind: (first, last) for kind, first, last in visit.ask(_SPANS)}
    tally = Tally()
    for rule in visit.definitions.scoring.behaviour:
        if rule.event.kind in spans:
            first, last = spans[rule.event.kind]
            count = visit.run(_given(visit.definitions, rule), first=first, last=last)
            tally += Tally.of("scored", count, path=path_of(rule))
    return tally


def path_of(rule: BehaviourRule) -> str:
    """Where the rule stands."""
    return f"scoring/behaviour/{rule.rule}"


def reason_of(rule: BehaviourRule) -> str:
    """The rule's own words, else its condition's."""
    return rule.reason or describe(rule.event)


@once
def _given(definitions: Definitions, rule: BehaviourRule) -> Insert:
    """The rule's entries for the tick's engagements, which are of `:first` to `:last`."""
    entries = _limited(rule, rule.limit, definitions.workspace.zone) if rule.limit else _plain(rule)
    return insert_new(t.ScoreEntry, COLUMNS, entries)


_NEW = (
    ENGAGEMENT.c.id.in_(
        select(TOUCH.engagement_id).where(TOUCH.tick_id == TICK, TOUCH.engagement_id.is_not(None))
    ),
    ENGAGEMENT.c.lead_id.is_not(None),
)
"""The engagement is one of the tick's."""

_SPANS = (
    select(
        ENGAGEMENT.c.kind,
        func.min(ENGAGEMENT.c.occurred_at, type_=Instant()),
        func.max(ENGAGEMENT.c.occurred_at, type_=Instant()),
    )
    .where(*_NEW)
    .group_by(ENGAGEMENT.c.kind)
)
"""The kinds of the tick's engagements, each with its earliest and latest instant."""


def _meeting(rule: BehaviourRule, *columns: Any) -> Select[Any]:
    return select(*columns).where(*_NEW, event_matches(rule.event, ENGAGEMENT.c))


def _plain(rule: BehaviourRule) -> Select[Any]:
    return _meeting(
        rule,
        ENGAGEMENT.c.lead_id, literal("behaviour"), literal(rule.rule),
        literal(rule.points, Float()), literal(rule.points, Float()),
        literal(rule.fades, Duration()), ENGAGEMENT.c.occurred_at, ENGAGEMENT.c.id,
        literal(reason_of(rule)), literal(path_of(rule)),
    )  # fmt: skip


def _limited(rule: BehaviourRule, limit: Limit, zone: str) -> Select[Any]:
    size, sign = abs(rule.points), 1.0 if rule.points >= 0 else -1.0
    found = _held_and_new(rule, limit).subquery().c
    bucket = _bucket(limit, found.at, zone)
    taken = func.sum(case((found.held == 1, found.points), else_=size)).over(
        partition_by=[found.lead_id, *bucket],
        order_by=[found.held.desc(), found.at, found.engagement_id],
        rows=(None, -1),
    )
    room = Greatest(limit.points - func.coalesce(taken, 0.0), 0.0)
    row = select(
        found.lead_id, found.engagement_id, found.at, found.held,
        Least(literal(size, Float()), room).label("given"),
    ).subquery().c  # fmt: skip
    return select(
        row.lead_id, literal("behaviour"), literal(rule.rule),
        row.given * literal(sign, Float()), literal(rule.points, Float()),
        literal(rule.fades, Duration()), row.at, row.engagement_id,
        _limited_reason(rule, limit, row.given), literal(path_of(rule)),
    ).where(row.held == 0)  # fmt: skip


def _held_and_new(rule: BehaviourRule, limit: Limit) -> Select[Any]:
    """One row an engagement: those with an entry by this rule (`held`, what it took of the limit)
    and the tick's new ones.

    Told apart by grouping, not by an anti-join on the table that is being filled.
    """
    standing = case(
        (ENTRY.c.withdrawn_at.is_not(None), 0.0), else_=func.abs(ENTRY.c.points)
    )
    held = select(
        ENTRY.c.lead_id, ENTRY.c.engagement_id, ENTRY.c.at,
        standing.label("points"), literal_column("1", Integer()).label("held"),
    ).where(
        in_batch(ENTRY.c.lead_id), ENTRY.c.kind == "behaviour", ENTRY.c.rule == rule.rule
    )  # fmt: skip
    if limit.per != "lead":
        held = held.where(ENTRY.c.at.between(FIRST - LONGEST_BUCKET, LAST + LONGEST_BUCKET))
    fresh = _meeting(
        rule,
        ENGAGEMENT.c.lead_id, ENGAGEMENT.c.id, ENGAGEMENT.c.occurred_at,
        literal(0.0, Float()), literal_column("0", Integer()),
    )  # fmt: skip
    both = union_all(held, fresh).subquery().c
    return select(
        func.min(both.lead_id).label("lead_id"),
        both.engagement_id,
        type_coerce(func.min(both.at), Instant).label("at"),
        func.max(both.points).label("points"),
        func.max(both.held).label("held"),
    ).group_by(both.engagement_id)


def _bucket(limit: Limit, at: Any, zone: str) -> list[Any]:
    """What a limit is counted in: a local day, a local week from Monday on, or all of it."""
    if limit.per == "lead":
        return []
    day = local_day(at, literal(zone))
    if limit.per == "day":
        return [day]
    return [type_coerce(day + 3, day.type).self_group() // 7]  # 1970-01-01 was a Thursday


def _limited_reason(rule: BehaviourRule, limit: Limit, given: Any) -> Any:
    said_so = f"its limit is {limit.points:g} per {limit.per}"
    note = case(
        (given <= 0, f"{LIMIT_NOTE}no points: {said_so}"),
        (given < abs(rule.points), f"{LIMIT_NOTE}not all its points: {said_so}"),
        else_="",
    )
    return said(reason_of(rule), note)
