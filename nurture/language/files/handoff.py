"""handoff.yaml, whole: teams, routing, SLA clocks, ladders, recycling, outcomes, the CRM."""

from __future__ import annotations

from nurture.language.files.crm import CrmModel
from nurture.language.files.ladders import RungModel, Sla
from nurture.language.files.outcomes import Outcomes
from nurture.language.files.teams import Owners, Route, Team
from nurture.language.grammar.condition_fields import ConditionField, Segments
from nurture.language.grammar.models import Count, Elapsed, Model, Name, Names


class Opening(Model):
    """A line the rep may open the call with: the first whose condition holds."""

    when: ConditionField | None = None
    say: str


class Recycle(Model):
    """What happens to a lead sales sends back, or lets lapse: the sequence it starts, how often at
    most (ladders count as well), the reasons suggested."""

    sequence: str | None = None
    at_most: Count = 3
    reasons: Names = ("not a fit", "no budget", "wrong contact", "bad timing")


class Brake(Model):
    """So many handoffs within a time are the most; what goes beyond waits for somebody to look."""

    handoffs: Count
    within: Elapsed


class HandoffRules(Model):
    """handoff.yaml, whole."""

    teams: dict[Name, Team]
    routing: tuple[Route, ...]
    sla: dict[Name, Sla]
    ladders: dict[Name, tuple[RungModel, ...]]
    openings: tuple[Opening, ...] = ()
    recycle: Recycle = Recycle()
    outcomes: Outcomes = Outcomes()
    brake: Brake | None = None
    owners: Owners = Owners()
    crm: CrmModel | None = None
    segments: Segments = {}

    def team_of(self, route: Route) -> str | None:
        """The team a route gives leads to: the one it names, else the first its rep is in."""
        if route.rep is None or route.team is not None:
            return route.team or route.otherwise
        return next((name for name, team in self.teams.items() if route.rep in of(team)), None)


def of(team: Team) -> list[str]:
    """The names of a team's reps."""
    return [each.rep for each in team.reps]
