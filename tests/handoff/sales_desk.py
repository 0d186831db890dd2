"""A sales desk to test with: teams, their hours as openings, leads waiting for a rep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, literal, select
from sqlmodel import Session

from handoff.routing.people import sync_people
from handoff.tables import EPISODE, HANDOFF, LEAD
from nurture.calendar import zones
from nurture.calendar.hours import Calendar, parse_days, parse_hours, weekly
from nurture.calendar.openings import openings
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.hours import sales_calendars
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Workspace
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.types import Instant, to_micros
from nurture.sequences.openings import keep_openings
from tests.fixtures_ledger import NOW, make_definition

BERLIN = "Europe/Berlin"
LADDER = (
    {"at": "50%", "remind": "rep"},
    {"at": "100%", "tell": "manager"},
    {"after": "2 business hours", "give": "next rep"},
    {"after": "8 business hours", "recycle": "win-back"},
)
OFFICE = "09:00-17:00"


def rep(name: str, **values: Any) -> dict[str, Any]:
    """A rep of handoff.yaml; hours are the team's unless given."""
    return {"rep": name, "name": name.capitalize(), "email": f"{name}@example.test"} | values


def rules(
    smb: Sequence[Mapping[str, Any]] = (rep("bo"), rep("cy"), rep("di")),
    *,
    ladder: Sequence[Mapping[str, Any]] = LADDER,
    accept: str = "4 business hours",
    first_touch: str = "8 business hours",
    **values: Any,
) -> HandoffRules:
    """handoff.yaml with the team smb, and whatever else is given."""
    team = {
        "manager": {"name": "Mia", "email": "mia@example.test"},
        "zone": BERLIN, "calendar": "office", "sla": "standard", "reps": list(smb),
    }  # fmt: skip
    said = {
        "teams": {"smb": team},
        "routing": [{"otherwise": "smb"}],
        "sla": {"standard": {"accept": accept, "first_touch": first_touch, "ladder": "usual"}},
        "ladders": {"usual": [dict(rung) for rung in ladder]},
    }
    return HandoffRules.model_validate(said | values)


def definitions(handoff: HandoffRules | None, **values: Any) -> Definitions:
    """An applied workspace around a handoff.yaml."""
    workspace = Workspace.model_validate(
        {
            "brand": "Example",
            "sender": {"name": "Example", "address": "hello@example.test", "postal": "1 Road"},
            "base_url": "http://127.0.0.1:8000",
            "topics": {"tips": {"name": "Tips"}},
            "fields": {"employees": "number"},
            "calendars": {"office": {"days": "mon-fri", "hours": OFFICE}},
        }
    )
    fields = {"active": {}, "programs": {}, "handoff_id": 1}
    return Definitions(
        workspace=workspace, scoring=Scoring(), handoff=handoff, **(fields | values)
    )


def calendar(hours: str = OFFICE, days: str = "mon-fri") -> Calendar:
    """Weekly hours."""
    return weekly(parse_days(days), parse_hours(hours))


def keep(session: Session, key: str, zone: str, hours: Calendar, *, now: datetime = NOW) -> None:
    """The openings of one (hours, zone) from two weeks before `now` to ten weeks after."""
    before, rows = 0, []
    first, last = now - timedelta(days=14), now + timedelta(days=70)
    for each in openings(hours, zones.zone(zone), first, last):
        rows.append(
            {
                "hours": key, "zone": zone, "opens_at": each.opens_at,
                "closes_at": each.closes_at, "before": before,
            }
        )  # fmt: skip
        before += to_micros(each.closes_at) - to_micros(each.opens_at)
    session.execute(insert(t.Opening), rows)


def set_up(ledger: Ledger, said: HandoffRules, **values: Any) -> Definitions:
    """Write people, openings and the definition of a handoff.yaml; returns the workspace."""
    with ledger.begin() as session:
        made = make_definition(session, "handoff", "handoff")
        found = definitions(said, handoff_id=made.id, **values)
        hours, pairs = sales_calendars(said, found.workspace)
        found = replace(found, hours=hours, sales_hours=pairs)
        sync_people(session, found)
        keep_openings(session, found, now=NOW)
    return found


def episodes(ledger: Ledger, count: int, *, first: int = 1, **values: Any) -> None:
    """That many leads with an open episode each, in three statements."""
    fields: dict[str, Any] = {"cause": "threshold:hot", "reason": "80 points", "team": ""} | values
    numbers = select(literal(first).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < first + count - 1))
    at = literal(NOW, Instant())
    text = literal("lead") + func.coalesce(numbers.c.n, 0).cast(LEAD.c.email.type)
    email = text + "@example.test"
    with ledger.begin() as session:
        session.execute(
            insert(LEAD).from_select(
                ["id", "email", "email_key", "lifecycle", "created_at", "updated_at"],
                select(numbers.c.n, email, email, literal("mql"), at, at),
            )
        )
        session.execute(
            insert(EPISODE).from_select(
                ["lead_id", "opened_at", *fields],
                select(LEAD.c.id, at, *(literal(value) for value in fields.values()))
                .where(LEAD.c.id >= first)
                .order_by(LEAD.c.id),
            )
        )


def queue(ledger: Ledger, count: int, *, team: str = "smb", first: int = 1) -> None:
    """That many handoffs waiting in a team's queue."""
    episodes(ledger, count, first=first)
    with ledger.begin() as session:
        session.execute(
            insert(HANDOFF).from_select(
                ["lead_id", "episode_id", "definition_id", "team", "reason", "path", "opened_at"],
                select(
                    EPISODE.c.lead_id, EPISODE.c.id, literal(1), literal(team),
                    literal("80 points"), literal("handoff/routing/1"), literal(NOW, Instant()),
                ).where(EPISODE.c.lead_id >= first).order_by(EPISODE.c.id),
            )
        )  # fmt: skip


def held(session: Session) -> dict[str, int]:
    """How many handoffs each rep has; '' is the queue."""
    rows = session.execute(select(HANDOFF.c.rep, func.count()).group_by(HANDOFF.c.rep))
    return {str(row[0]): int(row[1]) for row in rows}


def rows(session: Session, table: Any, *columns: str, **where: Any) -> list[Any]:
    """Rows of a table in the order of their ids."""
    chosen = [table.c[name] for name in columns] or list(table.c)
    only = [table.c[name] == value for name, value in where.items()]
    order = table.c.id if "id" in table.c else chosen[0]
    return list(session.execute(select(*chosen).where(*only).order_by(order)))


def everything(session: Session) -> dict[str, list[Any]]:
    """Every row this room writes, to compare before and after."""
    from handoff.tables import CHANGE, CLOCK, MEMBER, MESSAGE, REP, RUNG

    tables = (HANDOFF, CLOCK, RUNG, REP, MEMBER, MESSAGE, CHANGE, LEAD, EPISODE)
    return {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}


def told(statements: Sequence[str]) -> int:
    """How many statements, but for what keeps PostgreSQL's planner informed of large sets."""
    return len([each for each in statements if not each.startswith("ANALYZE")])
