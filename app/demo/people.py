"""How the demo's people behave: leads open and click, reps answer or forget.

Nobody's real behaviour: every choice is drawn from a hash of (seed, what it is about), so the same
story plays every time and one more lead changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from app.dice import Dice

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
REJECTED = ("not a fit", "bad timing", "wrong contact", "no budget this year")
LOST = ("chose another product", "no budget this year", "bad timing")
"""Reasons sales gives; as in the starter's handoff.yaml."""


@dataclass(frozen=True, order=True)
class Deed:
    """Something one of the demo's people does at an instant."""

    at: datetime
    kind: Literal[
        "open", "click", "unsubscribe", "accept", "reject", "touch", "won", "lost"
    ]  # fmt: skip
    subject: int
    """The message, or the handoff, it is about."""
    lead_id: int
    detail: str = ""


def reader(dice: Dice, mail: Any) -> Iterator[Deed]:
    """What a lead does with a mail handed over at `mail.handed_at`."""
    lead, number = mail.lead_id, mail.id
    about = (mail.lead_id, mail.step)
    if dice.draw("open", *about) > 0.52:
        return
    opened = mail.handed_at + 3 * MINUTE + dice.draw("when", *about) * 9 * HOUR
    yield Deed(opened, "open", number, lead)
    if dice.draw("click", *about) < 0.38:
        yield Deed(opened + 2 * MINUTE, "click", number, lead)
    if dice.draw("unsubscribe", *about) < 0.015:
        yield Deed(opened + 4 * MINUTE, "unsubscribe", number, lead)


def rep(dice: Dice, offer: Any, accept_by: datetime, touch_by: datetime) -> Iterator[Deed]:
    """What a rep does with an offer: mostly at once, else after the reminder, late, or not at all.

    Some leads nobody gets round to, whoever has them: their ladders are climbed to the top.
    """
    about = (offer.lead_id, offer.generation)
    answered = _answer(dice, offer, accept_by)
    if answered is None:
        return
    if dice.draw("mood", *about) < 0.12:
        yield Deed(answered, "reject", offer.id, offer.lead_id, _one_of(dice, REJECTED, about))
        return
    yield Deed(answered, "accept", offer.id, offer.lead_id)
    touched = _touch(dice, about, answered, touch_by)
    how = "called" if dice.draw("how", *about) < 0.7 else "wrote"
    yield Deed(touched, "touch", offer.id, offer.lead_id, how)
    ended = _on_a_weekday(touched + int(2 + 6 * dice.draw("length", *about)) * DAY)
    end = dice.draw("end", *about)
    if end < 0.30:
        yield Deed(ended, "won", offer.id, offer.lead_id)
    elif end < 0.60:
        yield Deed(ended, "lost", offer.id, offer.lead_id, _one_of(dice, LOST, about))


def _answer(dice: Dice, offer: Any, accept_by: datetime) -> datetime | None:
    """When the rep answers; None for never."""
    about = (offer.lead_id, offer.generation)
    pace, when = dice.draw("pace", *about), dice.draw("when", *about)
    if dice.draw("ignored", offer.lead_id) < 0.05 or pace > 0.90:
        return None
    offered: datetime = offer.offered_at
    if pace < 0.62:
        answered = offered + (4 + 40 * when) * MINUTE
    elif pace < 0.82:
        answered = accept_by - (4 + 20 * when) * MINUTE
    else:
        answered = accept_by + (20 + 60 * when) * MINUTE
    return max(answered, offered + MINUTE)


def _touch(dice: Dice, about: Any, answered: datetime, touch_by: datetime) -> datetime:
    """When the rep first calls or writes."""
    pace, when = dice.draw("touch", *about), dice.draw("late", *about)
    if pace < 0.72:
        touched = answered + (10 + 80 * when) * MINUTE
    elif pace < 0.90:
        touched = touch_by - (10 + 30 * when) * MINUTE
    else:
        touched = touch_by + (30 + 70 * when) * MINUTE
    return max(touched, answered + MINUTE)


def _on_a_weekday(at: datetime) -> datetime:
    weekend = max(0, 8 - at.isoweekday()) if at.isoweekday() > 5 else 0
    return at + weekend * DAY + 17 * MINUTE


def _one_of(dice: Dice, reasons: tuple[str, ...], about: Any) -> str:
    return reasons[int(dice.draw("why", *about) * len(reasons))]
