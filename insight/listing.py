"""What lists and cards show of the ledger: plain rows, each with as few statements as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of

ENROLMENT = table_of(t.Enrolment).c
MESSAGE = table_of(t.Message).c
LEAD = table_of(t.Lead).c
PAUSE = table_of(t.Pause).c


@dataclass(frozen=True)
class SequenceRow:
    """A sequence: its applied version, who stands where, and whether it is paused."""

    sequence: str
    description: str
    definition: int
    stages: tuple[str, ...]
    active: int = 0
    older: int = 0
    by_stage: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    paused_since: datetime | None = None
    paused_reason: str = ""


def sequences(session: Session, definitions: Definitions) -> list[SequenceRow]:
    """Every applied sequence by name; `older` counts enrolments on earlier versions."""
    counted = session.execute(
        select(
            ENROLMENT.sequence, ENROLMENT.definition_id, ENROLMENT.state, ENROLMENT.stage,
            func.count(),
        ).group_by(
            ENROLMENT.sequence, ENROLMENT.definition_id, ENROLMENT.state, ENROLMENT.stage
        )
    ).all()  # fmt: skip
    pauses = session.execute(select(PAUSE.sequence, PAUSE.since, PAUSE.reason))
    paused = {row.sequence: row for row in pauses}
    found = []
    for name in sorted(definitions.active):
        program = definitions.active[name]
        by_stage = dict.fromkeys(program.stages, 0)
        ended: dict[str, int] = {}
        older = 0
        for sequence, definition, state, stage, count in counted:
            if sequence != name:
                continue
            if state != "active":
                ended[state] = ended.get(state, 0) + count
                continue
            by_stage[stage] = by_stage.get(stage, 0) + count
            older += 0 if definition == program.definition_id else count
        pause = paused.get(name)
        found.append(
            SequenceRow(
                name,
                program.description,
                program.definition_id,
                program.stages,
                sum(by_stage.values()),
                older,
                by_stage,
                ended,
                pause.since if pause else None,
                pause.reason if pause else "",
            )
        )
    return found


@dataclass(frozen=True)
class MessageRow:
    """A mail, sent or not."""

    id: int
    kind: str
    lead_id: int
    lead: str
    template: str
    state: str
    reason: str
    path: str
    due_at: datetime
    handed_at: datetime | None
    settled_at: datetime | None
    attempts: int
    message_id: str


def messages(
    session: Session,
    *,
    states: Sequence[str] = (),
    lead: int | None = None,
    limit: int = 50,
) -> list[MessageRow]:
    """Mails with their lead, the newest first."""
    only: list[ColumnElement[bool]] = []
    if states:
        only.append(MESSAGE.state.in_(states))
    if lead is not None:
        only.append(MESSAGE.lead_id == lead)
    named = func.coalesce(LEAD.email, "id:" + LEAD.external_id)
    rows = session.execute(
        select(
            MESSAGE.id, MESSAGE.kind, MESSAGE.lead_id, named, MESSAGE.template, MESSAGE.state,
            MESSAGE.reason, MESSAGE.path, MESSAGE.due_at, MESSAGE.handed_at, MESSAGE.settled_at,
            MESSAGE.attempts, MESSAGE.message_id,
        )
        .join(table_of(t.Lead), LEAD.id == MESSAGE.lead_id)
        .where(*only)
        .order_by(MESSAGE.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [MessageRow(*row) for row in rows]


@dataclass(frozen=True)
class SentMail:
    """A nurture mail that went out, by the step that sent it."""

    id: int
    lead_id: int
    step: str
    handed_at: datetime


def sent_at(session: Session, at: datetime) -> list[SentMail]:
    """The nurture mails that were handed over at this very instant."""
    rows = session.execute(
        select(MESSAGE.id, MESSAGE.lead_id, MESSAGE.step, MESSAGE.handed_at).where(
            MESSAGE.kind == "nurture", MESSAGE.state == "sent", MESSAGE.handed_at == at
        )
    )
    return [SentMail(*row) for row in rows]


def message_states(session: Session) -> dict[str, int]:
    """How many mails are in each state."""
    rows = session.execute(
        select(MESSAGE.state, func.count().label("mails"))
        .group_by(MESSAGE.state)
        .order_by(MESSAGE.state)
    )
    return {row.state: row.mails for row in rows}


def unknown_messages(session: Session) -> int:
    """How many mails nobody knows the fate of; leans on `message_unknown`."""
    unknown = select(func.count()).where(among(MESSAGE.state, ("unknown",)))
    return int(session.execute(unknown).scalar_one())


@dataclass(frozen=True)
class Standing:
    """Where a lead stands, or how it left, in one sequence."""

    sequence: str
    state: str
    stage: str
    step: str
    due_at: datetime | None
    entered_at: datetime
    ended_at: datetime | None
    reason: str


@dataclass(frozen=True)
class LeadCard:
    """What is known of a lead beside its own fields."""

    tags: tuple[str, ...]
    topics: dict[str, bool]
    suppressed: str
    enrolments: tuple[Standing, ...]


def lead_card(session: Session, definitions: Definitions, lead: t.Lead) -> LeadCard:
    """A lead's tags, consents (the defaults of topics it said nothing about) and enrolments."""
    tags = session.execute(
        select(col(t.LeadTag.tag)).where(col(t.LeadTag.lead_id) == lead.id).order_by("tag")
    ).scalars()
    said: dict[str, bool] = {
        row.topic: row.subscribed
        for row in session.execute(
            select(t.Consent).where(col(t.Consent.lead_id) == lead.id)
        ).scalars()
    }
    topics = {
        name: said.get(name, topic.default == "subscribed")
        for name, topic in definitions.workspace.topics.items()
    }
    stop = session.get(t.Suppression, lead.email_key) if lead.email_key else None
    rows = session.execute(
        select(t.Enrolment)
        .where(col(t.Enrolment.lead_id) == lead.id)
        .order_by(col(t.Enrolment.entered_at), col(t.Enrolment.id))
    ).scalars()
    return LeadCard(
        tuple(tags),
        topics,
        f"{stop.kind}: {stop.reason}" if stop else "",
        tuple(_standing(definitions, row) for row in rows),
    )


def _standing(definitions: Definitions, row: t.Enrolment) -> Standing:
    program = definitions.programs.get(row.definition_id)
    step: Any = None
    if row.state == "active" and program is not None and row.position < len(program.steps):
        step = program.steps[row.position]
    return Standing(
        row.sequence, row.state, row.stage, step.path if step else row.path, row.due_at,
        row.entered_at, row.ended_at, row.reason,
    )  # fmt: skip
