"""Stopping a sequence by hand, and letting it go on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nurture.calendar.nearest import nearest
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.errors import NotFound
from nurture.ledger.statements.upsert import insert_new_values


def pause(
    session: Session, definitions: Definitions, sequence: str, *, reason: str, now: datetime
) -> bool:
    """From now on nobody enters it, moves in it or gets its mail; False if it was paused before.

    Raises NotFound with the names there are.
    """
    _known(session, definitions, sequence)
    row = {"sequence": sequence, "since": now, "reason": reason}
    return insert_new_values(session, t.Pause, [row]) == 1


def resume(session: Session, definitions: Definitions, sequence: str) -> bool:
    """Let it go on where everybody stands; False if it was not paused.

    What happened meanwhile is looked at: leads in it are touched, and all leads when a segment
    lets them in.  An event that would have let a lead in while it was paused does so no more.
    """
    _known(session, definitions, sequence)
    found = session.get(t.Pause, sequence)
    if found is None:
        return False
    session.delete(found)
    session.flush()
    program = definitions.active.get(sequence)
    if program is not None and not (program.entry.by_event or program.entry.asked):
        ticks.touch_everybody(session)
        return True
    inside = select(col(t.Enrolment.lead_id).distinct()).where(
        col(t.Enrolment.sequence) == sequence, col(t.Enrolment.state) == "active"
    )
    ticks.touch(session, inside)
    return True


def _known(session: Session, definitions: Definitions, sequence: str) -> None:
    """A sequence no longer applied counts as long as it is paused."""
    if sequence in definitions.active or session.get(t.Pause, sequence) is not None:
        return
    near = nearest(sequence, list(definitions.active), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    known = ", ".join(sorted(definitions.active)) or "none"
    raise NotFound(f"There is no sequence {sequence!r}.{hint} Applied are: {known}")
