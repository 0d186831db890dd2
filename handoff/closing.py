"""The end of a handoff: clocks stop, the lead moves on, a sequence takes it back.

Everything works on `batch` (id: the handoff, lead_id: its lead).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, not_, select, update
from sqlmodel import Session

from handoff import clocks, lifecycle, pauses
from handoff.tables import EPISODE, HANDOFF, OPEN
from nurture.language.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.batches import batch
from nurture.ledger.upsert import table_of
from nurture.sequences.enrol import start_in

DECISION = table_of(t.Decision)
BACK = "handoff/recycle"
"""The path of an entry that sales caused."""

BECOMES = {
    "rejected": "recycled",
    "recycled": "recycled",
    "lapsed": "recycled",
    "lost": "recycled",
    "won": "customer",
}
"""The closed states of a handoff and what becomes of the lead's lifecycle."""


def close(session: Session, state: str, *, reason: str, now: datetime) -> None:
    """End the working set's open handoffs in `state`; their leads move on and are touched.

    An episode a sequence opened ends with its handoff, so that the sequence may hand over again;
    one of a threshold ends when the score falls below the re-arm line, as scoring decides.
    """
    lifecycle.note(session, now=now, old=HANDOFF.c.state, new=state, reason=reason)
    session.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(select(batch.c.id)), HANDOFF.c.state.in_((*OPEN, state)))
        .values(state=state, closed_at=now, outcome=reason)
    )
    finish(session, state, reason=reason, now=now)


def finish(session: Session, state: str, *, reason: str, now: datetime) -> None:
    """What follows from a state that is written already."""
    pauses.go_on(session, now=now)
    clocks.stop(session, now=now, reason=state)
    mine = select(HANDOFF.c.episode_id).where(HANDOFF.c.id.in_(select(batch.c.id)))
    session.execute(
        update(EPISODE)
        .where(EPISODE.c.id.in_(mine), EPISODE.c.closed_at.is_(None))
        .where(EPISODE.c.cause.startswith("sequence:"))
        .values(closed_at=now)
    )
    lifecycle.move(session, BECOMES[state], now=now, reason=reason, path=HANDOFF.c.path)
    lifecycle.touch(session)


def send_back(
    session: Session, definitions: Definitions, sequence: str | None, *, reason: str, now: datetime
) -> int:
    """Start the sequence handoff.yaml names for the working set's leads; returns how many entered.

    A sequence that is not applied takes nobody in: the lead stays recycled, free to enter others.
    So does a lead that was sent back as often as `recycle.at_most` says, with the reason.
    """
    program, rules = definitions.active.get(sequence or ""), definitions.handoff
    if program is None or rules is None:
        return 0
    most = rules.recycle.at_most
    worn = _times_sent_back() >= most
    times = f"{most} time{'s' if most > 1 else ''}"
    lifecycle.record(
        session, "back to nurture", old="", new="no more", path=BACK, now=now, where=worn,
        reason=f"sales sent it back {times} already: it stays recycled",
    )  # fmt: skip
    leads = select(batch.c.lead_id).where(not_(worn))
    return start_in(session, program, leads, now=now, reason=reason, path=BACK)


def _times_sent_back() -> ColumnElement[int]:
    """How often sales sent the lead of a row of `batch` back into a sequence."""
    return (
        select(func.count())
        .select_from(DECISION)
        .where(
            DECISION.c.lead_id == batch.c.lead_id,
            DECISION.c.kind == "entered",
            DECISION.c.path == BACK,
        )
        .correlate(batch)
        .scalar_subquery()
    )
