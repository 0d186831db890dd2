"""What the demo shows at its end: the same figures for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from insight import funnel, service
from nurture.language.definitions import Definitions
from nurture.ledger.leads import lead_by_number
from nurture.ledger.timeline import TimelineLine, timeline


@dataclass(frozen=True)
class Table:
    """A table with a title: column names, and rows of texts and numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def tables(session: Session, definitions: Definitions, *, now: datetime) -> list[Table]:
    """Funnel by stage, messages by state, handoffs, their clocks, what the ladders did."""
    return [
        _table("Funnel", funnel.funnel(session, definitions)),
        _table("Sequences", funnel.sequences(session)),
        _table("Messages", funnel.mail(session)),
        _table("Handoffs", service.handoffs(session)),
        _table("SLA clocks", service.clocks(session, now=now)),
        _table("Ladders", service.rungs(session)),
    ]


def _table(title: str, lines: list[Any]) -> Table:
    rows = [asdict(line) for line in lines]
    columns = tuple(name.replace("_", " ") for name in rows[0]) if rows else ()
    return Table(title, columns, [tuple(row.values()) for row in rows])


def story_of(session: Session, lead_id: int) -> tuple[str, list[tuple[str, str, str]]]:
    """The lead's name to ask for, and as (instant, what, text) how it came to its sales outcome."""
    lead = lead_by_number(session, lead_id)
    name = lead.email or f"id:{lead.external_id}"
    closed = service.closed_at(session, lead_id)
    lines = [
        line for line in timeline(session, lead_id) if closed is None or line.at <= closed
    ]
    return name, [(f"{line.at:%d %b %H:%M}", line.what, _told(line)) for line in lines]


def _told(line: TimelineLine) -> str:
    """What happened, with its reason where the bare fact would leave one asking."""
    if line.what == "episode":
        return f"crossed the line: {line.reason}"
    unsent = line.what == "message" and not line.text.endswith(": sent")
    asked = unsent or line.what in ("score", "escalation")
    return f"{line.text}: {line.reason}" if asked and line.reason else line.text
