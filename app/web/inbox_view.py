"""What the inbox shows, as plain values; see templates/pages/inbox.html."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.reading import looking
from app.web import forms, handoff_view, inbox_query
from app.web.inbox_query import Query
from app.web.site import Site
from app.web.visitors import Visitor
from handoff import standing
from handoff.desk import inbox
from handoff.desk.board import HandoffRow
from handoff.desk.inbox import Wanted
from handoff.standing import Standing, length
from handoff.telling.notices import said
from nurture.ledger.errors import NotFound

ANSWER = "answer in the inbox"
"""What the nonce of an answer is for: this session, this handoff, this generation."""
LISTS = {"mine": "Mine", "queue": "To take", "closed": "Closed", "teams": "My teams"}
OF_OWNER = {
    "offered": ("accept", "reject", "give", "pause"),
    "accepted": ("meeting", "opportunity", "won", "lost", "recycle", "reject", "give", "pause"),
    "working": ("meeting", "opportunity", "won", "lost", "recycle", "reject", "give", "pause"),
}
"""Answers of who has the lead, by the handoff's state, beside those that depend on its clocks."""
BY_CLOCKS = ("touch", "snooze")


@dataclass(frozen=True)
class Chosen:
    """The handoff beside the list: which answer's form is open (`verb`, '' for none), and what
    became of the one before (`told`, or `error`)."""

    handoff: int | None = None
    verb: str = ""
    told: str = ""
    error: str = ""


def values(site: Site, who: Visitor, query: Query, chosen: Chosen) -> dict[str, Any]:
    """Everything on the page; NotFound for a handoff that is none of theirs."""
    now = site.now
    with looking(site.runtime.ledger) as session:
        shown = lists(session, who, query, now=now, at=chosen.handoff)
        found = _seen(session, who, shown["at"]) if shown["at"] else None
    brief = _brief(site, who, found, query, chosen.verb) if found else None
    return shown | {
        "brief": brief, "chosen": chosen.handoff is not None, "told": chosen.told,
        "error": chosen.error, "manages": bool(who.seat.managed),
        "leave": leave(site, who), "me": who.seat.name,
    }  # fmt: skip


def leave(site: Site, who: Visitor) -> str:
    """The nonce that signs out."""
    return forms.nonce(site, "sign out", who.signed.number, now=site.now)


def lists(
    session: Session, who: Visitor, query: Query, *, now: datetime, at: int | None
) -> dict[str, Any]:
    """The list and its filters; `at` is the handoff beside it, the first unless one is chosen."""
    seat, wanted = who.seat, query.wanted
    rows = inbox.urgent(session, seat, wanted, now=now, limit=query.shown + 1)
    at = at or (rows[0].id if rows else None)
    counts = inbox.count(session, seat, wanted.whose, now=now)
    more = len(rows) > query.shown and query.shown < inbox_query.MOST
    return {
        "rows": [
            line(row, query, at, zone=zone_for(who, row, wanted.whose), now=now)
            for row in rows[: query.shown]
        ],
        "more": f"/inbox{query.more.text}" if more else "",
        "counts": counts, "wanted": wanted, "query": query.text, "at": at or 0,
        "lists": [
            (LISTS[name], f"/inbox{Query(Wanted(whose=name)).text}", name == wanted.whose)
            for name in inbox_query.whose(seat)
        ],
        "teams": inbox_query.teams(seat), "states": inbox_query.states(wanted.whose),
        "look_back": inbox.LOOK_BACK.days, "filtered": wanted != Wanted(whose=wanted.whose),
        "title": f"({counts.late} late) Leads" if counts.late else "Leads",
    }  # fmt: skip


def zone_for(who: Visitor, row: HandoffRow, whose: str) -> str | None:
    """In which zone instants are said: a manager's team's, else that of the handoff's clocks."""
    clocks = row.clocks[0].zone if row.clocks else None
    return _teams_own(who, row.team, whose) or clocks


def _teams_own(who: Visitor, team: str, whose: str) -> str | None:
    """The zone of a team, for who looks at the teams they manage."""
    rules = who.definitions.handoff
    return rules.teams[team].zone if whose == "teams" and rules and team in rules.teams else None


def line(
    row: HandoffRow, query: Query, at: int | None, *, zone: str | None, now: datetime
) -> dict[str, Any]:
    """One row of the list."""
    clock = row.next_clock
    return {
        "id": row.id, "url": f"/inbox/{row.id}{query.text}", "here": row.id == at,
        "lead": row.lead, "company": row.company, "team": row.team,
        "rep": row.rep_name or row.rep, "state": row.state, "late": bool(row.late),
        "to_do": handoff_view.TO_DO[clock.kind] if clock else "",
        "due": said(clock.due_at, zone) if clock else "",
        "due_at": clock.due_at.isoformat() if clock else "",
        "left": left(clock.due_at, now) if clock else "",
        "waits": said(row.held_until, zone), "closed": _closed(row, zone),
    }  # fmt: skip


def _closed(row: HandoffRow, zone: str | None) -> str:
    """`Tue 3 Mar 2026 10:00: chose us`, '' while it is open."""
    if row.closed_at is None:
        return ""
    behind = f": {row.outcome}" if row.outcome else ""
    return said(row.closed_at, zone) + behind


def left(due: datetime, now: datetime) -> str:
    """`2 hours 5 minutes left`, or how late; the page's script counts on in the same words."""
    return f"{length(due - now)} left" if due > now else f"{length(now - due)} late"


def _seen(session: Session, who: Visitor, number: int) -> Standing:
    found = standing.of(session, number)
    if not who.seat.roles(found):
        raise NotFound
    return found


def _brief(
    site: Site, who: Visitor, found: Standing, query: Query, verb: str
) -> dict[str, Any]:
    """The lead, why it is here, and the answers this seat has."""
    now = site.now
    shown = handoff_view.values(
        site.runtime.ledger, who.definitions, found.handoff, found.generation, now=now,
        zone=_teams_own(who, found.team, query.wanted.whose),
    )  # fmt: skip
    may = answers_of(who, found, shown["allowed"])
    mark = forms.nonce(
        site, ANSWER, who.signed.number, found.handoff, found.generation, now=now
    )
    here = f"/inbox/{found.handoff}"
    return shown | {
        "may": may, "verb": verb if verb in may else "", "nonce": mark,
        "generation": found.generation, "back": f"/inbox{query.text}",
        "urls": {name: f"{here}/{name}{query.text}" for name in may},
    }  # fmt: skip


def answers_of(who: Visitor, found: Standing, allowed: Sequence[str]) -> tuple[str, ...]:
    """What this seat may answer now, of what the handoff's clocks allow."""
    roles = who.seat.roles(found)
    may: list[str] = []
    if "owner" in roles:
        may += OF_OWNER.get(found.state, ())
        may += [verb for verb in BY_CLOCKS if verb in allowed]
        may += ["resume"] if found.held_until is not None else []
    if "taker" in roles:
        may.append("accept")
    if "manager" in roles and found.state in OF_OWNER and "give" not in may:
        may.append("give")
    return tuple(may)

