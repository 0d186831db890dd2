"""How the demo's people behave: leads open and click, reps answer or forget.

Nobody's real behaviour: every choice is drawn from a hash of (seed, what it is about), so the same
story plays every time and one more lead changes nothing for the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
REJECTIONS = ("not a fit", "no budget", "bad timing")


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


class Dice:
    """Draws numbers in [0, 1) that depend on nothing but the seed and the question."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def draw(self, *question: object) -> float:
        """The answer to a question, the same every time."""
        said = "|".join(map(str, (self._seed, *question))).encode()
        return int.from_bytes(hashlib.sha256(said).digest()[:8]) / 2**64


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
    """What a rep does with an offer: in time mostly, with a rejection or silence now and then."""
    about = (offer.lead_id, offer.generation)
    number, lead, mood = offer.id, offer.lead_id, dice.draw("mood", *about)
    if mood < 0.20:
        return  # forgets it: the ladder climbs
    patience = accept_by - offer.offered_at
    answered = accept_by - patience * 0.25 * dice.draw("when", *about) - 5 * MINUTE
    answered = max(answered, offer.offered_at + MINUTE)
    if mood < 0.32:
        reason = REJECTIONS[int(dice.draw("why", *about) * len(REJECTIONS))]
        yield Deed(answered, "reject", number, lead, reason)
        return
    yield Deed(answered, "accept", number, lead)
    late = dice.draw("late", *about) < 0.15
    touched = touch_by + 2 * HOUR if late else touch_by - 20 * MINUTE
    touched = max(touched, answered + MINUTE)
    yield Deed(touched, "touch", number, lead, "called")
    ended = touched + (3 + 5 * dice.draw("length", *about)) * DAY
    end = dice.draw("end", *about)
    if end < 0.30:
        yield Deed(ended, "won", number, lead)
    elif end < 0.60:
        yield Deed(ended, "lost", number, lead, "no budget")
