"""What came of a lead that sales works on: a meeting, an opportunity, won, lost.

Each is an answer as those of `answers`, holds while the lead is with sales, and moves
handoff and lifecycle by its row of `language.files.outcomes`, forward only.  All clocks but close
are met by it, by won and lost that as well; else next_step starts anew.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from sqlmodel import Session

from handoff import lifecycle, standing, wording
from handoff.answering import closing, follow_ups
from handoff.answering.deciding import Answer, begin, decide, rules_of, start, taken, who
from handoff.sla import clocks
from handoff.standing import Standing
from handoff.tables import HANDOFF, OPEN
from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.ladders import KINDS
from nurture.language.files.outcomes import EFFECTS, Effect
from nurture.ledger.errors import InputRefused

LARGEST = 1e12
"""No deal is worth more."""


OUTCOMES = {name: EFFECTS[name] for name in ("meeting", "opportunity", "won", "lost")}
"""Those that are told by this answer; the others have answers of their own."""


def outcome(
    session: Session, definitions: Definitions, handoff: int, *,
    result: str, amount: float | None = None, reason: str = "", by: str = "",
    generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Write down one of `OUTCOMES`; an opportunity may be told again, with another amount.

    Raises InputRefused for another word, a lost one without a reason, an amount where there is
    none to tell or that is no sum of money; Conflict when somebody was faster.
    """
    rules = rules_of(definitions)
    if result not in OUTCOMES:
        nearest = suggestion(result, list(OUTCOMES))
        raise InputRefused(f"{result!r} is not an outcome: say {_listed()}.{nearest}")
    effect = OUTCOMES[result]
    _check_amount(result, effect, amount)
    needed = effect.reason == "needed"
    said = wording.reason(reason, rules.recycle.reasons) if reason or needed else ""
    found = standing.of(session, handoff)
    values = _values(session, found, effect, amount=amount, said=said, by=by, now=now)
    decide(session, definitions, found, OPEN, values, generation, now=now)
    if "rep" in values:
        start(session, definitions, found, why=f"taken out of the queue by {by}", now=now)
    text = _text(result, amount, who(session, found, by), said)
    lifecycle.note(session, now=now, old=found.state, new=effect.state, reason=text)
    if effect.ends:
        clocks.meet(session, KINDS, at=now, reason=text)
        closing.finish(session, result, reason=text, now=now)
    else:
        clocks.meet(session, ("accept", "first_touch", "next_step"), at=now, reason=text)
        begin(session, definitions, found, clocks.TOUCHED, why=result, now=now)
        lifecycle.move(session, effect.lifecycle, now=now, reason=text, path=HANDOFF.c.path)
        lifecycle.touch(session)
    follow_ups.follow(session, definitions, result, said, reason=text, now=now)
    return Answer(handoff, effect.state, text)


def _listed() -> str:
    *most, last = OUTCOMES
    return f"{', '.join(most)} or {last}"


def _check_amount(result: str, effect: Effect, amount: float | None) -> None:
    if amount is None:
        return
    if not effect.amount:
        takes = " and ".join(name for name, each in OUTCOMES.items() if each.amount)
        raise InputRefused(f"An amount goes with {takes}, not with {result}: leave it out.")
    if not math.isfinite(amount) or not 0 <= amount <= LARGEST:
        raise InputRefused(f"{amount:g} is no amount: a number from 0 to {LARGEST:,.0f}.")


def _values(
    session: Session, found: Standing, effect: Effect, *,
    amount: float | None, said: str, by: str, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """What changes about the handoff; who tells of a lead in the queue takes it, unless it ends."""
    values: dict[str, Any] = {
        "state": effect.state,
        "touched_at": found.touched_at or now,
        "accepted_at": found.accepted_at or now,
    }
    if amount is not None:
        values["amount"] = amount
    if effect.ends:
        return values | {"closed_at": now, "outcome": said}
    values["last_touch_at"] = now
    return values if found.rep else values | taken(session, found, by, now=now)


def _text(result: str, amount: float | None, name: str, said: str) -> str:
    """`won (12,000) by Bo Lindqvist: chose us over another product`."""
    worth = f" ({amount:,.10g})" if amount is not None else ""
    return f"{result}{worth} by {name}" + (f": {said}" if said else "")
