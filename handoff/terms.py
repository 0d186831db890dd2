"""What the applied handoff.yaml says of teams, windows and rungs, as rows to join.

Amounts are microseconds.  A handoff is judged by the rules that are applied now; clocks and rungs
already started keep what they were started with.
"""

from __future__ import annotations

from sqlalchemy import CTE, BigInteger, Boolean, Integer, String

from handoff.rowset import Columns, rowset
from nurture.language.definitions import Definitions
from nurture.language.durations import Span
from nurture.language.handoff import HandoffRules
from nurture.language.hours import team_hours
from nurture.language.ladders import RungModel
from nurture.ledger.types import MICROSECOND

KINDS = ("accept", "first_touch")
"""The clocks of a handoff, in the order they should be met."""

_SAID = {"accept": "accept", "first_touch": "get in touch"}
_TEAM: Columns = {"team": String(), "hours": String(), "zone": String(), "manager": String()}
_WINDOW: Columns = {
    "team": String(), "kind": String(), "amount": BigInteger(), "business": Boolean(),
    "said": String(),
}  # fmt: skip
_RUNG: Columns = {
    "team": String(), "kind": String(), "rung": Integer(), "action": String(),
    "share": BigInteger(), "after": BigInteger(), "business": Boolean(), "path": String(),
}  # fmt: skip


def teams(definitions: Definitions, rules: HandoffRules) -> CTE:
    """(team, hours, zone, manager's address)."""
    rows = [
        (name, team_hours(rules, definitions.workspace, name), team.zone, team.manager.email)
        for name, team in rules.teams.items()
    ]
    return rowset("team_term", _TEAM, rows)


def window(rules: HandoffRules, team: str, kind: str) -> Span:
    """How long a rep of the team has for `kind`."""
    sla = rules.sla[rules.teams[team].sla]
    return sla.accept if kind == "accept" else sla.first_touch


def windows(rules: HandoffRules) -> CTE:
    """(team, kind, amount, business, said): one row for every clock of a team."""
    rows = []
    for team in rules.teams:
        for kind in KINDS:
            span = window(rules, team, kind)
            said = f"{span} to {_SAID[kind]}"
            rows.append((team, kind, span.amount // MICROSECOND, span.business, said))
    return rowset("window_term", _WINDOW, rows)


def rungs(rules: HandoffRules) -> CTE:
    """(team, kind, rung, action, share, after, business, path): every rung of every clock.

    `share` counts from the clock's start, `after` from its due instant; one of them is None.
    """
    rows = []
    for team, said in rules.teams.items():
        ladder = rules.sla[said.sla].ladder
        for kind in KINDS:
            span = window(rules, team, kind)
            for number, rung in enumerate(rules.ladders[ladder], start=1):
                path = f"handoff/ladders/{ladder}/{number}"
                rows.append((team, kind, number, action(rung), *_when(rung, span), path))
    return rowset("rung_term", _RUNG, rows)


def action(rung: RungModel) -> str:
    """What a rung's row says it does: remind, tell, give, or `recycle:<sequence>`."""
    return f"recycle:{rung.recycle}" if rung.recycle else rung.action


def _when(rung: RungModel, span: Span) -> tuple[int | None, int | None, bool]:
    if rung.at is not None:
        return round(span.amount * rung.at / MICROSECOND), None, span.business
    after = rung.after or Span(MICROSECOND)
    return None, after.amount // MICROSECOND, after.business
