"""A version in shadow against the one in force: what leads got of each, and where they part.

Both ledgers are read lead by lead in one stream each, side by side: nothing of a ledger is held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Literal

from sqlalchemy import Select, case, func, literal, or_, select, union_all
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.messages import FINAL

D, E, H, L, M = (
    table_of(each).c for each in (t.Definition, t.Enrolment, t.Handoff, t.Lead, t.Message)
)
QUANTUM = timedelta(minutes=15)
"""Two events closer than this happened at the same time: a shadow's tick comes a little later."""
PAGE = 5_000
Verdict = Literal["the same", "at another time", "something else", "live only", "shadow only"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a sequence did with a lead, or had others do."""

    at: datetime
    what: str


@dataclass(frozen=True)
class Version:
    """A version of a sequence, and since when it is in force there."""

    id: int
    sequence: str
    version: int
    since: datetime


@dataclass(frozen=True)
class Figure:
    """How often something happened to leads under each of the two."""

    what: str
    live: int
    shadow: int


@dataclass(frozen=True)
class Parting:
    """Where the ways of a lead part: the first event that is not the same, None for none."""

    lead: str
    verdict: Verdict
    live: Event | None
    shadow: Event | None


@dataclass(frozen=True)
class Comparison:
    """One sequence under both versions, from the instant its shadow began.

    `leads` counts the leads either of them did something with, by how their ways compare.
    """

    sequence: str
    live: int | None
    shadow: int
    since: datetime
    figures: list[Figure] = field(default_factory=list)
    leads: dict[str, int] = field(default_factory=dict)
    partings: list[Parting] = field(default_factory=list)


def versions(copy: Session) -> list[Version]:
    """What runs in shadow, by name."""
    rows = copy.execute(
        select(D.id, D.name, D.version, D.applied_at).where(D.shadow).order_by(D.name)
    )
    return [Version(*row) for row in rows]


def compare(
    live: Session, copy: Session, of: Version, *, examples: int = 20
) -> Comparison:
    """Lay both ledgers side by side; `examples` of the leads whose ways part, the first ones."""
    in_force = live.execute(
        select(D.version).where(D.kind == "sequence", D.name == of.sequence, D.active)
    ).scalar()
    sums: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    verdicts: Counter[str] = Counter()
    parted: list[tuple[int, Verdict, Event | None, Event | None]] = []
    for lead, one, other in _side_by_side(_ways(live, of, sums[0]), _ways(copy, of, sums[1])):
        verdict, ours, theirs = _judge(one, other)
        verdicts[verdict] += 1
        if verdict != "the same" and len(parted) < examples:
            parted.append((lead, verdict, ours, theirs))
    names = _names(live, [lead for lead, *_ in parted])
    return Comparison(
        sequence=of.sequence,
        live=in_force,
        shadow=of.version,
        since=of.since,
        figures=[
            Figure(what, sums[0][what], sums[1][what]) for what in sorted(sums[0] | sums[1])
        ],
        leads=dict(verdicts),
        partings=[
            Parting(names[lead], verdict, ours, theirs) for lead, verdict, ours, theirs in parted
        ],
    )


def _ways(session: Session, of: Version, sums: Counter[str]) -> Iterator[tuple[int, list[Event]]]:
    """Every lead with what happened to it, in order; counted into `sums`."""
    rows = session.execute(_events(of).execution_options(yield_per=PAGE))
    for lead, events in groupby(rows, key=itemgetter(0)):
        way = [Event(at, what) for _, at, what in events]
        sums.update(event.what for event in way)
        yield lead, way


def _events(of: Version) -> Select[tuple[int, datetime, str]]:
    """(lead, instant, what) of entries, mails, ends and handoffs, in the order of leads."""
    mine = E.sequence == of.sequence
    entered = select(E.lead_id, E.entered_at, literal("entered")).where(
        mine, E.entered_at >= of.since
    )
    sent = M.state == "sent"
    at = case((sent, M.handed_at), else_=M.settled_at)
    not_sent = literal("not sent: ") + M.template + literal(", ") + M.reason
    mails = (
        select(M.lead_id, at, case((sent, literal("mail ") + M.template), else_=not_sent))
        .join_from(table_of(t.Message), table_of(t.Enrolment), E.id == M.enrolment_id)
        .where(mine, M.kind == "nurture", M.state.in_(FINAL), at >= of.since)
    )
    ended = select(E.lead_id, E.ended_at, literal("ended: ") + E.state).where(
        mine, E.ended_at >= of.since
    )
    inside = select(E.lead_id).where(mine, or_(E.ended_at.is_(None), E.ended_at >= of.since))
    handed = select(H.lead_id, H.opened_at, literal("to sales: ") + H.team).where(
        H.opened_at >= of.since, H.lead_id.in_(inside)
    )
    lead, happened, what = union_all(entered, mails, ended, handed).subquery().c
    return select(lead, happened, what).order_by(lead, happened, what)


def _side_by_side(
    ours: Iterator[tuple[int, list[Event]]], theirs: Iterator[tuple[int, list[Event]]]
) -> Iterator[tuple[int, list[Event], list[Event]]]:
    """Two streams in the order of leads as one; a lead only one of them has did nothing in the
    other."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        lead = min(each[0] for each in (one, other) if each is not None)
        mine = one[1] if one is not None and one[0] == lead else []
        his = other[1] if other is not None and other[0] == lead else []
        yield lead, mine, his
        one = next(ours, None) if mine else one
        other = next(theirs, None) if his else other


def _judge(ours: list[Event], theirs: list[Event]) -> tuple[Verdict, Event | None, Event | None]:
    """How two ways compare, and the first events that are not the same."""
    for one, other in zip_longest(ours, theirs):
        if one is None or other is None or one.what != other.what:
            alone: Verdict = "live only" if ours else "shadow only"
            return ("something else" if ours and theirs else alone), one, other
    for one, other in zip(ours, theirs, strict=True):
        if abs(one.at - other.at) > QUANTUM:
            return "at another time", one, other
    return "the same", None, None


def _names(session: Session, leads: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(L.id, func.coalesce(L.email, literal("id:") + L.external_id)).where(L.id.in_(leads))
    )
    return dict(rows.tuples().all())
