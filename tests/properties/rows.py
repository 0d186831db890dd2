"""The rows a history comes to, and what a lead's score is by its ledger, reckoned apart."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play

CLOCK, DECISION, ENGAGEMENT, ENROLMENT, ENTRY, EPISODE, FOLLOW_UP, HANDED, LEAD, MESSAGE, RUNG = (
    table_of(model)
    for model in (
        t.Clock, t.Decision, t.Engagement, t.Enrolment, t.ScoreEntry, t.Episode, t.FollowUp,
        t.Handoff, t.Lead, t.Message, t.Rung,
    )
)  # fmt: skip
STAND = "lead_id sequence key turn state stage position due_at recheck_at watch_at"
WANTED = {
    "enrolments": (ENROLMENT, STAND + " entered_at begun_at ended_at reason path"),
    "messages": (MESSAGE, "kind lead_id step template state due_at handed_at reason path"),
    "entries": (ENTRY, "lead_id kind rule points at step reason withdrawn_at"),
    "episodes": (EPISODE, "lead_id cause team opened_at told_at closed_at reason"),
    "handoffs": (HANDED, "lead_id team rep state generation opened_at closed_at"),
    "clocks": (CLOCK, "kind generation rep started_at due_at met_at lapsed_at stopped_at"),
    "rungs": (RUNG, "rung repetition action due_at state fired_at"),
    "follow_ups": (FOLLOW_UP, "lead_id sequence planned_at due_at state settled_at dropped path"),
    "decisions": (DECISION, "lead_id at kind stage reason path"),
    "changes": (table_of(t.Change), "lead_id at field old new reason path"),
    "leads": (LEAD, "id lifecycle behaviour fit look_at"),
}  # fmt: skip


def everything(play: Play) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that say what was decided and done, without numbers the database gave."""
    found = {}
    for name, (table, columns) in WANTED.items():
        rows = play.rows(select(*(table.c[column] for column in columns.split())))
        found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def scores(play: Play, now: datetime, *, only: Select[Any] | None = None) -> dict[int, float]:
    """Every lead's score, or the part of it these entries give: the plain sum of their worth."""
    counted = [ENTRY.c.withdrawn_at.is_(None), ENTRY.c.at <= now]
    if only is not None:
        counted.append(ENTRY.c.id.in_(only))
    entries = play.rows(
        select(ENTRY.c.lead_id, ENTRY.c.points, ENTRY.c.half_life, ENTRY.c.at).where(*counted)
    )
    own: dict[int, float] = defaultdict(float)
    for lead, points, half_life, since in entries:
        own[lead] += points * (1.0 if half_life is None else 2 ** (-(now - since) / half_life))
    return own
