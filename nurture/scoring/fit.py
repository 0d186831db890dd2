"""Fit rules: a standing entry while the condition about the lead holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Result,
    Select,
    Update,
    and_,
    case,
    exists,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.scoring import FitRule
from nurture.language.grammar.words import describe
from nurture.language.sql.predicates import predicate
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import one_of
from nurture.ledger.statements.upsert import insert_new
from nurture.ledger.tally import Tally
from nurture.ledger.worth import FIT
from nurture.scoring.visit import ENTRY, LEAD, Visit, in_batch

TOGETHER = 100
"""Rules asked in one statement: SQLite takes at most 500 queries in a union."""
COLUMNS = ("lead_id", "kind", "rule", "points", "before_limit", "at", "reason", "path")


def judge(visit: Visit) -> Tally:
    """Afterwards each lead has one standing entry, of the rule's points, for exactly the fit
    rules that hold; entries that stood and no longer do are withdrawn at `now`, with the reason.

    Two statements for every hundred rules.
    """
    definitions = visit.definitions
    tally = _tally("fit lost", visit.ask(_removed(definitions)))
    for first in range(0, len(definitions.scoring.fit), TOGETHER):
        tally += _tally("fit lost", visit.ask(_lost(definitions, first)))
        tally += _tally("fit gained", visit.ask(_gained(definitions, first)))
    return tally


def _tally(what: str, rules: Result[tuple[str]]) -> Tally:
    """Counted by the rules of the entries a statement changed."""
    tally = Tally()
    for rule, count in Counter(rules.scalars()).items():
        tally += Tally.of(what, count, path=path_of(rule))
    return tally


def path_of(rule: str) -> str:
    """Where the rule stands."""
    return f"scoring/fit/{rule}"


def _holds(definitions: Definitions, rule: FitRule) -> ColumnElement[bool]:
    return predicate(rule.when, lead=LEAD.c, definitions=definitions, now=NOW)


def _standing(*where: Any) -> Update:
    return update(ENTRY).where(
        in_batch(ENTRY.c.lead_id), ENTRY.c.kind == FIT, ENTRY.c.withdrawn_at.is_(None), *where
    )


@once
def _removed(definitions: Definitions) -> ReturningUpdate[tuple[str]]:
    """Withdraw entries of rules that are gone."""
    names = [rule.rule for rule in definitions.scoring.fit]
    gone = _standing(~one_of(ENTRY.c.rule, names)).values(
        withdrawn_at=NOW, withdrawn_reason="the rule was taken out of scoring.yaml"
    )
    return gone.returning(ENTRY.c.rule)


@once
def _gained(definitions: Definitions, first: int) -> ReturningInsert[tuple[str]]:
    """An entry for each lead for which a rule holds and that has none of it."""
    rules = definitions.scoring.fit[first : first + TOGETHER]
    new = union_all(*(_entries(definitions, rule) for rule in rules)).subquery()
    return insert_new(t.ScoreEntry, COLUMNS, select(*new.c)).returning(ENTRY.c.rule)


def _entries(definitions: Definitions, rule: FitRule) -> Select[Any]:
    points = literal(rule.points, Float())
    return (
        select(
            LEAD.c.id, FIT.label("kind"), literal(rule.rule).label("rule"), points.label("points"),
            points.label("before"), NOW.label("at"),
            literal(rule.reason or describe(rule.when)).label("reason"),
            literal(path_of(rule.rule)).label("path"),
        )
        .select_from(batch)
        .join(LEAD, LEAD.c.id == batch.c.id)
        .where(_holds(definitions, rule))
    )  # fmt: skip


@once
def _lost(definitions: Definitions, first: int) -> ReturningUpdate[tuple[str]]:
    """Withdraw entries whose rule does not hold any more, or is worth something else."""
    over = []
    for rule in definitions.scoring.fit[first : first + TOGETHER]:
        still = exists().where(LEAD.c.id == ENTRY.c.lead_id, _holds(definitions, rule))
        mine, other = ENTRY.c.rule == rule.rule, ENTRY.c.points != literal(rule.points, Float())
        over += [
            (and_(mine, ~still.correlate(ENTRY)), f"no longer holds: {describe(rule.when)}"),
            (and_(mine, other), f"the rule is worth {rule.points:g} points now"),
        ]
    lost = _standing(or_(*(test for test, _ in over))).values(
        withdrawn_at=NOW, withdrawn_reason=case(*over)
    )
    return lost.returning(ENTRY.c.rule)
