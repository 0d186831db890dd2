"""What sales answered about leads, repeated for the handoffs of the same leads in a copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlmodel import Session

from handoff.answering import answers, outcomes
from handoff.tables import HANDOFF, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.errors import NurtureError
from nurture.ledger.statements.given import in_given
from nurture.ledger.tally import Tally

H = HANDOFF.c
_NEWEST = select(func.max(H.id)).where(in_given(H.lead_id, "leads")).group_by(H.lead_id)
_ANSWERED = select(HANDOFF).where(H.id.in_(_NEWEST), H.state.not_in(("offered", "lapsed")))
_OPEN = select(HANDOFF).where(in_given(H.lead_id, "leads"), H.state.in_(OPEN)).order_by(H.lead_id)


def repeat_answers(
    source: Session, target: Session, definitions: Definitions, leads: Sequence[int], *,
    now: datetime,
) -> Tally:  # fmt: skip
    """Answer the open handoffs of these leads in the copy as their latest ones were answered.

    An answer given before the copy's handoff was opened is about another one; what the copy does
    not allow is left out.
    """
    given = {"leads": leads}
    open_ = {row.lead_id: row for row in target.execute(_OPEN, given)}
    said = source.execute(_ANSWERED, given).all() if open_ else ()
    done = 0
    for row in said:
        mine = open_.get(row.lead_id)
        if mine is not None and _answered_at(row) >= mine.opened_at:
            try:
                done += _repeat(target, definitions, row, mine, now=now)
            except NurtureError:  # nobody of that name there, or a state it does not hold in
                continue
    return Tally.of("answered by sales", done)


def _answered_at(said: Row[Any]) -> datetime:
    at: datetime = said.closed_at or said.touched_at or said.accepted_at
    return at


def _repeat(
    target: Session, definitions: Definitions, said: Row[Any], mine: Row[Any], *, now: datetime
) -> int:
    """One answer, unless the copy's handoff stands there already; whether it did not."""
    who: dict[str, Any] = {"by": mine.rep or said.rep, "now": now}
    of = (target, definitions, mine.id)
    if said.state == mine.state:
        return 0
    match said.state:
        case "accepted":
            answers.accept(*of, **who)
        case "working":
            answers.touch(*of, **who)
        case "rejected":
            answers.reject(*of, reason=said.outcome, **who)
        case "recycled":
            answers.recycle(*of, reason=said.outcome, **who)
        case "won" | "lost" as result:
            outcomes.outcome(*of, result=result, reason=said.outcome, **who)
    return 1
