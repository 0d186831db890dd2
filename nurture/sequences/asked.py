"""Leads that are asked into a sequence: by command or by API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Insert, Select, String, bindparam, case, cast, literal, null, select
from sqlmodel import Session

from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program
from nurture.language.grammar.durations import say
from nurture.language.grammar.words import describe
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.errors import Conflict, InputRefused, NotFound
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new
from nurture.sequences.arrivals import (
    COLUMNS,
    LEAD,
    WAITS,
    A,
    admit,
    never_in,
    not_excluded,
    waits_for_room,
)
from nurture.sequences.entering import LONGEST_KEY, E, again, by_no_event

State = Literal["entered", "waiting", "inside", "refused"]


@dataclass(frozen=True)
class Answer:
    """What became of one lead, and why."""

    lead_id: int
    state: State
    reason: str


def ask_in(
    session: Session,
    definitions: Definitions,
    sequence: str,
    leads: Sequence[int],
    *,
    key: str = "",
    reason: str,
    now: datetime,
) -> list[Answer]:
    """Let leads enter a sequence, whatever lets them in else; one answer for each, in order.

    `once_per`, `again`, `except` and `at_most` hold: who is over the day's number waits for the
    days after.  Asked again, a lead is inside, or waits, already.  NotFound for a sequence that is
    not applied, Conflict while it is paused, InputRefused without the `key` it counts by.
    """
    program = definitions.active.get(sequence)
    if program is None:
        names = sorted(definitions.active)
        near = suggestion(sequence, names)
        raise NotFound(f"There is no sequence {sequence!r}.{near} There are: {', '.join(names)}")
    if session.get(t.Pause, sequence) is not None:
        raise Conflict(f"{sequence} is paused: nobody enters. See `nurture sequences resume`.")
    _check_key(program, key)
    asking = Asking(session, 0, now)
    given: dict[str, Any] = {"leads": list(leads), "key": key, "why": reason}
    found = dict(asking.ask(_judging(definitions, program), **given).tuples().all())
    asking.run(_taking(definitions, program), **given)
    admit(asking, definitions, program)
    stands = dict(asking.ask(_STANDING, sequence=sequence, **given).tuples().all())
    asked = select(LEAD.id).where(in_given(LEAD.id, "leads"))
    ticks.touch(session, asked.params(leads=list(leads)))
    return [_answer(program, lead, found.get(lead, ""), stands.get(lead)) for lead in leads]


def _check_key(program: Program, key: str) -> None:
    name, per = program.sequence, program.entry.key
    if per and not key:
        raise InputRefused(f"{name} is entered once per {per}: say which one (the key).")
    if len(key) > LONGEST_KEY:
        raise InputRefused(f"The key is {len(key)} characters long, {LONGEST_KEY} is the most.")
    if key and not per and program.entry.date is None:
        raise InputRefused(f"{name} is entered once per lead: it has no keys.")


def _who() -> Select[Any]:
    """(lead, key, when, event) of the leads given."""
    key = cast(bindparam("key"), String)
    return select(*by_no_event(LEAD.id, key)).where(in_given(LEAD.id, "leads"))


def _verdict(definitions: Definitions, program: Program, who: Any) -> Any:
    inside = select(E.id).where(
        E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key,
        among(E.state, ("active",)),
    )  # fmt: skip
    waits = select(A.id).where(
        WAITS, A.sequence == program.sequence, A.lead_id == who.c.lead_id, A.key == who.c.key
    )
    return case(
        (inside.exists(), "inside"),
        (waits.exists(), "waiting"),
        (~not_excluded(definitions, program, who), "excluded"),
        (~never_in(program, who), "before"),
        (~again(program, who), "too soon"),
        else_="may",
    )


@once
def _judging(definitions: Definitions, program: Program) -> Select[Any]:
    """Of each lead given: whether it may enter."""
    who = _who().subquery()
    return select(who.c.lead_id, _verdict(definitions, program, who))


@once
def _taking(definitions: Definitions, program: Program) -> Insert:
    """Those who may are next in the queue."""
    who = _who().subquery()
    rows = select(
        who.c.lead_id, literal(program.sequence), who.c.key, literal("command"), who.c.begun_at,
        who.c.engagement_id, NOW, literal("waiting"), null(), cast(bindparam("why"), String),
        literal(program.entry.path),
    ).where(_verdict(definitions, program, who) == "may")  # fmt: skip
    return insert_new(t.Arrival, COLUMNS, rows.order_by(who.c.lead_id))


_STANDING = (
    select(A.lead_id, A.state)
    .where(
        in_given(A.lead_id, "leads"),
        A.sequence == bindparam("sequence"),
        A.key == bindparam("key"),
        A.cause == "command",
        (A.settled_at == NOW) | WAITS,
    )
    .order_by(A.id)
)
"""What became of who was asked in just now, or waits."""


def _answer(program: Program, lead: int, verdict: str, stands: str | None) -> Answer:
    entry = program.entry
    match verdict:
        case "may" if stands == "entered":
            return Answer(lead, "entered", "")
        case "inside":
            return Answer(lead, "inside", "is in it already")
        case "may" | "waiting":
            return Answer(lead, "waiting", waits_for_room(program))
        case "excluded" if entry.excluded is not None:
            return Answer(lead, "refused", f"kept out: {describe(entry.excluded)}")
        case "before":
            return Answer(lead, "refused", "was in it before, and it lets nobody in again")
        case "too soon":
            often = f"less than {say(entry.again)} ago" if entry.again else "just now"
            return Answer(lead, "refused", f"left it {often}")
    return Answer(lead, "refused", "is not known")
