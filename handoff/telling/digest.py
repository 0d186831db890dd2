"""One mail each morning to a manager: what is open, what is late, what became of yesterday.

Its instant is a row a manager, its mail a post unique by manager and day: two processes, or an
outage of days, still make one a day.  Nothing is said of a day with nothing open and nothing done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, delete, func, select, update
from sqlmodel import Session

from handoff.alarms import identity
from handoff.desk.board import DUE, handoffs
from handoff.tables import CLOCK, DIGEST, HANDOFF, OPEN
from handoff.telling.notice_press import NoticePress
from handoff.telling.notices import said
from nurture.calendar.zones import local_instant
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL
from nurture.ledger import tables as t
from nurture.ledger.errors import RenderFailed
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new_values, upsert_values
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

log = logging.getLogger(__name__)
D, H, C = DIGEST.c, HANDOFF.c, CLOCK.c
LISTED = 8
"""Late handoffs a team that are named."""
RESULTS = ("won", "lost", "rejected", "recycled", "lapsed")
NEXT_DIGEST = select(func.min(D.due_at, type_=Instant()))


def keep_digests(session: Session, definitions: Definitions, *, now: datetime) -> None:
    """Afterwards each manager of a team with `digest` has a row, in the words of the first such
    team; one whose time did not change keeps its instant."""
    wanted: dict[str, tuple[str, str]] = {}
    for team in definitions.handoff.teams.values() if definitions.handoff else ():
        if team.digest is not None:
            wanted.setdefault(team.manager.email, (team.digest, team.zone))
    kept = {row.recipient: (row.at, row.zone) for row in session.execute(select(DIGEST))}
    session.execute(delete(DIGEST).where(D.recipient.not_in(list(wanted))))
    rows = [
        {"recipient": who, "at": at, "zone": zone, "due_at": next_morning(at, zone, now=now)}
        for who, (at, zone) in wanted.items()
        if kept.get(who) != (at, zone)
    ]
    upsert_values(session, t.Digest, ["recipient"], rows)


def postpone(session: Session, *, until: datetime) -> None:
    """No digest before `until`."""
    session.execute(update(DIGEST).values(due_at=until))


def next_morning(at: str, zone: str, *, now: datetime) -> datetime:
    """The first instant after `now` at which clocks in the zone show `at`."""
    place = ZoneInfo(zone)
    minute = int(at[:2]) * 60 + int(at[3:])
    today = now.astimezone(place).date()
    days = (local_instant(today + timedelta(days=ahead), minute, place) for ahead in range(3))
    return next(day for day in days if day > now)


def write_digests(
    session: Session,
    definitions: Definitions,
    press: Callable[[], NoticePress],
    *,
    now: datetime,
) -> Tally:
    """Write the digests that are due, one a manager, and set the next morning."""
    due = session.execute(select(DIGEST).where(D.due_at <= now).order_by(D.recipient)).all()
    written = 0
    for row in due:
        values = _values(session, definitions, row.recipient, row.zone, now=now)
        pages = _pages(press, values) if values is not None else None
        if pages is not None:
            subject, text, html = pages
            day = now.astimezone(ZoneInfo(row.zone)).date()
            key = f"digest:{row.recipient}:{day}"
            post = {
                "key": key, "kind": "digest", "channel": EMAIL, "recipient": row.recipient,
                "subject": subject, "text": text, "html": html, "identity": identity(key),
                "planned_at": now, "due_at": now,
            }  # fmt: skip
            written += insert_new_values(session, t.Post, [post])
        then = next_morning(row.at, row.zone, now=now)
        session.execute(update(DIGEST).where(D.recipient == row.recipient).values(due_at=then))
    return Tally.of("digests written", written)


def _pages(
    press: Callable[[], NoticePress], values: dict[str, Any]
) -> tuple[str, str, str] | None:
    """Subject, text and page; None of a digest that cannot be written: the others go, and its
    manager gets the next one."""
    try:
        return press().office("digest", values)
    except RenderFailed as error:
        log.error("a digest could not be written: %s", error)
        return None


def _values(
    session: Session, definitions: Definitions, recipient: str, zone: str, *, now: datetime
) -> dict[str, Any] | None:
    """What the digest says; None when there is nothing to say."""
    rules = definitions.handoff
    mine = [name for name, team in rules.teams.items() if team.manager.email == recipient
            and team.digest is not None] if rules else []  # fmt: skip
    if not mine or rules is None:
        return None
    today = now.astimezone(ZoneInfo(zone)).date()
    teams = [
        _open(session, name, zone, now=now) | yesterday(session, name, zone, now=now)
        for name in mine
    ]
    if not any(team["open"] or team["opened"] or team["done"] for team in teams):
        return None
    return {
        "brand": definitions.workspace.brand,
        "manager": {"name": rules.teams[mine[0]].manager.name, "email": recipient},
        "day": f"{today:%A} {today.day} {today:%B}",
        "late": sum(team["late"] for team in teams),
        "teams": teams,
        "page": definitions.workspace.base_url.rstrip("/") + "/",
    }


def _open(session: Session, team: str, zone: str, *, now: datetime) -> dict[str, Any]:
    """What is with the team, and what of it is late."""
    count = func.count()
    found, queued, late = session.execute(
        select(
            count,
            func.coalesce(func.sum(case((H.rep == "", 1), else_=0)), 0),
            func.coalesce(func.sum(case((now > DUE, 1), else_=0)), 0),
        ).where(H.team == team, among(H.state, OPEN))
    ).one()
    rows = handoffs(session, now=now, states=OPEN, team=team, late=True, limit=LISTED)
    return {
        "name": team, "open": found, "queued": queued, "late": late,
        "listed": [
            {"lead": row.lead, "company": row.company, "rep": row.rep_name or "nobody yet",
             "due": said(row.due_at, zone)}
            for row in rows
        ],
    }  # fmt: skip


def yesterday(session: Session, team: str, zone: str, *, now: datetime) -> dict[str, Any]:
    """What came in on the day before, in the zone, and what became of what was there: `opened`, a
    number, and `done`, a list of word and number.  Looks at every handoff of the team."""
    place = ZoneInfo(zone)
    today = now.astimezone(place).date()
    start, end = (local_instant(today - timedelta(days=ago), 0, place) for ago in (1, 0))

    def within(column: Any) -> Any:
        return case((and_(column >= start, column < end), 1), else_=0)

    closed = [case((H.state == state, within(H.closed_at)), else_=0) for state in RESULTS]
    columns = (within(H.opened_at), within(H.accepted_at), *closed)
    opened, accepted, *results = session.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(H.team == team)
    ).one()
    ran_out = session.execute(
        select(func.count(C.id))
        .join(HANDOFF, H.id == C.handoff_id)
        .where(H.team == team, C.lapsed_at >= start, C.lapsed_at < end)
    ).scalar_one()
    done = [("accepted", accepted), *zip(RESULTS, results, strict=True), ("ran out", ran_out)]
    return {"opened": opened, "done": [[name, count] for name, count in done if count]}
