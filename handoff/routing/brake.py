"""The brake: of too many handoffs at once (an import gone wrong) most wait for somebody to look.

Held episodes are not lost, and nobody in sales is told of them; what crosses the line later goes on
as always, as far as it is not too much itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Integer,
    String,
    Update,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlmodel import Session

from handoff import alarms, wording
from handoff.tables import EPISODE, HANDOFF, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.errors import InputRefused
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

E = EPISODE.c
HELD = among(E.brake, ("held",))
UNTOLD = and_(E.told_at.is_(None), E.brake != literal_column("'held'"))
"""Nobody in sales was told, and no brake holds it; leans on `episode_untold`."""
PATH = "handoff/brake"


def hold(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Hold what waits beyond the room the brake leaves; `more` when there is more to hold.

    Handoffs somebody released do not take up room.  When nothing was held before, the admin is
    told.
    """
    brake = definitions.handoff.brake if definitions.handoff else None
    if brake is None:
        return Tally()
    opened = session.execute(_OPENED, {"since": now - brake.within}).scalar_one()
    before = session.execute(_ANY).scalar()
    held = changed(session, _HOLD, {"room": max(0, brake.handoffs - opened)})
    if held and not before:
        first = session.execute(select(func.min(E.id)).where(HELD)).scalar_one()
        alarms.brake_holds(
            session, definitions, first, said=f"{brake.handoffs} handoffs", within=brake.within,
            now=now,
        )  # fmt: skip
    return Tally.of("handoffs held by the brake", held, path=PATH, more=held == SIZE)


_OPENED = (
    select(func.count())
    .select_from(HANDOFF.join(EPISODE, E.id == HANDOFF.c.episode_id))
    .where(HANDOFF.c.opened_at > bindparam("since", type_=Instant()), E.brake == "")
)  # leans on `handoff_opened`
_ANY = select(exists().where(HELD))
_WITH_SALES = (
    select(HANDOFF.c.id)
    .where(HANDOFF.c.lead_id == E.lead_id, among(HANDOFF.c.state, OPEN))
    .correlate(EPISODE)
    .exists()
)  # they get no handoff, and take no room; leans on `handoff_lead`
BEYOND = (
    select(E.id)
    .where(UNTOLD, E.brake == "", ~_WITH_SALES)
    .order_by(E.id)
    .limit(SIZE)
    .offset(bindparam("room", type_=Integer()))
)
_HOLD: Update = update(EPISODE).where(E.id.in_(BEYOND)).values(brake="held")


@dataclass(frozen=True)
class Standing:
    """What the brake holds of one cause (a threshold, a sequence), since when."""

    cause: str
    held: int
    since: datetime


def standing(session: Session) -> list[Standing]:
    """What the brake holds, by cause, the most first; nothing when it does not hold."""
    count = func.count()
    since = func.min(E.opened_at, type_=Instant())
    rows = session.execute(
        select(E.cause, count, since).where(HELD).group_by(E.cause).order_by(count.desc(), E.cause)
    )
    return [Standing(*row) for row in rows]


def count_held(standings: Sequence[Standing]) -> int:
    """How many the brake holds in all."""
    return sum(each.held for each in standings)


def release(session: Session, *, at_most: int) -> int:
    """Let the oldest of what is held go to sales, whatever the brake says; returns how many."""
    return changed(session, _RELEASE, {"most": min(at_most, SIZE)})


def drop(session: Session, *, reason: str, now: datetime) -> int:
    """Drop up to `SIZE` of what is held: sales never hears of it; returns how many.

    The leads keep their score and may cross the line again once they fell below it.  Raises
    InputRefused when `reason` says nothing.
    """
    said = wording.one_line(reason)[:300]
    if len(said) < wording.SHORTEST:
        raise InputRefused("Say in a few words why, for the timelines of those leads.")
    why = f"; dropped: {said}"
    return changed(session, _DROP, {"most": SIZE, "now": now, "why": why})


_OLDEST = select(E.id).where(HELD).order_by(E.id).limit(bindparam("most", type_=Integer()))
_RELEASE: Update = update(EPISODE).where(E.id.in_(_OLDEST), HELD).values(brake="released")
_DROP: Update = (
    update(EPISODE)
    .where(E.id.in_(_OLDEST), HELD)
    .values(brake="dropped", told_at=NOW, reason=E.reason + bindparam("why", type_=String()))
)
