"""What came of a simulation, counted from its rows: mail, funnel, handoffs, clocks, calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlmodel import Session

from insight import funnel, sales_days, service
from insight.calls import CallFigures, call_figures
from insight.sales_days import Standing, TeamFigures
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.localtime import local_day
from nurture.ledger.statements.upsert import table_of

M = table_of(t.Message).c
L = table_of(t.Lead).c
E = table_of(t.Engagement).c
WAITS = "still waits"
SENT = (M.kind == "nurture", M.state == "sent")


@dataclass(frozen=True)
class Reason:
    """Why mails did not go, and how many."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True)
class MailLine:
    """One mail: how often it was sent, and what leads did with it (each mail counted once)."""

    mail: str
    sent: int
    opened: int
    clicked: int
    replied: int
    unsubscribed: int


@dataclass(frozen=True)
class MailFigures:
    """Mails to leads.  `per_lead` is of all leads, `most_per_day` of one lead in its own day;
    `at_cap` counts leads that had a day with as many mails as `caps.per_day` allows.
    """

    sent: int
    leads_written_to: int
    per_lead: float
    most_per_lead: int
    most_per_day: int
    at_cap: int | None
    by_mail: list[MailLine]
    not_sent: list[Reason]
    put_off: list[Reason]
    days: dict[str, int]


@dataclass(frozen=True)
class StageFigures:
    """A stage: enrolments that reached it, and those that stand there at the end."""

    stage: str
    reached: int
    standing: int


@dataclass(frozen=True)
class FunnelFigures(funnel.SequenceLine):
    """A sequence, and its stages in order."""

    stages: list[StageFigures]


@dataclass(frozen=True)
class ClockFigures:
    """One kind of clock of a team; the columns after `started` add up to it."""

    team: str
    clock: str
    started: int
    in_time: int
    late: int
    lapsed: int
    running: int
    stopped: int


@dataclass(frozen=True)
class Outlook:
    """Everything there is to say about a simulated time."""

    leads: int
    mail: MailFigures
    funnel: list[FunnelFigures]
    teams: list[TeamFigures]
    clocks: list[ClockFigures]
    ladders: list[Reason]
    calls: list[CallFigures]


@dataclass
class Diary:
    """What no row keeps: how many handoffs each team had in the evenings, and why mails waited."""

    evenings: dict[date, Standing] = field(default_factory=dict)
    put_off: Counter[str] = field(default_factory=Counter)


def outlook(session: Session, definitions: Definitions, diary: Diary, *, now: datetime) -> Outlook:
    """The figures as of `now`, the end."""
    return Outlook(
        leads=(leads := funnel.count_leads(session)),
        mail=_mail(session, definitions, diary, leads),
        funnel=_funnel(session, definitions),
        teams=sales_days.teams(session, diary.evenings, zone=definitions.workspace.zone),
        clocks=[
            ClockFigures(line.team, line.clock, _started(line), line.in_time, line.late,
                         line.lapsed, line.running, line.stopped)
            for line in service.clocks(session, now=now)
        ],
        ladders=[Reason(line.state, line.action, line.count) for line in service.rungs(session)],
        calls=call_figures(session),
    )  # fmt: skip


def _started(line: service.ClockLine) -> int:
    return line.in_time + line.late + line.lapsed + line.running + line.stopped


def _mail(
    session: Session, definitions: Definitions, diary: Diary, leads: int
) -> MailFigures:
    zone = definitions.workspace.zone
    cap = definitions.workspace.caps.per_day
    place = func.coalesce(L.timezone, zone)
    a_day = (
        select(M.lead_id, func.count().label("mails"))
        .join(table_of(t.Lead), L.id == M.lead_id)
        .where(*SENT)
        .group_by(M.lead_id, local_day(M.handed_at, place))
        .subquery()
    )
    a_lead = (
        select(a_day.c.lead_id, func.sum(a_day.c.mails).label("mails"),
               func.max(a_day.c.mails).label("most"))
        .group_by(a_day.c.lead_id)
        .subquery()
    )  # fmt: skip
    written, sent, most, most_a_day, capped = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(a_lead.c.mails), 0),
            func.coalesce(func.max(a_lead.c.mails), 0),
            func.coalesce(func.max(a_lead.c.most), 0),
            func.coalesce(func.sum(case((a_lead.c.most >= (cap or 0), 1), else_=0)), 0),
        ).select_from(a_lead)
    ).one()
    return MailFigures(
        sent=int(sent),
        leads_written_to=written,
        per_lead=round(int(sent) / leads, 2) if leads else 0.0,
        most_per_lead=int(most),
        most_per_day=int(most_a_day),
        at_cap=None if cap is None else int(capped),
        by_mail=_by_mail(session),
        not_sent=[
            Reason(line.state, line.reason or WAITS, line.count)
            for line in funnel.mail(session)
            if line.kind == "nurture" and line.state != "sent"
        ],
        put_off=[Reason("put off", why, count) for why, count in sorted(diary.put_off.items())],
        days=_by_day(session, zone, diary.evenings),
    )


def _by_mail(session: Session) -> list[MailLine]:
    """Sends by template; what was done with each is known by the message it answers."""
    kinds = ("email_opened", "email_clicked", "email_replied", "unsubscribed")
    sent = {
        row[0]: row[1]
        for row in session.execute(
            select(M.template, func.count()).where(*SENT).group_by(M.template)
        )
    }
    done = {
        (template, kind): count
        for template, kind, count in session.execute(
            select(M.template, E.kind, func.count(E.message_id.distinct()))
            .join(table_of(t.Engagement), E.message_id == M.id)
            .where(*SENT, E.kind.in_(kinds), E.withdrawn_at.is_(None))
            .group_by(M.template, E.kind)
        )
    }
    return [
        MailLine(name, count, *(done.get((name, kind), 0) for kind in kinds))
        for name, count in sorted(sent.items())
    ]


def _by_day(session: Session, zone: str, days: Iterable[date]) -> dict[str, int]:
    """Mails by local date; they were handed over at few instants, the ticks."""
    found = {day.isoformat(): 0 for day in days}
    rows = session.execute(
        select(M.handed_at, func.count()).where(*SENT).group_by(M.handed_at)
    )
    for at, count in rows:
        found[_day(at, zone)] = found.get(_day(at, zone), 0) + count
    return dict(sorted(found.items()))


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def _funnel(session: Session, definitions: Definitions) -> list[FunnelFigures]:
    stages = funnel.funnel(session, definitions)
    return [
        FunnelFigures(
            **vars(line),
            stages=[
                StageFigures(each.stage, each.reached, each.standing)
                for each in stages
                if each.sequence == line.sequence
            ],
        )
        for line in funnel.sequences(session)
    ]
