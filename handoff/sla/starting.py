"""What starts a clock and its ladder: one statement each for all handoffs of `batch`.

Windows and rungs are the same for many handoffs, so their instants are found once for each
(start, hours, zone, amount), then joined.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Insert,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from handoff import terms
from handoff.sla.deadlines import due
from handoff.tables import CLOCK, HANDOFF, REP, RUNNING
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.ladders import Kind
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.upsert import insert_new
from nurture.ledger.types import Instant

_CLOCK = (
    "handoff_id", "kind", "generation", "round", "rep", "restarts", "calendar", "zone", "allowed",
    "business", "started_at", "due_at", "reason",
)  # fmt: skip
_RUNG = (
    "clock_id", "rung", "repetition", "action", "due_at", "business", "of_end", "path",
)  # fmt: skip
_HOLDER = ("id", "team", "rep", "generation", "accepted_at", "last_touch_at")


@once
def starting(definitions: Definitions, *kinds: Kind) -> tuple[Insert, Insert]:
    """The statements that start the clocks of these kinds, and their ladders; asked with `now`
    and `why`."""
    rules = definitions.handoff
    assert rules is not None
    wanted = _wanted(definitions, rules, kinds)
    asked = ("starts_at", "amount", "business", "hours", "zone")
    keys = select(*(wanted.c[name] for name in asked)).distinct().cte("window_key")
    at = due(*(keys.c[name] for name in asked))
    ends = select(*keys.c, at.label("due_at")).distinct().cte("window_end")
    row = (
        wanted.c.id, wanted.c.kind, wanted.c.generation, wanted.c.round, wanted.c.rep,
        wanted.c.restarts, wanted.c.hours, wanted.c.zone, wanted.c.amount, wanted.c.business,
        wanted.c.starts_at, ends.c.due_at, bindparam("why", type_=String()) + wanted.c.said,
    )  # fmt: skip
    rows = (
        select(*row)
        .join(ends, and_(*(ends.c[name] == wanted.c[name] for name in asked)))
        .order_by(wanted.c.id, wanted.c.kind)
    )
    return insert_new(t.Clock, _CLOCK, rows), insert_new(t.Rung, _RUNG, _ladders(rules, kinds))


def _wanted(definitions: Definitions, rules: HandoffRules, kinds: tuple[Kind, ...]) -> CTE:
    """The clocks of the working set: whose hours count, from when, how long."""
    holder, window = _holders(definitions, rules), terms.windows(rules)
    of_team = or_(window.c.of_team, holder.c.rep_hours.is_(None))
    begun = case(
        (window.c.kind == "close", holder.c.accepted_at),
        (window.c.kind == "next_step", holder.c.last_touch_at),
    )
    return (
        select(
            holder.c.id,
            holder.c.rep,
            holder.c.generation,
            *(window.c[name] for name in ("kind", "amount", "business", "restarts", "said")),
            (_round(holder, window) if "next_step" in kinds else literal(1)).label("round"),
            case((of_team, holder.c.team_hours), else_=holder.c.rep_hours).label("hours"),
            case((of_team, holder.c.team_zone), else_=holder.c.rep_zone).label("zone"),
            func.coalesce(begun, NOW, type_=Instant()).label("starts_at"),
        )
        .join(window, window.c.team == holder.c.team)
        .where(window.c.kind.in_(kinds), or_(holder.c.rep != "", window.c.kind == "accept"))
        .cte("wanted")
    )


def _holders(definitions: Definitions, rules: HandoffRules) -> CTE:
    """The handoffs of the working set with the hours of the rep, if there is one, and the team."""
    team = terms.teams(definitions, rules)
    return (
        select(
            *(HANDOFF.c[name] for name in _HOLDER),
            REP.c.hours.label("rep_hours"),
            REP.c.zone.label("rep_zone"),
            team.c.hours.label("team_hours"),
            team.c.zone.label("team_zone"),
        )
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(team, team.c.team == HANDOFF.c.team)
        .outerjoin(REP, REP.c.rep == HANDOFF.c.rep)
        .cte("holder")
    )


def _round(holder: CTE, window: CTE) -> ColumnElement[int]:
    """The next round of next_step; of other kinds there is one.  Leans on `clock_once`."""
    before = CLOCK.alias("before")
    rounds = (
        select(func.max(before.c.round))
        .where(before.c.handoff_id == holder.c.id, before.c.kind == "next_step")
        .where(before.c.generation == holder.c.generation)
        .correlate(holder)
        .scalar_subquery()
    )
    return case((window.c.kind == "next_step", func.coalesce(rounds, 0) + 1), else_=1)


def _ladders(rules: HandoffRules, kinds: tuple[Kind, ...]) -> Select[Any]:
    """The rungs of the running clocks of these kinds; in the queue there is nobody to remind."""
    clock, rung = _current(kinds).cte("running"), terms.rungs(rules)
    fits = and_(rung.c.team == clock.c.team, rung.c.kind == clock.c.kind)
    wanted = or_(clock.c.rep != "", rung.c.action != "remind")
    shared = ("calendar", "zone", "started_at", "due_at")
    said = ("term", "share", "after", "business", "again", "again_business")
    keys = (
        select(*(clock.c[name] for name in shared), *(rung.c[name] for name in said))
        .join(rung, fits)
        .where(wanted)
        .distinct()
        .cte("rung_key")
    )
    at = _falls(keys)
    joined = and_(at.c.term == rung.c.term, *(at.c[name] == clock.c[name] for name in shared))
    counted = case((rung.c.again > 0, rung.c.again_business), else_=rung.c.business)
    row = (
        clock.c.id, rung.c.rung, rung.c.repetition, rung.c.action, at.c.falls_at, counted,
        rung.c.share.is_(None), rung.c.path,
    )  # fmt: skip
    rows = select(*row).join(rung, fits).join(at, joined).where(wanted)
    return rows.order_by(clock.c.id, rung.c.rung, rung.c.repetition)


def _current(kinds: tuple[Kind, ...]) -> Select[Any]:
    """The running clocks of the working set's current generation."""
    return (
        select(CLOCK, HANDOFF.c.team)
        .select_from(batch)
        .join(HANDOFF, HANDOFF.c.id == batch.c.id)
        .join(
            CLOCK,
            and_(CLOCK.c.handoff_id == HANDOFF.c.id, CLOCK.c.generation == HANDOFF.c.generation),
        )
        .where(RUNNING, CLOCK.c.kind.in_(kinds))
    )


def _falls(keys: CTE) -> CTE:
    """When each rung falls due: a share of the window after its start, or a time after its end;
    repeated, so much later."""
    start_at = case((keys.c.share.is_not(None), keys.c.started_at), else_=keys.c.due_at)
    amount = func.coalesce(keys.c.share, keys.c.after)
    first_at = due(start_at, amount, keys.c.business, keys.c.calendar, keys.c.zone)
    first = select(*keys.c, first_at.label("first_at")).distinct().cte("rung_first")
    later = due(
        first.c.first_at, first.c.again, first.c.again_business, first.c.calendar, first.c.zone
    )
    falls = case((first.c.again > 0, later), else_=first.c.first_at)
    return select(*first.c, falls.label("falls_at")).cte("rung_end")
