"""Where one handoff stands, and how that is said to somebody who came too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from handoff import wording
from handoff.tables import CHANGE, CLOCK, HANDOFF, OPEN, REP, RUNNING
from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.errors import InputRefused, NotFound


@dataclass(frozen=True)
class Standing:
    """A handoff as it is now."""

    handoff: int
    lead: int
    team: str
    rep: str
    state: str
    generation: int
    accepted_at: datetime | None
    touched_at: datetime | None
    held_until: datetime | None
    snoozed: int


@dataclass(frozen=True)
class Person:
    """A rep as rows say."""

    rep: str
    name: str
    email: str


def of(session: Session, handoff: int) -> Standing:
    """The handoff; raises NotFound."""
    h = HANDOFF.c
    row = session.execute(
        select(
            h.id, h.lead_id, h.team, h.rep, h.state, h.generation, h.accepted_at, h.touched_at,
            h.held_until, h.snoozed,
        ).where(h.id == handoff)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no handoff {handoff}: see nurture handoffs list.")
    return Standing(*row)


def rep(session: Session, name: str) -> Person:
    """An active rep by name; raises InputRefused with who there is."""
    known = session.execute(
        select(REP.c.rep, REP.c.name, REP.c.email).where(REP.c.active).order_by(REP.c.place)
    ).all()
    for row in known:
        if row.rep == name:
            return Person(*row)
    names = ", ".join(row.rep for row in known) or "nobody yet"
    said, near = wording.one_line(name)[:80], suggestion(name, [row.rep for row in known])
    raise InputRefused(f"{said!r} is not a rep of handoff.yaml; there is {names}.{near}")


def name_of(session: Session, who: str) -> str:
    """The full name of a rep, or the words given."""
    clean = wording.one_line(who)[:120]
    found = session.execute(select(REP.c.name).where(REP.c.rep == clean)).scalar()
    return str(found) if found else clean


def holder(session: Session, handoff: int, generation: int) -> str:
    """The rep who had the handoff in a generation, '' if nobody had."""
    found = session.execute(
        select(CLOCK.c.rep).where(CLOCK.c.handoff_id == handoff, CLOCK.c.generation == generation)
    ).scalar()
    return str(found or "")


def already(
    session: Session, definitions: Definitions, handoff: int, *, own: bool = True
) -> str:
    """What was decided, by whom and when: `Handoff 7 was accepted by Bo on Mon 2 Mar 10:05`."""
    now_is = of(session, handoff)
    when: datetime | None
    if now_is.state == "offered" or not own:
        who = name_of(session, now_is.rep) if now_is.rep else f"the queue of {now_is.team}"
        offered = session.execute(
            select(HANDOFF.c.offered_at).where(HANDOFF.c.id == handoff)
        ).scalar()
        since = f" since {say(definitions, now_is.team, offered)}" if offered else ""
        return f"Handoff {handoff} is with {who}{since}. Nothing was changed."
    last = session.execute(
        select(CHANGE.c.reason, CHANGE.c.at)
        .where(CHANGE.c.lead_id == now_is.lead, CHANGE.c.field == f"handoff {handoff}")
        .where(CHANGE.c.new == now_is.state, CHANGE.c.old != CHANGE.c.new)
        .order_by(CHANGE.c.at.desc(), CHANGE.c.id.desc())
        .limit(1)
    ).one_or_none()
    what, when = (last.reason, last.at) if last else (now_is.state, None)
    on = f" on {say(definitions, now_is.team, when)}" if when else ""
    again = "" if now_is.state in OPEN else " It is closed."
    return f"Handoff {handoff} was {what}{on}.{again} Nothing was changed."


def say(definitions: Definitions, team: str, at: datetime) -> str:
    rules = definitions.handoff
    known = rules is not None and team in rules.teams
    zone = rules.teams[team].zone if rules is not None and known else definitions.workspace.zone
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} ({zone})"


def runs(session: Session, handoff: int, kind: str) -> bool:
    """Whether a clock of this kind runs."""
    own = select(CLOCK.c.id).where(CLOCK.c.handoff_id == handoff, CLOCK.c.kind == kind, RUNNING)
    return session.execute(own).first() is not None


def lateness(session: Session, handoff: int, kind: str, *, now: datetime) -> str:
    """`, 40 minutes late` when the running clock of this kind ran out before `now`, else ''."""
    due = session.execute(
        select(CLOCK.c.due_at).where(
            CLOCK.c.handoff_id == handoff, CLOCK.c.kind == kind, RUNNING
        )
    ).scalar()
    return f", {length(now - due)} late" if due is not None and now > due else ""


def length(amount: timedelta) -> str:
    """A length of time as people say it: `40 minutes`, `3 hours 5 minutes`, `2 days`."""
    minutes = max(1, round(amount.total_seconds() / 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes if not days else 0, "minute")]
    said = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(said[:2])
