"""Why sales sent leads back, and what the others came to: what marketing can learn from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlmodel import Session

from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.outcomes import EFFECTS
from nurture.language.sql.plain_text import PlainText
from nurture.ledger import tables as t
from nurture.ledger.errors import InputRefused
from nurture.ledger.statements.upsert import table_of

HANDOFF, LEAD, EPISODE = (table_of(each) for each in (t.Handoff, t.Lead, t.Episode))
H = HANDOFF.c
E = table_of(t.Enrolment).c
ENGAGEMENT = table_of(t.Engagement).c
BACK = tuple(name for name, effect in EFFECTS.items() if effect.back and effect.reason)
"""The states a handoff ends in with a reason that says what was wrong."""


@dataclass
class Reason:
    """One reason, how often each way of sending back was given it, and of what share of all
    handoffs of its line."""

    reason: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BACK, 0))
    share: float = 0.0

    @property
    def times(self) -> int:
        return sum(self.counts.values())


@dataclass
class Line:
    """The handoffs opened of one kind: how many, how many stand in each state, what was won."""

    name: str
    opened: int = 0
    states: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    amount: float = 0.0
    reasons: list[Reason] = field(default_factory=list)


def reasons(
    session: Session, definitions: Definitions, *, by: str = "", since: datetime | None = None
) -> list[Line]:
    """A line for each value of `by` (one for all without it) of the handoffs opened `since`, the
    largest first, each with its reasons, the most frequent first.

    `by`: `cause` (the threshold or sequence that asked), `rule` (the route, by what it says),
    `team`, `sequence` (the last one entered before), `source` (of the lead's first engagement), or
    a field of nurture.yaml that holds texts.  One statement, grouped by the database.  Raises
    InputRefused.
    """
    kind = _kind(definitions, by)
    row = (
        select(
            kind.label("name"), _reason(definitions).label("reason"), H.state, H.amount,
        )
        .join(LEAD, LEAD.c.id == H.lead_id)
        .join(EPISODE, EPISODE.c.id == H.episode_id)
        .where(H.opened_at >= since if since is not None else H.id > 0)
        .subquery()
        .c
    )  # fmt: skip
    won = func.coalesce(func.sum(case((row.state == "won", row.amount))), 0.0)
    grouped = (row.name, row.reason, row.state)
    found: dict[str, Line] = {}
    said: dict[tuple[str, str], Reason] = {}
    rows = session.execute(select(*grouped, func.count(), won).group_by(*grouped))
    for name, reason, state, count, amount in rows:
        line = found.setdefault(name or "", Line(name or ""))
        line.opened += count
        line.states[state] += count
        line.amount += amount
        if state in BACK:
            about = said.setdefault((line.name, reason), Reason(reason))
            about.counts[state] += count
    return _sorted(found, said)


def _sorted(
    found: Mapping[str, Line], said: Mapping[tuple[str, str], Reason]
) -> list[Line]:
    for (name, _), reason in said.items():
        line = found[name]
        reason.share = reason.times / line.opened
        line.reasons.append(reason)
    for line in found.values():
        line.reasons.sort(key=lambda each: (-each.times, each.reason))
    return sorted(found.values(), key=lambda line: (-line.opened, line.name))


def _kind(definitions: Definitions, by: str) -> ColumnElement[str]:
    """What a handoff is counted under."""
    fields = definitions.workspace.fields
    texts = [name for name, kind in fields.items() if kind == "text"]
    if by in texts:
        return PlainText.at(LEAD.c.attributes, by)
    kinds = {
        "": literal(""), "cause": EPISODE.c.cause, "rule": _rule(), "team": H.team,
        "sequence": _last_sequence(), "source": _first_source(),
    }  # fmt: skip
    if by not in kinds:
        allowed = [*filter(None, kinds), *texts]
        raise InputRefused(
            f"{by!r} is nothing to count by: {', '.join(allowed)}.{suggestion(by, allowed)}"
        )
    return kinds[by]


def _rule() -> ColumnElement[str]:
    """What the rule said, wherever it stood in the file; where a step named the team, the step."""
    return case((H.rule != "", H.rule), else_=H.path)


def _last_sequence() -> ColumnElement[str]:
    """The sequence the lead had entered last when the handoff was opened."""
    return (
        select(E.sequence)
        .where(E.lead_id == H.lead_id, E.entered_at <= H.opened_at)
        .order_by(E.entered_at.desc(), E.id.desc())
        .limit(1)
        .correlate(HANDOFF)
        .scalar_subquery()
    )


def _first_source() -> ColumnElement[str]:
    """Where the lead's first engagement came from; leans on `engagement_lead`."""
    return (
        select(ENGAGEMENT.source)
        .where(ENGAGEMENT.lead_id == H.lead_id)
        .order_by(ENGAGEMENT.occurred_at, ENGAGEMENT.id)
        .limit(1)
        .correlate(HANDOFF)
        .scalar_subquery()
    )


def _reason(definitions: Definitions) -> ColumnElement[str]:
    """A reason without the note behind it, where it is one that handoff.yaml suggests."""
    rules = definitions.handoff
    known: Sequence[str] = rules.recycle.reasons if rules else ()
    said = [
        (or_(H.outcome == each, H.outcome.startswith(f"{each}:", autoescape=True)), literal(each))
        for each in known
    ]
    clean = case(*said, else_=H.outcome) if said else H.outcome
    return case((H.state.in_(BACK), clean), else_="")
