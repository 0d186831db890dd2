"""What came of a story's lead, held against what its author expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlmodel import Session

from handoff.desk.board import HandoffRow, handoffs, rungs_of
from nurture.delivery.states import WAITING
from nurture.language.files.expecting import NOTHING, Expect, Named, instant
from nurture.language.files.scoring import Scoring
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.messages import FINAL
from nurture.ledger.tables.webhooks import SETTLED
from nurture.ledger.types import Instant
from nurture.scoring.explain import explain

MESSAGE = table_of(t.Message).c
CALL = table_of(t.WebhookCall).c
ENROLMENT = table_of(t.Enrolment).c
TAG = table_of(t.LeadTag).c


@dataclass(frozen=True)
class Difference:
    """One key of an `expect` that was not as it said; both sides as they would be written."""

    key: str
    expected: Any
    got: Any


@dataclass
class Witness:
    """Compares, `expect` by `expect`, what is known of a lead (`lead`) and of its way through one
    sequence; instants are told as clocks in `place` show them."""

    lead: int
    sequence: str
    place: ZoneInfo
    scoring: Scoring
    _seen: dict[str, int] = field(default_factory=dict)
    """By key: how many mails, notices, calls or rungs earlier expectations were about."""

    def differences(self, session: Session, expect: Expect, *, now: datetime) -> list[Difference]:
        """What is not as expected at `now`, in the order in which it was written."""
        look = _Look(session, self.lead, self.sequence, self.place, self.scoring, now)
        found = []
        for key in expect.model_fields_set:
            expected: Any = getattr(expect, key)
            if key in SINCE:
                happened = SINCE[key](look)
                fresh = happened[self._seen.get(key, 0) :]
                self._seen[key] = len(happened)
                pair = _listed(expected), _as_detailed(fresh, expected)
            else:
                pair = _pair(key, expected, FACTS[key](look))
            if pair[0] != pair[1]:
                found.append(Difference(key, *pair))
        order = list(Expect.model_fields)
        return sorted(found, key=lambda each: order.index(each.key))


def _pair(key: str, expected: Any, got: Any) -> tuple[Any, Any]:
    if key in ("tags", "sequences"):
        return sorted(set(expected)), sorted(set(got))
    if key == "score":
        digits = None if expected == round(expected) else 1
        return round(expected, digits), round(got, digits)
    if key in ("waits_until", "due"):
        return (instant(expected) if expected else NOTHING), got
    return expected, got


def _listed(named: Sequence[Named]) -> list[Any]:
    return [_said(each, detailed=each.detail is not None) for each in named]


def _as_detailed(found: Sequence[Named], expected: Sequence[Named]) -> list[Any]:
    """What was found, with as much detail as the expectation has."""
    any_detail = any(each.detail is not None for each in expected)
    said = []
    for place, each in enumerate(found):
        known = expected[place] if place < len(expected) else None
        same = known is not None and known.name == each.name
        detailed = known.detail is not None if known is not None and same else any_detail
        said.append(_said(each, detailed=detailed))
    return said


def _said(named: Named, *, detailed: bool) -> Any:
    detail = named.detail
    if not detailed:
        return named.name
    return {named.name: instant(detail) if isinstance(detail, datetime) else detail}


# -- what is known


@dataclass
class _Look:
    """One look at a lead: each thing is asked for once."""

    session: Session
    lead: int
    sequence: str
    place: ZoneInfo
    scoring: Scoring
    now: datetime

    @cached_property
    def grade(self) -> str | None:
        """The grade of its fit."""
        return self.scoring.grade_of(explain(self.session, self.lead, now=self.now).fit)

    def wall(self, at: datetime | None) -> str:
        """The instant as the lead's clock shows it."""
        return instant(at.astimezone(self.place)) if at else NOTHING

    @cached_property
    def enrolment(self) -> t.Enrolment | None:
        """The newest one in this sequence."""
        mine = (ENROLMENT.lead_id == self.lead, ENROLMENT.sequence == self.sequence)
        query = select(t.Enrolment).where(*mine).order_by(ENROLMENT.id.desc()).limit(1)
        found: t.Enrolment | None = self.session.execute(query).scalar()
        return found

    @property
    def standing(self) -> t.Enrolment | None:
        """The same if it is under way."""
        found = self.enrolment
        return found if found is not None and found.state == "active" else None

    @cached_property
    def handoff(self) -> HandoffRow | None:
        """The newest one."""
        found = handoffs(self.session, now=self.now, lead=self.lead)
        return max(found, key=lambda row: row.id, default=None)

    @property
    def known(self) -> t.Lead:
        return self.session.get_one(t.Lead, self.lead)


def _sent(look: _Look) -> list[Named]:
    at = MESSAGE.handed_at
    rows = look.session.execute(_mails(look, ("sent",), at).order_by(at, MESSAGE.id))
    return [Named(name, look.wall(when)) for name, when in rows]


def _not_sent(look: _Look) -> list[Named]:
    ended = [state for state in FINAL if state != "sent"]
    rows = look.session.execute(
        _mails(look, ended, MESSAGE.reason).order_by(MESSAGE.settled_at, MESSAGE.id)
    )
    return [Named(name, why) for name, why in rows]


def _mails(look: _Look, states: Sequence[str], detail: Any) -> Select[Any]:
    return select(MESSAGE.template, detail).where(
        MESSAGE.lead_id == look.lead, MESSAGE.kind == "nurture", MESSAGE.state.in_(states)
    )


def _notices(look: _Look) -> list[Named]:
    """Those that a step asked for, not those of handoffs."""
    rows = look.session.execute(
        select(MESSAGE.template, MESSAGE.recipient)
        .where(MESSAGE.lead_id == look.lead, MESSAGE.kind == "notice", MESSAGE.state == "sent")
        .where(MESSAGE.handoff_id.is_(None))
        .order_by(MESSAGE.handed_at, MESSAGE.id)
    )
    return [Named(name, address) for name, address in rows]


def _calls(look: _Look) -> list[Named]:
    rows = look.session.execute(
        select(CALL.name, CALL.state)
        .where(CALL.lead_id == look.lead, CALL.state.in_(SETTLED))
        .order_by(CALL.settled_at, CALL.id)
    )
    return [Named(name, state) for name, state in rows]


def _rungs(look: _Look) -> list[Named]:
    climbed = sorted(
        (rung.fired_at or rung.due_at, row.id, rung.rung, rung.action.partition(":")[0])
        for row in handoffs(look.session, now=look.now, lead=look.lead)
        for rung in rungs_of(look.session, row.id)
        if rung.state in ("fired", "collapsed")
    )
    return [Named(action.partition(":")[0], look.wall(at)) for at, _, _, action in climbed]


def _waits_until(look: _Look) -> str:
    standing = look.standing
    if standing is None or standing.due_at is not None:
        return look.wall(standing.due_at if standing else None)
    waiting = [
        select(func.min(row.due_at, type_=Instant())).where(
            row.enrolment_id == standing.id, row.state.in_(WAITING)
        )
        for row in (MESSAGE, CALL)
    ]
    found = [look.session.execute(each).scalar() for each in waiting]
    return look.wall(min((each for each in found if each is not None), default=None))


def _reason(look: _Look) -> str:
    found = look.enrolment
    return found.reason or NOTHING if found is not None and found.state != "active" else NOTHING


def _sequences(look: _Look) -> Iterator[str]:
    query = select(ENROLMENT.sequence).where(
        ENROLMENT.lead_id == look.lead, ENROLMENT.state == "active"
    )
    return look.session.execute(query).scalars()


def _tags(look: _Look) -> Iterator[str]:
    return look.session.execute(select(TAG.tag).where(TAG.lead_id == look.lead)).scalars()


def _of(row: Any, key: str) -> str:
    """A text of a row, `none` where there is no row or nothing in it."""
    return getattr(row, key, "") or NOTHING


SINCE: dict[str, Callable[[_Look], list[Named]]] = {
    "sent": _sent,
    "not_sent": _not_sent,
    "notices": _notices,
    "calls": _calls,
    "rungs": _rungs,
}
"""What adds up: an expectation is about what came since the last one."""
def _goal(look: _Look) -> bool:
    found = look.enrolment
    return found is not None and (found.state == "goal" or found.goal_at is not None)


FACTS: dict[str, Callable[[_Look], Any]] = {
    "stage": lambda look: _of(look.standing, "stage"),
    "state": lambda look: _of(look.enrolment, "state"),
    "goal": _goal,
    "reason": _reason,
    "waits_until": _waits_until,
    "sequences": _sequences,
    "score": lambda look: explain(look.session, look.lead, now=look.now).score,
    "grade": lambda look: look.grade or NOTHING,
    "lifecycle": lambda look: look.known.lifecycle,
    "tags": _tags,
    "handoff": lambda look: _of(look.handoff, "team"),
    "rep": lambda look: _of(look.handoff, "rep"),
    "sales": lambda look: _of(look.handoff, "state"),
    "due": lambda look: look.wall(look.handoff.due_at if look.handoff else None),
}
