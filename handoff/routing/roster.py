"""Who in sales takes leads now, and the switch that stops one: a pause, which no apply undoes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, literal, select, update
from sqlmodel import Session

from handoff import standing, wording
from handoff.routing import availability as can
from handoff.tables import MEMBER, REP
from nurture.ledger.errors import InputRefused
from nurture.ledger.statements.changed import changed

LONGEST = timedelta(days=3660)
LONGEST_REASON = 200


@dataclass(frozen=True)
class RepRow:
    """A rep and what they have: `state` is taking leads, off, away, paused, full or gone; `until`
    when that ends, as far as known.

    Of `room` places `open` are taken, of `per_day` leads `today`.
    """

    rep: str
    name: str
    teams: tuple[str, ...]
    zone: str
    state: str
    until: datetime | None
    reason: str
    open: int
    room: int
    today: int
    per_day: int | None
    weight: int
    skills: tuple[str, ...]
    turn_at: datetime | None

    def said(self, *, now: datetime) -> str:
        """`away until Mon 09:00`, in the rep's zone."""
        if self.state == "paused":
            why = f" ({self.reason})" if self.reason else ""
            return f"paused{self._when('until', now)}{why}"
        if self.state in ("away", "off"):
            word = "away" if self.state == "away" else "not at work"
            return f"{word}{self._when('until', now) or ' in the time ahead'}"
        if self.state == "full":
            spent = self.per_day is not None and self.today >= self.per_day
            if spent:
                return f"had {self.today} of {self.per_day} today"
            return f"full, {self.open} of {self.room}"
        return "not in handoff.yaml" if self.state == "gone" else "takes leads"

    def _when(self, word: str, now: datetime) -> str:
        return f" {word} {wording.clock(self.until, self.zone, now=now)}" if self.until else ""


_ROW = select(
    REP.c.rep, REP.c.name, REP.c.zone, REP.c.pause_reason, REP.c.paused_until, REP.c.room,
    REP.c.per_day, REP.c.weight, REP.c.skills, REP.c.turn_at,
    can.GONE.label("gone"), can.PAUSED.label("paused"), can.AWAY.label("away"),
    can.AT_WORK.label("working"), can.NEXT_WORK.label("next_work"), can.held().label("open"),
    can.today().label("today"), (can.room() < 1).label("full"),
).order_by(REP.c.active.desc(), REP.c.place)  # fmt: skip


def roster(session: Session, *, now: datetime, rep: str = "") -> list[RepRow]:
    """Every rep of the applied handoff.yaml in its order, then those who are gone but have leads;
    or the one named."""
    teams: dict[str, list[str]] = {}
    order = select(MEMBER.c.team, MEMBER.c.rep).order_by(MEMBER.c.team)
    for team, who in session.execute(order):
        teams.setdefault(who, []).append(team)
    asked = _ROW.where(REP.c.rep == rep) if rep else _ROW.where(REP.c.active | (can.held() > 0))
    return [
        _row(row, tuple(teams.get(row["rep"], ())))
        for row in session.execute(asked, {"now": now}).mappings()
    ]


def members(
    session: Session, team: str, skills: str, *, now: datetime
) -> list[tuple[RepRow, bool]]:
    """Everybody of a team, with whether they have these skills."""
    knows = can.skilled(literal(skills)).label("knows")
    asked = _ROW.add_columns(knows).join(MEMBER, MEMBER.c.rep == REP.c.rep)
    rows = session.execute(asked.where(MEMBER.c.team == team), {"now": now}).mappings()
    return [(_row(row, (team,)), bool(row["knows"])) for row in rows]


def _row(row: RowMapping, teams: tuple[str, ...]) -> RepRow:
    same = ("rep", "name", "zone", "open", "room", "today", "per_day", "weight", "turn_at")
    state, until = _state(row)
    return RepRow(
        **{name: row[name] for name in same},
        teams=teams,
        state=state,
        until=until,
        skills=tuple(each for each in row["skills"].split(",") if each),
        reason=row["pause_reason"] if state == "paused" else "",
    )


def _state(row: RowMapping) -> tuple[str, datetime | None]:
    if row["gone"]:
        return "gone", None
    if row["paused"]:
        return "paused", row["paused_until"]
    if row["away"]:
        return "away", row["next_work"]
    if not row["working"]:
        return "off", row["next_work"]
    return ("full" if row["full"] else "taking leads"), None


def pause(
    session: Session, rep: str, *, until: datetime | None, reason: str, now: datetime
) -> bool:
    """Give this rep nothing new until then, or until `resume`; returns whether they took leads.

    What they have stays theirs.  InputRefused for an unknown rep, and for an instant that is over
    or too far ahead.
    """
    who = standing.rep(session, rep)
    if until is not None and until <= now:
        raise InputRefused(f"{until:%Y-%m-%d %H:%M} is over: say an instant that is still to come.")
    if until is not None and until > now + LONGEST:
        raise InputRefused("That is more than ten years ahead: leave it out to pause for good.")
    was = session.execute(select(can.PAUSED).where(REP.c.rep == who.rep), {"now": now}).scalar()
    said = wording.one_line(reason)[:LONGEST_REASON]
    session.execute(
        update(REP)
        .where(REP.c.rep == who.rep)
        .values(
            paused_at=REP.c.paused_at if was else now, paused_until=until, pause_reason=said
        )
    )
    return not was


def resume(session: Session, rep: str, *, now: datetime) -> bool:
    """Give this rep leads again; returns whether they were paused."""
    who = standing.rep(session, rep)
    again = update(REP).where(REP.c.rep == who.rep, can.PAUSED)
    values = {"paused_at": None, "paused_until": None, "pause_reason": ""}
    return changed(session, again.values(values), {"now": now}) > 0
