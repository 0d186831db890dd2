"""Enrolments put into the ledger: who may stand at the first step of a program again, and since
when."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    bindparam,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    true,
    type_coerce,
)

from nurture.language.compiled.program import Program
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.types import EPOCH, Duration, Instant

E = table_of(t.Enrolment).c
COLUMNS = (
    "lead_id", "sequence", "definition_id", "key", "turn", "state", "stage", "position",
    "due_at", "watch_at", "entered_at", "begun_at", "engagement_id", "step_at", "reason", "path",
)  # fmt: skip
LONGEST_KEY = 300
"""What is longer is no key, and no index would take it."""

_HIGHEST = select(func.coalesce(func.max(E.id), 0))


def by_no_event(lead_id: Any, key: ColumnElement[str]) -> tuple[ColumnElement[Any], ...]:
    """The lead, the key, and when and by which event it is let in: by none."""
    never = cast(null(), Instant.impl)  # PostgreSQL wants to know of what type a NULL is
    return (
        lead_id.label("lead_id"), key.label("key"), never.label("begun_at"),
        cast(null(), BigInteger()).label("engagement_id"),
    )  # fmt: skip


def again(program: Program, who: Any, *, by_event: bool = False) -> ColumnElement[bool]:
    """The last enrolment with this key ended long enough ago, and before this very instant, unless
    an event lets in anew: it may be what ended it, and it lets in once."""
    rule = program.entry.again
    if rule is None:
        return true()
    ended = last(E.ended_at, program, who.c.lead_id, who.c.key)
    if rule > timedelta(0):
        return ended <= NOW - literal(rule, Duration())
    return ended <= NOW if by_event else ended < NOW


def put(asking: Asking, program: Program, rows: Insert) -> int:
    """Insert the enrolments the unique keys allow, and a decision row for each new one."""
    if asking.session.get_bind().dialect.name == "postgresql":
        return asking.run(_with_decisions(rows))
    before = asking.ask(_HIGHEST).scalar_one()
    entered = asking.run(rows)
    if entered:
        asking.run(_ENTERED, before=before, definition=program.definition_id)
    return entered


def enrolments(
    program: Program,
    who: Any,
    allowed: ColumnElement[bool],
    *,
    reason: str | ColumnElement[str],
    path: str,
    first_time: bool = False,
) -> Insert:
    """The enrolments of those allowed, standing at the first step.

    `first_time`: only leads that were never in the sequence with this key.  Where there are exit
    rules or a goal they are asked before the first step (`watch_at`).
    """
    leaves = bool(program.exits or program.goal)
    rows = select(
        who.c.lead_id,
        literal(program.sequence),
        literal(program.definition_id),
        who.c.key,
        literal(1) if first_time else _turn(program, who),
        literal("active"),
        literal(program.stages[0]),
        literal(0),
        NOW,
        NOW if leaves else null(),
        NOW,
        type_coerce(who.c.begun_at, Instant),
        who.c.engagement_id,
        NOW,
        literal(reason) if isinstance(reason, str) else reason,
        literal(path),
    ).where(who.c.lead_id.is_not(None), allowed)
    return insert_new(t.Enrolment, COLUMNS, rows)


def _turn(program: Program, who: Any) -> ColumnElement[Any]:
    """One more than the highest turn of this (lead, sequence, key): a look into its index."""
    highest = (
        select(func.max(E.turn))
        .where(E.lead_id == who.c.lead_id, E.sequence == program.sequence, E.key == who.c.key)
        .scalar_subquery()
    )
    return func.coalesce(highest, 0) + 1


def last(column: Any, program: Program, lead_id: Any, key: Any) -> ColumnElement[Any]:
    """The latest such instant among the enrolments with this key, 1970 if there is none."""
    latest = (
        select(func.max(column))
        .where(E.lead_id == lead_id, E.sequence == program.sequence, E.key == key)
        .scalar_subquery()
    )
    return func.coalesce(latest, literal(EPOCH, Instant()))


@lru_cache(maxsize=1_000)
def _with_decisions(rows: Insert) -> Insert:
    """The same in one statement: on PostgreSQL others insert meanwhile, and who asked may be in a
    savepoint, whose rows do not bear the number of the transaction.  Built once, as `rows` are."""
    new = rows.returning(E.id, E.lead_id, E.stage, E.reason, E.path).cte("new").c
    return insert(table_of(t.Decision)).from_select(
        _DECIDED,
        select(new.id, new.lead_id, NOW, literal("entered"), new.stage, new.reason, new.path),
    )


_DECIDED = ["enrolment_id", "lead_id", "at", "kind", "stage", "reason", "path"]
_ENTERED = insert(table_of(t.Decision)).from_select(  # SQLite has one writer: what is above is new
    _DECIDED,
    select(E.id, E.lead_id, NOW, literal("entered"), E.stage, E.reason, E.path).where(
        E.id > bindparam("before", type_=BigInteger()),
        E.definition_id == bindparam("definition", type_=BigInteger()),
    ),
)
