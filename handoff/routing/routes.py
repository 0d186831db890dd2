"""Where routing sends leads: the rule that holds, its team, and what it says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, FromClause, Integer, String, func, literal, select

from handoff.routing.territories import first_rule
from handoff.rowset import Columns, rowset
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.grammar.words import describe
from nurture.ledger.statements.asking import NOW, Moment
from nurture.ledger.statements.batches import batch

PATH = "handoff/routing"
_NO_RULE = -1
_ROUTE: Columns = {
    "rule": Integer(), "team": String(), "said": String(), "path": String(), "skills": String(),
    "named": String(),
}  # fmt: skip


def routed(
    definitions: Definitions, source: FromClause = batch, *, now: Moment = NOW
) -> CTE:
    """(id, rule, team, said, path, skills, named) for each row of `source` (`id`, `lead_id`).

    The rule is the first that holds for the lead; where none does, the first team of the file
    takes it: no lead stays unrouted.
    """
    rules = definitions.handoff
    assert rules is not None
    first = first_rule(rules.routing, definitions, source, now=now).cte("first")
    route = rowset("route", _ROUTE, _routes(rules))
    rule = func.coalesce(first.c.rule, literal(_otherwise(rules)))
    return select(first.c.id, *route.c).join(route, route.c.rule == rule).cte("routed")


def _otherwise(rules: HandoffRules) -> int:
    numbers = [n for n, route in enumerate(rules.routing, start=1) if route.otherwise is not None]
    return numbers[0] if numbers else _NO_RULE


def _routes(rules: HandoffRules) -> list[tuple[Any, ...]]:
    """A row of `_ROUTE` for every rule, and for leads for which none holds."""
    first = next(iter(rules.teams))
    rows = [(_NO_RULE, first, f"no routing rule holds, so the first team, {first}", PATH, "", "")]
    for number, route in enumerate(rules.routing, start=1):
        named_team = rules.team_of(route)
        team = named_team if named_team in rules.teams else first
        why = route.reason or (describe(route.when) if route.when else "no other route fits")
        skills, named = ",".join(sorted(set(route.skills))), route.rep or ""
        said = f"{named or team}: {why}"
        rows.append((number, team, said, f"{PATH}/{number}", skills, named))
    return rows
