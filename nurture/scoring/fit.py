"""Fit rules: a standing entry while the condition about the lead holds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, case, exists, literal, or_, select, update

from nurture.language.predicates import predicate
from nurture.language.scoring import FitRule
from nurture.language.words import describe
from nurture.ledger import tables as t
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
    tally = _withdraw_removed(visit)
    for rule in visit.definitions.scoring.fit:
        holds = predicate(
            rule.when, lead=LEAD.c, definitions=visit.definitions, now=visit.now
        )
        lost = visit.run(_withdrawal(visit, rule, holds))
        entries = (
            select(
                LEAD.c.id, FIT, literal(rule.rule), literal(rule.points, Float()),
                literal(rule.points, Float()), visit.instant,
                literal(rule.reason or describe(rule.when)), literal(path_of(rule)),
            )
            .select_from(batch)
            .join(LEAD, LEAD.c.id == batch.c.id)
            .where(holds)
        )  # fmt: skip
        gained = insert_new(visit.session, t.ScoreEntry, COLUMNS, entries)
        tally += Tally.of("fit gained", gained, path=path_of(rule))
        tally += Tally.of("fit lost", lost, path=path_of(rule))
    return tally


def path_of(rule: FitRule) -> str:
    """Where the rule stands."""
    return f"scoring/fit/{rule.rule}"


def _standing(*where: Any) -> Any:
    return update(ENTRY).where(
        in_batch(ENTRY.c.lead_id), ENTRY.c.kind == FIT, ENTRY.c.withdrawn_at.is_(None), *where
    )


def _withdraw_removed(visit: Visit) -> Tally:
    names = [rule.rule for rule in visit.definitions.scoring.fit]
    removed = _standing(ENTRY.c.rule.not_in(names)).values(
        withdrawn_at=visit.now, withdrawn_reason="the rule was taken out of scoring.yaml"
    )
    return Tally.of("fit lost", visit.run(removed), path="scoring/fit")


def _withdrawal(visit: Visit, rule: FitRule, holds: Any) -> Any:
    still = exists().where(LEAD.c.id == ENTRY.c.lead_id, holds).correlate(ENTRY)
    other = ENTRY.c.points != literal(rule.points, Float())
    return _standing(ENTRY.c.rule == rule.rule, or_(~still, other)).values(
        withdrawn_at=visit.now,
        withdrawn_reason=case(
            (~still, f"no longer holds: {describe(rule.when)}"),
            else_=f"the rule is worth {rule.points:g} points now",
        ),
    )
