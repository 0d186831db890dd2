"""What the overview shows, as plain values; see templates/pages/home.html."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlmodel import Session

from handoff.desk import board
from handoff.desk.board import ClockRow, HandoffRow
from handoff.routing import brake
from handoff.telling.notices import said
from insight import funnel, service
from nurture.language.compiled.definitions import Definitions

SHOWN = 50
COLUMNS = {
    "sent": ("sent",),
    "due": ("due", "deferred", "claimed", "handed"),
    "suppressed": ("suppressed", "expired", "cancelled"),
    "unknown": ("unknown",),
    "failed": ("rejected", "render_failed"),
}
"""The columns of the table of mails, and the states each counts."""
NOT_SENT = (*COLUMNS["suppressed"], *COLUMNS["failed"], *COLUMNS["unknown"])
TAKEN = ("accepted", "working", "won", "lost")
BACK = ("rejected", "recycled", "lapsed")


def values(session: Session, definitions: Definitions, *, now: datetime) -> dict[str, Any]:
    """Everything on the page, of one state of the ledger."""
    teams = _teams(session, now=now)
    mails = _mails(session)
    rows = board.handoffs(session, now=now, limit=SHOWN)
    zone = definitions.workspace.zone
    everyone = sum(team["handoffs"] for team in teams)
    sequences = _funnel(session, definitions)
    return {
        "counts": [
            ("Leads", funnel.count_leads(session)),
            ("Under way", sum(flow["active"] for flow in sequences)),
            ("Mails sent", sum(mail["sent"] for mail in mails)),
            ("With sales", sum(team["waiting"] + team["open"] for team in teams)),
            ("Late", sum(team["late"] for team in teams)),
        ],
        "funnel": sequences,
        "messages": mails,
        "message_reasons": [
            {"state": line.state, "reason": line.reason, "count": line.count}
            for line in funnel.mail(session)
            if line.kind == "nurture" and line.state in NOT_SENT
        ],
        "teams": teams,
        "handoffs": [_handoff(row, zone) for row in rows],
        "more": everyone - len(rows),
        "held": brake.count_held(brake.standing(session)),
    }


def _funnel(session: Session, definitions: Definitions) -> list[dict[str, Any]]:
    lines = {line.sequence: line for line in funnel.sequences(session)}
    stages = funnel.funnel(session, definitions)
    found = []
    for name, program in definitions.active.items():
        line = lines.get(name)
        found.append(
            {
                "sequence": name,
                "description": program.description,
                "entered": line.entered if line else 0,
                "active": line.active if line else 0,
                "completed": line.completed if line else 0,
                "goal": line.goal + line.goal_later if line else 0,
                "exited": line.left if line else 0,
                "stages": [
                    {"stage": each.stage, "reached": each.reached, "here": each.standing}
                    for each in stages
                    if each.sequence == name
                ],
            }
        )
    return found


def _mails(session: Session) -> list[dict[str, Any]]:
    """Nurture mails by sequence and template, in columns of states."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for line in funnel.templates(session):
        found.setdefault((line.sequence, line.template), Counter())[line.state] += line.count
    return [
        {"sequence": sequence, "email": template}
        | {name: sum(counts[state] for state in states) for name, states in COLUMNS.items()}
        for (sequence, template), counts in found.items()
    ]


def _teams(session: Session, *, now: datetime) -> list[dict[str, Any]]:
    """Handoffs a team by what became of them, and how its accept clocks ended."""
    states: dict[str, Counter[str]] = {}
    for line in service.handoffs(session):
        states.setdefault(line.team, Counter())[line.state] += line.count
    clocks = {each.team: each for each in service.clocks(session, now=now)
              if each.clock == "accept"}  # fmt: skip
    found = []
    for team, counts in states.items():
        clock = clocks.get(team)
        found.append(
            {
                "team": team,
                "handoffs": counts.total(),
                "accepted": sum(counts[state] for state in TAKEN),
                "open": counts["accepted"] + counts["working"],
                "in_time": clock.in_time if clock else 0,
                "late": clock.late + clock.lapsed if clock else 0,
                "recycled": sum(counts[state] for state in BACK),
                "waiting": counts["offered"],
            }
        )
    return found


def _handoff(row: HandoffRow, zone: str) -> dict[str, Any]:
    clocks = {clock.kind: clock for clock in row.clocks}
    return {
        "id": row.id, "url": "", "lead": row.lead, "lead_url": f"/leads/{row.lead_id}",
        "company": row.company, "team": row.team, "rep": row.rep_name or row.rep,
        "state": row.state, "opened": said(row.opened_at, zone),
        **_clock("accept", clocks.get("accept")), **_clock("touch", clocks.get("first_touch")),
    }  # fmt: skip


def _clock(name: str, clock: ClockRow | None) -> dict[str, str]:
    if clock is None:
        return {name: "", f"{name}_result": ""}
    result = "late" if clock.state == "met late" else clock.state
    return {name: said(clock.due_at, clock.zone), f"{name}_result": result}
