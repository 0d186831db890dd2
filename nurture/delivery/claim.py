"""Who may send what: claims with a lease, the fence before the point of no return."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Insert,
    and_,
    bindparam,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session

from nurture.delivery import caps, permission, priority, timing
from nurture.delivery.hold import hold
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.states import IN_HAND, WAITING
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.caps import caps_of
from nurture.ledger.statements import batches
from nurture.ledger.statements.asking import NOW, TICK
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

LEASE = timedelta(minutes=2)
"""How long a claim holds without a sign of life; a living sender prolongs it (`prolong`)."""
END = bindparam("end", type_=Instant())
"""The end of a lease, given when it is taken."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to hand over one message once; `generation` is its fence.

    `attempts` counts this try; `path` is where the YAML asked for the mail.
    """

    id: int
    generation: int
    attempts: int
    kind: str
    path: str


@dataclass(frozen=True)
class Claimed:
    """What a claim took, and what became of the mails it could not take."""

    tickets: dict[int, Ticket]
    tally: Tally


def claim(
    session: Session,
    definitions: Definitions,
    *,
    owner: str,
    now: datetime,
    size: int,
    kind: str = "nurture",
    judged: int = 0,
) -> Claimed:
    """Take up to `size` due messages of a kind, the longest due first, of nurture one a lead.

    Those that may not go now are held or ended first, with their reason (`hold`).  Nurture mail
    stays as it is, and due, behind another one in hand, and while its lead may have to leave first:
    of all held touches only those of the tick `judged` were looked at.  Afterwards the claimed
    ones are `claimed` under a new generation and a lease; nobody else touches them.  Two
    claims at once on PostgreSQL may meet in one lead: the later fails with IntegrityError and has
    to be asked again.
    """
    due = _due(definitions, kind, size)
    if not batches.fill(session, due, now=now, tick=judged):
        return Claimed({}, Tally())
    if kind == "nurture" and priority.in_use(definitions):
        session.execute(_rivals(definitions), {"now": now})
    tally = hold(session, definitions, kind=kind, now=now)
    values = {"by": owner, "now": now, "end": now + LEASE}
    claimed = session.execute(_take(definitions, kind), values)
    return Claimed({row.id: Ticket(*row) for row in claimed}, tally)


@once
def _due(_: Definitions, kind: str, size: int) -> Insert:
    """The mails a claim looks at, as its working set."""
    due = (
        select(M.id, M.lead_id)
        .where(M.kind == kind, among(M.state, WAITING), M.due_at <= NOW)
        .order_by(M.due_at)
        .limit(size)
        .with_for_update(skip_locked=True, of=MESSAGE)
    )
    if kind == "nurture":
        due = due.where(
            not_(permission.paused()),
            not_(permission.unjudged(TICK, NOW)),
            not_(permission.another_in_hand()),
        )
    return batches.filling(due)


@once
def _rivals(_: Definitions) -> Insert:
    """Whatever else is due of the same leads, into the working set: one of them may come first."""
    mine, leads = select(batch.c.id), select(batch.c.lead_id)
    return batches.filling(
        select(M.id, M.lead_id)
        .where(M.kind == "nurture", among(M.state, WAITING), M.due_at <= NOW)
        .where(M.lead_id.in_(leads), M.id.not_in(mine), not_(permission.paused()))
        .with_for_update(skip_locked=True, of=MESSAGE)
    )


@once
def _take(definitions: Definitions, kind: str) -> ReturningUpdate[tuple[int, int, int, str, str]]:
    """Claim the working set's mails that are still due, of each lead the first by priority."""
    first = priority.of_mail(definitions).desc() if priority.in_use(definitions) else M.due_at
    rank = func.row_number().over(partition_by=M.lead_id, order_by=(first, M.due_at, M.id))
    waiting = (
        select(M.id, rank.label("rank"))
        .where(M.id.in_(select(batch.c.id)), among(M.state, WAITING), M.due_at <= NOW)
        .subquery()
    )
    mine = select(waiting.c.id)
    if kind == "nurture":
        mine = mine.where(waiting.c.rank == 1)
    return (
        update(MESSAGE)
        .where(M.id.in_(mine), among(M.state, WAITING))
        .values(
            state="claimed",
            owner=bindparam("by"),
            generation=M.generation + 1,
            attempts=M.attempts + 1,
            lease_until=END,
        )
        .returning(M.id, M.generation, M.attempts, M.kind, M.path)
    )


def hand_over(
    session: Session,
    definitions: Definitions,
    tickets: Collection[Ticket],
    *,
    owner: str,
    now: datetime,
) -> set[int]:
    """The fence: mark a window of claimed messages `handed`; returns those that may go out.

    Whoever lost its lease is stopped here, and any lead that opted out, moved, went to sales,
    left, or had its mails of the day since the claim; what is stopped goes back to `due`.
    From the commit of this on, a nurture message is never sent again by itself.
    """
    going: set[int] = set()
    for generation, ids in _by_generation(tickets):
        values = {"ids": ids, "by": owner, "mark": generation, "now": now, "end": now + LEASE}
        going.update(session.execute(_hand_over(definitions), values).scalars())
    if len(going) < len(tickets):
        release(session, [each for each in tickets if each.id not in going], owner=owner)
    return going


@once
def _hand_over(definitions: Definitions) -> ReturningUpdate[tuple[int]]:
    mine = and_(
        in_given(M.id, "ids"),
        # Not by the index of all that is in hand: each of those would be asked everything.
        func.coalesce(M.state, "") == "claimed",
        M.owner == bindparam("by"),
        M.generation == bindparam("mark"),
        M.lease_until > NOW,
    )
    return (
        update(MESSAGE)
        .where(mine, or_(M.kind == "notice", _welcome(definitions)))
        .values(state="handed", handed_at=NOW, lease_until=END)
        .returning(M.id)
    )


def _welcome(definitions: Definitions) -> ColumnElement[bool]:
    questions = [
        permission.enrolled(),
        not_(permission.paused()),
        permission.same_address(),
        not_(permission.suppressed()),
        permission.consents(definitions),
        not_(permission.with_sales(definitions)),
        timing.in_time(NOW),
        timing.window_open(definitions, NOW),
    ]
    if definitions.waking is not None:
        questions.append(not_(timing.quiet(definitions, NOW)))
    if caps_of(definitions.workspace):
        questions.append(not_(caps.any_reached(definitions, NOW)))
    return and_(*questions)


def _by_generation(tickets: Iterable[Ticket]) -> list[tuple[int, list[int]]]:
    """Nearly always one group: only what was tried before has another generation."""
    groups: dict[int, list[int]] = {}
    for ticket in tickets:
        groups.setdefault(ticket.generation, []).append(ticket.id)
    return list(groups.items())


def release(session: Session, tickets: Iterable[Ticket], *, owner: str) -> None:
    """Give claimed messages back to `due`: nothing of them was handed over, no try is counted."""
    for generation, ids in _by_generation(tickets):
        session.execute(
            update(MESSAGE)
            .where(
                M.id.in_(ids), M.owner == owner, M.generation == generation, M.state == "claimed"
            )
            .values(state="due", owner="", lease_until=None, attempts=M.attempts - 1)
        )


def give_back(session: Session, *, owner: str) -> None:
    """Release whatever this owner, a name of one run alone, still holds unsent."""
    session.execute(_GIVE_BACK, {"by": owner})


_GIVE_BACK = (
    update(MESSAGE)
    .where(among(M.state, IN_HAND), M.owner == bindparam("by"), M.state == "claimed")
    .values(state="due", owner="", lease_until=None, attempts=M.attempts - 1)
)


def prolong(session: Session, *, owner: str, now: datetime) -> None:
    """A sign of life: what this owner holds stays its.  A lease that ended is not revived."""
    session.execute(
        update(MESSAGE)
        .where(among(M.state, IN_HAND), M.owner == owner, M.lease_until > now)
        .values(lease_until=now + LEASE)
    )
