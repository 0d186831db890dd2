"""Who may send what: claims with a lease, the fence before the point of no return."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, func, literal, not_, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session

from nurture.delivery import permission
from nurture.delivery.hold import hold
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.states import IN_HAND, WAITING
from nurture.language.definitions import Definitions
from nurture.ledger import batches
from nurture.ledger.batches import batch
from nurture.ledger.given import in_given
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

LEASE = timedelta(minutes=2)
"""How long a claim holds without a sign of life; a living sender prolongs it (`prolong`)."""


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
    due = (
        select(M.id, M.lead_id)
        .where(M.kind == kind, among(M.state, WAITING), M.due_at <= now)
        .order_by(M.due_at)
        .limit(size)
        .with_for_update(skip_locked=True, of=MESSAGE)
    )
    if kind == "nurture":
        at = literal(now, Instant())
        due = due.where(
            not_(permission.paused()),
            not_(permission.unjudged(judged, at)),
            not_(permission.another_in_hand()),
        )
    if not batches.fill(session, batches.filling(due)):
        return Claimed({}, Tally())
    tally = hold(session, definitions, kind=kind, now=now)
    claimed = session.execute(
        update(MESSAGE)
        .where(M.id.in_(_first_of_each_lead(kind, now)), among(M.state, WAITING))
        .values(
            state="claimed",
            owner=owner,
            generation=M.generation + 1,
            attempts=M.attempts + 1,
            lease_until=now + LEASE,
        )
        .returning(M.id, M.generation, M.attempts, M.kind, M.path)
    )
    return Claimed({row.id: Ticket(*row) for row in claimed}, tally)


def _first_of_each_lead(kind: str, now: datetime) -> ColumnElement[int]:
    rank = func.row_number().over(partition_by=M.lead_id, order_by=(M.due_at, M.id))
    waiting = (
        select(M.id, rank.label("rank"))
        .where(M.id.in_(select(batch.c.id)), among(M.state, WAITING), M.due_at <= now)
        .subquery()
    )
    mine = select(waiting.c.id)
    return mine.where(waiting.c.rank == 1) if kind == "nurture" else mine  # type: ignore[return-value]


@dataclass(frozen=True)
class Fence:
    """The last question before the point of no return, prepared once for a set of definitions."""

    definitions: Definitions
    _statement: ReturningUpdate[tuple[int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_statement", self._prepared())

    def hand_over(
        self, session: Session, tickets: Collection[Ticket], *, owner: str, now: datetime
    ) -> set[int]:
        """Mark a window of claimed messages `handed`; returns those that may go out.

        Whoever lost its lease is stopped here, and any lead that opted out, moved, went to sales,
        left, or had its mails of the day since the claim; what is stopped goes back to `due`.
        From the commit of this on, a nurture message is never sent again by itself.
        """
        going: set[int] = set()
        for generation, ids in _by_generation(tickets):
            values = {"ids": ids, "by": owner, "mark": generation, "at": now, "end": now + LEASE}
            going.update(session.execute(self._statement, values).scalars())
        if len(going) < len(tickets):
            release(session, [each for each in tickets if each.id not in going], owner=owner)
        return going

    def _prepared(self) -> ReturningUpdate[tuple[int]]:
        at = bindparam("at", type_=Instant())
        mine = and_(
            in_given(M.id, "ids"),
            # Not by the index of all that is in hand: each of those would be asked everything.
            func.coalesce(M.state, "") == "claimed",
            M.owner == bindparam("by"),
            M.generation == bindparam("mark"),
            M.lease_until > at,
        )
        return (
            update(MESSAGE)
            .where(mine, or_(M.kind == "notice", self._welcome(at)))
            .values(state="handed", handed_at=at, lease_until=bindparam("end", type_=Instant()))
            .returning(M.id)
        )

    def _welcome(self, at: ColumnElement[datetime]) -> ColumnElement[bool]:
        questions = [
            permission.enrolled(),
            not_(permission.paused()),
            permission.same_address(),
            not_(permission.suppressed()),
            permission.consents(self.definitions),
            not_(permission.with_sales(self.definitions)),
            permission.in_time(at),
            permission.window_open(self.definitions, at),
        ]
        if self.definitions.workspace.caps.per_day is not None:
            questions.append(not_(permission.cap_reached(self.definitions, at)))
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
    session.execute(
        update(MESSAGE)
        .where(among(M.state, IN_HAND), M.owner == owner, M.state == "claimed")
        .values(state="due", owner="", lease_until=None, attempts=M.attempts - 1)
    )


def prolong(session: Session, *, owner: str, now: datetime) -> None:
    """A sign of life: what this owner holds stays its.  A lease that ended is not revived."""
    session.execute(
        update(MESSAGE)
        .where(among(M.state, IN_HAND), M.owner == owner, M.lease_until > now)
        .values(lease_until=now + LEASE)
    )
