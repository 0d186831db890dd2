"""What the demo shows at its end: the same figures for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from insight import examples, funnel, service
from nurture.calendar.zones import local_instant
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.intake.leads import lead_by_number
from nurture.ledger.timeline import TimelineLine, timeline

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Table:
    """A table with a title: column names, and rows of texts and numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def tables(session: Session, definitions: Definitions, *, now: datetime) -> list[Table]:
    """Funnel by stage, messages by state, handoffs, their clocks, ladders, who was away."""
    return [
        _table("Funnel", funnel.funnel(session, definitions)),
        _table("Sequences", funnel.sequences(session)),
        _table("Messages", funnel.mail(session)),
        _table("Handoffs", service.handoffs(session)),
        _table("SLA clocks", service.clocks(session, now=now)),
        _table("Ladders", service.rungs(session)),
        away(session, definitions),
    ]


def _table(title: str, lines: list[Any]) -> Table:
    rows = [asdict(line) for line in lines]
    columns = tuple(name.replace("_", " ") for name in rows[0]) if rows else ()
    return Table(title, columns, [tuple(row.values()) for row in rows])


def away(session: Session, definitions: Definitions) -> Table:
    """Of each rep's time away, the offers that came to the rep, and to the rest of the team."""
    rules = definitions.handoff
    rows: list[tuple[Any, ...]] = []
    for name, team in rules.teams.items() if rules else ():
        for each in team.reps:
            place = ZoneInfo(each.zone or team.zone)
            for first, last in each.away:
                begin, end = (local_instant(day, 0, place) for day in (first, last + DAY))
                got = examples.offers(session, name, begin=begin, end=end)
                others = sum(got.values()) - got.get(each.rep, 0)
                days = f"{first:%d %b} to {last:%d %b}"
                rows.append((each.name, days, got.get(each.rep, 0), others))
    return Table("Away", ("rep", "days", "offers", "to the rest of the team"), rows)


@dataclass(frozen=True)
class Told:
    """A lead's story: a title, the lead's name to ask for, and lines of (instant, what, text)."""

    title: str
    lead: str
    lines: list[tuple[str, str, str]]


OF_NURTURE = ("sequence", "message")
OF_SALES = ("episode", "handoff", "clock", "escalation", *OF_NURTURE)


def told(session: Session) -> list[Told]:
    """One lead's whole way to a sale and what that started; and from the offer on, one nobody
    called, and one sent back."""
    found = []
    sold = examples.sold(session)
    if sold is not None:
        closed = service.closed_at(session, sold)
        lines = [
            each for each in timeline(session, sold)
            if closed is None or each.at <= closed or each.what in OF_NURTURE
        ]  # fmt: skip
        found.append(_told(session, "One lead from first click to customer", sold, lines))
    for title, lead in (
        ("One lead nobody got round to, up the whole ladder", examples.lapsed(session)),
        ("One lead sales rejected, back in nurture", examples.returned(session)),
    ):
        if lead is not None:
            opened = examples.offered_at(session, lead)
            lines = [
                each for each in timeline(session, lead)
                if opened and each.at >= opened and each.what in OF_SALES
            ]  # fmt: skip
            found.append(_told(session, title, lead, lines))
    return found


def _told(session: Session, title: str, lead_id: int, lines: list[TimelineLine]) -> Told:
    lead = lead_by_number(session, lead_id)
    said = [(f"{line.at:%d %b %H:%M}", line.what, _text(line)) for line in lines]
    return Told(title, lead.email or f"id:{lead.external_id}", said)


def _text(line: TimelineLine) -> str:
    """What happened, with its reason where the bare fact would leave one asking."""
    if line.what == "episode":
        return f"crossed the line: {line.reason}"
    unsent = line.what == "message" and not line.text.endswith(": sent")
    asked = unsent or line.what in ("score", "escalation", "handoff", "sequence")
    return f"{line.text}: {line.reason}" if asked and line.reason else line.text
