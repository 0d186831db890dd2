"""The end of a handoff: clocks stop, the lead moves on (`follow_ups` says what starts then).

Everything works on `batch` (id: the handoff, lead_id: its lead).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from handoff import lifecycle
from handoff.sla import clocks, pauses
from handoff.tables import EPISODE, HANDOFF, OPEN
from nurture.language.files.outcomes import EFFECTS
from nurture.ledger.statements.batches import batch

BECOMES = {each.state: each.lifecycle for each in EFFECTS.values() if each.ends}
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
