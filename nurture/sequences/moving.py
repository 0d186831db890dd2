"""Leads on earlier versions of a sequence when a newer one is applied: who stays, moves or leaves.

They finish on the version they began with unless the newer one's `edits` say otherwise.  A wait
that has begun lasts as long as it did, and what a step sent it does not send again: steps are the
same if their keys are, and mails remember the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, func, insert, literal, null, or_, select, update
from sqlmodel import Session

from nurture.language.compiled.graph import landing
from nurture.language.compiled.matching import matched
from nurture.language.compiled.program import HOLDS, WAITS, Program, Step
from nurture.language.grammar.terms import EXIT
from nurture.ledger.statements import batches
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.sequences.leave import PLANNED, cancelling
from nurture.sequences.standing import ACTIVE, LISTENING
from nurture.sequences.visit import DECISION, ENROLMENT, E, worked_on

RESTS = (*HOLDS, *WAITS)
"""Steps whose leads are written down as standing behind them already while they are held."""
Way = Literal["stay", "move", "exit"]


@dataclass(frozen=True)
class Standing:
    """Leads at one place of an earlier version.

    `position` is the step they do next, `path` that of the step which acted last, `held` whether
    they wait for a mail or a call to be final.
    """

    definition_id: int
    position: int
    path: str
    held: bool
    leads: int


@dataclass(frozen=True)
class Going:
    """Where the leads of one place go, and why.

    `seen` is the step people see them at, `rest` the same step of the newer version if they stay in
    it, `to` the step they do next there (None unless they move).
    """

    standing: Standing
    seen: Step
    way: Way
    why: str
    to: Step | None = None
    rest: Step | None = None


def seen_at(program: Program, position: int, path: str, *, held: bool) -> int:
    """The position at which people see a lead: while it waits, or its mail or call is under way,
    that of the step which keeps it."""
    for step in program.steps:
        if step.path == path and isinstance(step, RESTS) and (held or isinstance(step, WAITS)):
            return step.position
    return landing(program, position)


def standing(session: Session, program: Program) -> list[Standing]:
    """The places of earlier versions with active leads, in the order of versions and steps."""
    held = E.due_at.is_(None)
    columns = (E.definition_id, E.position, E.path, held)
    rows = session.execute(
        select(*columns, func.count())
        .where(E.sequence == program.sequence, E.definition_id != program.definition_id, ACTIVE)
        .group_by(*columns)
        .order_by(E.definition_id, E.position, E.path, held)
    )
    return [Standing(number, at, path, bool(held), count) for number, at, path, held, count in rows]


def going(old: Program, new: Program, where: Standing) -> Going:
    """Where the leads of a place go, as the newer version's `edits` say; pure."""
    seen = old.steps[seen_at(old, where.position, where.path, held=where.held)]
    ahead = old.steps[min(where.position, len(old.steps) - 1)]
    edits, here = dict(new.edits.steps), {step.key: step for step in new.steps}
    pairs = matched(old, new)
    wanted = edits.get(seen.key) or edits.get(ahead.key)
    if wanted == EXIT or (wanted is None and new.edits.enrolled == "exit"):
        return Going(where, seen, "exit", new.edits.reason or "sent out by an edit")
    if wanted is not None:
        why = new.edits.reason or "as its edits say"
        return Going(where, seen, "move", why, here[wanted])
    if new.edits.enrolled == "stay":
        return Going(where, seen, "stay", "finishes on the version it began with")
    why, left = "the same step", ahead
    rest = here[pairs[seen.key]] if seen is not ahead and seen.key in pairs else None
    if ahead.key not in pairs:
        left = _next_left(old, ahead, pairs)
        why = why if rest else "its step is gone, goes on with the next one left"
    return Going(where, seen, "move", new.edits.reason or why, here[pairs[left.key]], rest)


def _next_left(old: Program, gone: Step, pairs: dict[str, str]) -> Step:
    """The first step behind `gone` that the newer version still has; the closing End at last."""
    passed: set[int] = set()
    position = gone.next
    while position is not None and position not in passed:
        passed.add(position)
        if old.steps[position].key in pairs:
            return old.steps[position]
        position = old.steps[position].next
    return old.steps[-1]


def move(
    session: Session, new: Program, old: Program, ways: list[Going], *, version: int, now: datetime
) -> Tally:
    """Move or end the leads of one earlier version, each with a decision that says why.

    Touch them afterwards: gates, exit rules and the goal of the newer version are asked then.
    Mails and calls not yet claimed of those that leave, or whose step is gone, are cancelled.
    """
    tally = Tally()
    for each in ways:
        if each.way == "stay":
            continue
        places = _at(each.standing)
        looked_at = batches.filling(
            select(E.id, E.lead_id).where(*places).order_by(E.id).limit(batches.SIZE)
            .with_for_update(of=ENROLMENT)
        )  # fmt: skip
        while count := batches.fill(session, looked_at):
            if each.way == "exit":
                tally += _end(session, new, each, count, version=version, now=now)
            else:
                tally += _go(session, new, old, each, count, version=version, now=now)
    return tally


def _at(where: Standing) -> tuple[ColumnElement[bool], ...]:
    held = E.due_at.is_(None) if where.held else E.due_at.is_not(None)
    here = (E.definition_id == where.definition_id, E.position == where.position)
    return (*here, E.path == where.path, held, ACTIVE)


def _end(
    session: Session, new: Program, each: Going, count: int, *, version: int, now: datetime
) -> Tally:
    path, reason = f"{new.sequence}/edits", f"{each.why} (version {version})"
    _note(session, "exited", reason, path, now)
    _cancel(session, f"left the sequence: {reason}", now)
    session.execute(
        update(ENROLMENT)
        .where(worked_on())
        .values(state="exited", ended_at=now, due_at=None, since_at=None, recheck_at=None,
                watch_at=None, reason=reason, path=path)
    )  # fmt: skip
    return Tally.of("exited by edits", count, path=path)


def _go(
    session: Session, new: Program, old: Program, each: Going, count: int, *, version: int,
    now: datetime,
) -> Tally:  # fmt: skip
    assert each.to is not None
    reason = f"moved to version {version}: {each.why}"
    _note(session, "version", reason, each.to.path, now)
    ahead = old.steps[min(each.standing.position, len(old.steps) - 1)]
    same = matched(old, new).get(ahead.key) == each.to.key
    if each.standing.held and each.rest is None:
        _cancel(session, f"its step was taken out by version {version}", now)
    session.execute(
        update(ENROLMENT)
        .where(worked_on())
        .values(
            definition_id=new.definition_id,
            position=each.to.position,
            stage=each.to.stage,
            path=(each.rest or each.to).path,
            reason=reason,
            **_times(each, same=same, now=now),
        )
    )
    return Tally.of("moved to a newer version", count, path=each.to.path)


def _times(each: Going, *, same: bool, now: datetime) -> dict[str, Any]:
    """What becomes of the instants a lead waits for."""
    times: dict[str, Any] = {"recheck_at": None}
    if each.standing.held and each.rest is None:
        times["due_at"] = case((_in_hand(), null()), else_=literal(now, Instant()))
    if not same:
        times |= {"since_at": None, "step_at": now}
        if isinstance(each.seen, LISTENING):
            times["due_at"] = now
    return times


def _in_hand() -> ColumnElement[bool]:
    """A mail of the enrolment is with a sender, or a call with who makes it: when it is final the
    lead is woken."""
    return or_(
        *(
            select(literal(1))
            .where(table.c.enrolment_id == E.id, table.c.state.in_(("claimed", "handed")))
            .correlate(ENROLMENT)
            .exists()
            for table in PLANNED
        )
    )


def _note(session: Session, kind: str, reason: str, path: str, now: datetime) -> None:
    session.execute(
        insert(DECISION).from_select(
            ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"],
            select(
                E.id, E.lead_id, literal(now, Instant()), literal(kind), E.stage, literal(reason),
                literal(path),
            ).where(worked_on()),
        )
    )  # fmt: skip


def _cancel(session: Session, reason: str, now: datetime) -> None:
    for table in PLANNED:
        session.execute(cancelling(table, select(E.id).where(worked_on()), reason, now=now))
