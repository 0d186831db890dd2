"""What the board of a manager shows, as plain values; see templates/pages/inbox_team.html."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.reading import looking
from app.web import forms, inbox_view
from app.web.inbox_query import Query
from app.web.inbox_view import ANSWER
from app.web.site import Site
from app.web.visitors import Visitor
from handoff.desk import inbox
from handoff.desk.board import HandoffRow
from handoff.desk.inbox import Counts, Wanted
from handoff.routing import roster
from handoff.routing.roster import RepRow
from handoff.telling.digest import yesterday
from nurture.language.files.teams import Team

SHOWN = 300
"""Handoffs on the board at most, the most urgent of all teams."""
OF_EACH = 10
"""Handoffs of one rep on the board at most; the rest is one link away."""
DAYS = 1000
NOBODY = Counts(0, 0, 0)


def values(site: Site, who: Visitor, *, told: str, error: str) -> dict[str, Any]:
    """Everything on the board."""
    now = site.now
    rules = who.definitions.handoff
    with looking(site.runtime.ledger) as session:
        shown = inbox.urgent(session, who.seat, Wanted("teams"), now=now, limit=SHOWN)
        loads = inbox.loads(session, who.seat, now=now)
        rows: defaultdict[tuple[str, str], list[HandoffRow]] = defaultdict(list)
        for row in shown:
            rows[row.team, row.rep].append(row)
        teams = [
            _team(site, session, who, name, rules.teams[name], rows, loads)
            for name in who.seat.managed
        ] if rules else []  # fmt: skip
    late = sum(load.late for load in loads.values())
    return {
        "teams": teams, "told": told, "error": error, "me": who.seat.name, "manages": True,
        "leave": inbox_view.leave(site, who), "here": "teams",
        "title": f"({late} late) Teams" if late else "Teams",
    }  # fmt: skip


def _team(
    site: Site, session: Session, who: Visitor, name: str, team: Team,
    rows: dict[tuple[str, str], list[HandoffRow]], loads: dict[tuple[str, str], Counts],
) -> dict[str, Any]:  # fmt: skip
    """A team: its queue first, then its reps, who is late first."""
    now = site.now
    members = [rep for rep, _ in roster.members(session, name, "", now=now)]
    colleagues = [(rep.rep, rep.name) for rep in members if rep.state != "gone"]

    def column(rep: str) -> dict[str, Any]:
        query = Query(Wanted("teams", team=name, rep=rep))
        mine = rows[name, rep]
        return {
            "load": loads.get((name, rep), NOBODY), "all": f"/inbox{query.text}",
            "rows": [_row(site, who, row, colleagues, now=now) for row in mine[:OF_EACH]],
        }  # fmt: skip

    known = {rep.rep for rep in members}
    left = [rep for of, rep in loads if of == name and rep and rep not in known]
    columns = [column(rep.rep) | _person(site, who, rep, now=now) for rep in members]
    columns += [column(rep) | {"name": rep, "state": "not of the team any more", "pause": ""}
                for rep in left]  # fmt: skip
    columns.sort(key=lambda each: -each["load"].late)
    every = [load for (of, _), load in loads.items() if of == name]
    return {
        "name": name, "open": sum(load.total for load in every),
        "late": sum(load.late for load in every), "queue": column(""), "columns": columns,
        "yesterday": _yesterday(site, session, name, team.zone),
    }  # fmt: skip


def _person(site: Site, who: Visitor, rep: RepRow, *, now: datetime) -> dict[str, Any]:
    return {
        "rep": rep.rep, "name": rep.name, "state": rep.said(now=now), "room": rep.room,
        "all_open": rep.open, "today": rep.today, "per_day": rep.per_day,
        "pause": "resume" if rep.state == "paused" else "pause",
        "nonce": forms.nonce(site, switch(rep.rep), who.signed.number, now=now),
    }  # fmt: skip


def switch(rep: str) -> str:
    """What the nonce of the form is for that pauses a rep, or lets them go on."""
    return f"pause or resume {rep}"


def _row(
    site: Site, who: Visitor, row: HandoffRow, colleagues: list[tuple[str, str]], *, now: datetime
) -> dict[str, Any]:
    zone = inbox_view.zone_for(who, row, "teams")
    shown = inbox_view.line(row, Query(Wanted("teams")), None, zone=zone, now=now)
    mark = forms.nonce(site, ANSWER, who.signed.number, row.id, row.generation, now=now)
    return shown | {
        "nonce": mark, "generation": row.generation, "give": f"/inbox/{row.id}/give",
        "colleagues": [each for each in colleagues if each[0] != row.rep],
    }  # fmt: skip


def _yesterday(site: Site, session: Session, team: str, zone: str) -> dict[str, Any]:
    """What became of the team's leads on the day before; asked once a day, of every handoff."""
    now = site.now
    key = (team, now.astimezone(ZoneInfo(zone)).date())
    if key not in site.yesterdays:
        if len(site.yesterdays) >= DAYS:
            site.yesterdays.clear()
        site.yesterdays[key] = yesterday(session, team, zone, now=now)
    return site.yesterdays[key]
