"""Fit rules: a standing entry while the condition about the lead holds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Insert,
    Update,
    case,
    exists,
    literal,
    or_,
    select,
    update,
)

from nurture.language.definitions import Definitions
from nurture.language.once import once
from nurture.language.predicates import predicate
from nurture.language.scoring import FitRule
from nurture.language.words import describe
from nurture.ledger import tables as t
from nurture.ledger.asking import NOW
from nurture.ledger.batches import batch
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import insert_new
from nurture.ledger.worth import FIT
from nurture.scoring.visit import ENTRY, LEAD, Visit, in_batch

COLUMNS = ("lead_id", "kind", "rule", "points", "before_limit", "at", "reason", "path")


def judge(visit: Visit) -> Tally:
    """Afterwards each lead has one standing entry, of the rule's points, for exactly the fit
    rules that hold; entries that stood and no longer do are withdrawn at `now`, with the reason.
    """
    definitions = visit.definitions
    tally = Tally.of("fit lost", visit.run(_removed(definitions)), path="scoring/fit")
    for rule in definitions.scoring.fit:
        lost = visit.run(_lost(definitions, rule))
        gained = visit.run(_gained(definitions, rule))
        tally += Tally.of("fit gained", gained, path=path_of(rule))
        tally += Tally.of("fit lost", lost, path=path_of(rule))
    return tally


def path_of(rule: FitRule) -> str:
    """Where the rule stands."""
    return f"scoring/fit/{rule.rule}"


def _holds(definitions: Definitions, rule: FitRule) -> ColumnElement[bool]:
    return predicate(rule.when, lead=LEAD.c, definitions=definitions, now=NOW)


def _standing(*where: Any) -> Update:
    return update(ENTRY).where(
        in_batch(ENTRY.c.lead_id), ENTRY.c.kind == FIT, ENTRY.c.withdrawn_at.is_(None), *where
    )


@once
def _removed(definitions: Definitions) -> Update:
    """Withdraw entries of rules that are gone."""
    names = [rule.rule for rule in definitions.scoring.fit]
    return _standing(ENTRY.c.rule.not_in(names)).values(
        withdrawn_at=NOW, withdrawn_reason="the rule was taken out of scoring.yaml"
    )


@once
def _gained(definitions: Definitions, rule: FitRule) -> Insert:
    """An entry for each lead for which the rule holds and that has none."""
    entries = (
        select(
            LEAD.c.id, FIT, literal(rule.rule), literal(rule.points, Float()),
            literal(rule.points, Float()), NOW,
            literal(rule.reason or describe(rule.when)), literal(path_of(rule)),
        )
        .select_from(batch)
        .join(LEAD, LEAD.c.id == batch.c.id)
        .where(_holds(definitions, rule))
    )  # fmt: skip
    return insert_new(t.ScoreEntry, COLUMNS, entries)


@once
def _lost(definitions: Definitions, rule: FitRule) -> Update:
    """Withdraw the rule's entries where it does not hold any more, or is worth something else."""
    holds = _holds(definitions, rule)
    still = exists().where(LEAD.c.id == ENTRY.c.lead_id, holds).correlate(ENTRY)
    other = ENTRY.c.points != literal(rule.points, Float())
    return _standing(ENTRY.c.rule == rule.rule, or_(~still, other)).values(
        withdrawn_at=NOW,
        withdrawn_reason=case(
            (~still, f"no longer holds: {describe(rule.when)}"),
            else_=f"the rule is worth {rule.points:g} points now",
        ),
    )
