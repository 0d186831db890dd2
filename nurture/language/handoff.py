"""handoff.yaml, whole: teams, routing, SLA clocks, ladders, recycling."""

from __future__ import annotations

from nurture.language.condition_fields import ConditionField, Segments
from nurture.language.ladders import RungModel, Sla
from nurture.language.models import Count, Model, Name, Names
from nurture.language.teams import Route, Team


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


class HandoffRules(Model):
    """handoff.yaml, whole."""

    teams: dict[Name, Team]
    routing: tuple[Route, ...]
    sla: dict[Name, Sla]
    ladders: dict[Name, tuple[RungModel, ...]]
    openings: tuple[Opening, ...] = ()
    recycle: Recycle = Recycle()
    segments: Segments = {}
