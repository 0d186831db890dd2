"""The funnel: how far leads came, stage by stage, and what became of their mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of

DECISION = table_of(t.Decision).c
E = table_of(t.Enrolment).c
M = table_of(t.Message).c
ENGAGEMENT = table_of(t.Engagement).c


@dataclass(frozen=True)
class StageLine:
    """One stage of one sequence: enrolments that reached it, and those standing there now."""

    sequence: str
    stage: str
    reached: int
    standing: int


@dataclass(frozen=True)
class SequenceLine:
    """One sequence: everybody who ever entered, by where they are now; `goal_later` are those of
    them who left or completed it and reached its goal afterwards."""

    sequence: str
    entered: int
    active: int
    goal: int
    completed: int
    left: int
    goal_later: int


@dataclass(frozen=True)
class MailLine:
    """How many mails of a kind are in a state, for one reason."""

    kind: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True)
class TemplateLine:
    """How many mails of a template, sent by a sequence ('' for none), are in a state."""

    sequence: str
    template: str
    state: str
    count: int


@dataclass(frozen=True)
class VariantLine:
    """How one of several subjects of a step did: mails sent, and how many of them were clicked."""

    sequence: str
    step: str
    variant: str
    sent: int
    clicked: int


def funnel(session: Session, definitions: Definitions) -> list[StageLine]:
    """The stages of every applied sequence in order, all versions together."""
    reached = _by_stage(
        session,
        select(E.sequence, DECISION.stage, func.count(DECISION.enrolment_id.distinct()))
        .join(table_of(t.Enrolment), E.id == DECISION.enrolment_id)
        .where(DECISION.kind == "stage")
        .group_by(E.sequence, DECISION.stage),
    )
    standing = _by_stage(
        session,
        select(E.sequence, E.stage, func.count())
        .where(E.state == "active")
        .group_by(E.sequence, E.stage),
    )
    return [
        StageLine(
            program.sequence,
            stage,
            reached.get((program.sequence, stage), 0),
            standing.get((program.sequence, stage), 0),
        )
        for program in definitions.active.values()
        for stage in program.stages
    ]


def sequences(session: Session) -> list[SequenceLine]:
    """Every sequence somebody ever entered, by name."""
    rows = session.execute(
        select(
            E.sequence,
            func.count(),
            *(
                func.sum(case((E.state.in_(states), 1), else_=0))
                for states in (("active",), ("goal",), ("completed",), ("exited", "moved"))
            ),
            func.count(E.goal_at),
        )
        .group_by(E.sequence)
        .order_by(E.sequence)
    )
    return [SequenceLine(*row) for row in rows]


def mail(session: Session) -> list[MailLine]:
    """Messages by kind, state and reason, the most frequent first."""
    rows = session.execute(
        select(M.kind, M.state, M.reason, func.count())
        .group_by(M.kind, M.state, M.reason)
        .order_by(M.kind.desc(), func.count().desc(), M.state, M.reason)
    )
    return [MailLine(*row) for row in rows]


def templates(session: Session) -> list[TemplateLine]:
    """Nurture mails by sequence, template and state, in the order of the first two."""
    sequence = func.coalesce(E.sequence, "")
    rows = session.execute(
        select(sequence, M.template, M.state, func.count())
        .select_from(table_of(t.Message))
        .outerjoin(table_of(t.Enrolment), E.id == M.enrolment_id)
        .where(M.kind == "nurture")
        .group_by(E.sequence, M.template, M.state)
        .order_by(E.sequence, M.template)
    )
    return [TemplateLine(*row) for row in rows]


def variants(session: Session) -> list[VariantLine]:
    """Every subject of steps that try several, by sequence, step and name."""
    clicks = select(ENGAGEMENT.id).where(
        ENGAGEMENT.message_id == M.id,
        ENGAGEMENT.kind == "email_clicked",
        ENGAGEMENT.withdrawn_at.is_(None),
    )
    rows = session.execute(
        select(
            E.sequence, M.step, M.variant, func.count(),
            func.sum(case((clicks.exists(), 1), else_=0)),
        )
        .join_from(table_of(t.Message), table_of(t.Enrolment), E.id == M.enrolment_id)
        .where(M.variant != "", M.state == "sent")
        .group_by(E.sequence, M.step, M.variant)
        .order_by(E.sequence, M.step, M.variant)
    )
    return [VariantLine(*row) for row in rows]


def count_leads(session: Session) -> int:
    """How many leads are known."""
    return int(session.execute(select(func.count()).select_from(t.Lead)).scalar_one())


def _by_stage(session: Session, query: Select[Any]) -> dict[tuple[str, str], int]:
    return {(sequence, stage): count for sequence, stage, count in session.execute(query)}
