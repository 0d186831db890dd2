"""What the page of a lead shows, as plain values; see templates/pages/lead.html."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from handoff.desk import board
from handoff.telling.notices import said
from insight.listing import lead_card
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.intake.leads import lead_by_number
from nurture.ledger.timeline import TimelineLine, timeline
from nurture.scoring.explain import explain

OWN = ("email", "external_id", "company", "job_title", "phone", "country", "timezone", "lifecycle")


def values(
    session: Session, definitions: Definitions, number: int, *, now: datetime
) -> dict[str, Any]:
    """Everything on the page; NotFound for a number that is no lead's."""
    lead = lead_by_number(session, number)
    card = lead_card(session, definitions, lead)
    score = explain(session, number, now=now)
    zone = definitions.workspace.zone
    return {
        "lead": _lead(lead) | {"tags": list(card.tags)},
        "score": {
            "total": score.score, "behaviour": score.behaviour, "fit": score.fit,
            "grade": definitions.scoring.grade_of(score.fit),
            "sentences": list(score.sentences),
        },
        "enrolments": [
            {
                "sequence": each.sequence, "stage": each.stage, "state": each.state,
                "entered": said(each.entered_at, zone), "reason": each.reason,
            }
            for each in card.enrolments
        ],
        "handoffs": [
            {
                "id": row.id, "team": row.team, "rep": row.rep_name or row.rep,
                "state": row.state, "opened": said(row.opened_at, zone), "reason": row.reason,
            }
            for row in board.handoffs(session, now=now, lead=number)
        ],
        "timeline": [_line(line, ZoneInfo(zone)) for line in timeline(session, number)],
    }  # fmt: skip


def _lead(lead: t.Lead) -> dict[str, Any]:
    known = {name: getattr(lead, name) or "" for name in OWN}
    attributes = [(name, str(value)) for name, value in sorted(lead.attributes.items())]
    name = f"{lead.first_name} {lead.last_name}".strip()
    return known | {"name": name, "attributes": attributes}


def _line(line: TimelineLine, zone: ZoneInfo) -> dict[str, str]:
    text = f"{line.text} ({line.reason})" if line.reason else line.text
    return {"at": f"{line.at.astimezone(zone):%d %b %H:%M}", "text": text, "path": line.path}
