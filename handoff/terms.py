"""What the applied handoff.yaml says of teams, windows and rungs, as rows to join.

Amounts are microseconds.  A handoff is judged by the rules that are applied now; clocks and rungs
already started keep what they were started with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import CTE, BigInteger, Boolean, Integer, String

from handoff.rowset import Columns, rowset
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.hours import team_hours
from nurture.language.files.ladders import ClockModel, RungModel
from nurture.language.grammar.durations import Span
from nurture.ledger.types import MICROSECOND

_SAID = {
    "accept": "to accept",
    "first_touch": "to get in touch",
    "next_step": "for the next step",
    "close": "to come to an end",
}
_TEAM: Columns = {"team": String(), "hours": String(), "zone": String(), "manager": String()}
_WINDOW: Columns = {
    "team": String(), "kind": String(), "amount": BigInteger(), "business": Boolean(),
    "of_team": Boolean(), "restarts": Boolean(), "said": String(),
}  # fmt: skip
_RUNG: Columns = {
    "term": Integer(), "team": String(), "kind": String(), "rung": Integer(),
    "repetition": Integer(), "action": String(), "share": BigInteger(), "after": BigInteger(),
    "business": Boolean(), "again": BigInteger(), "again_business": Boolean(), "path": String(),
}  # fmt: skip


def teams(definitions: Definitions, rules: HandoffRules) -> CTE:
    """(team, hours, zone, manager's address)."""
    rows = [
        (name, team_hours(rules, definitions.workspace, name), team.zone, team.manager.email)
        for name, team in rules.teams.items()
    ]
    return rowset("team_term", _TEAM, rows)


def windows(rules: HandoffRules) -> CTE:
    """One row for every clock of a team.

    `of_team`: the team's hours count, not those of the rep who has it.
    """
    rows: list[tuple[Any, ...]] = []
    for team, said in rules.teams.items():
        sla = rules.sla[said.sla]
        for kind, clock in sla.clocks.items():
            of_team, restarts = clock.hours == "team", kind in sla.restart
            amount, business = clock.within.amount // MICROSECOND, clock.within.business
            words = f"{clock.within} {_SAID[kind]}"
            rows.append((team, kind, amount, business, of_team, restarts, words))
    return rowset("window_term", _WINDOW, rows)


def rungs(rules: HandoffRules) -> CTE:
    """Every rung of every clock, and every repetition of it; `term` numbers them.

    `share` counts from the clock's start, `after` from its due instant; one of them is None.
    `again` counts on from there.
    """
    rows: list[tuple[Any, ...]] = []
    for team, said in rules.teams.items():
        sla = rules.sla[said.sla]
        for kind, clock in sla.clocks.items():
            name = clock.ladder or sla.ladder
            for number, rung in enumerate(rules.ladders[name], start=1):
                path = f"handoff/ladders/{name}/{number}"
                for repetition, *instant in _instants(rung, clock):
                    rung_row = (team, kind, number, repetition, rung.action, *instant, path)
                    rows.append((len(rows), *rung_row))
    return rowset("rung_term", _RUNG, rows)


def _instants(rung: RungModel, clock: ClockModel) -> Iterator[tuple[Any, ...]]:
    """(repetition, share, after, business, again, again_business), the first time first."""
    when, repeat = _when(rung, clock.within), rung.repeat
    yield (1, *when, 0, False)
    if repeat is not None:
        every = repeat.every.amount // MICROSECOND
        for times in range(1, repeat.at_most + 1):
            yield (times + 1, *when, times * every, repeat.every.business)


def _when(rung: RungModel, span: Span) -> tuple[int | None, int | None, bool]:
    if rung.at is not None:
        return round(span.amount * rung.at / MICROSECOND), None, span.business
    after = rung.after or Span(MICROSECOND)
    return None, after.amount // MICROSECOND, after.business
