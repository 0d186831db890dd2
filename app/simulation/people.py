"""What leads and reps do, drawn from a stated model of behaviour.

Who clicks has opened: both are asked of one draw.  Delays are mostly short and sometimes long
(exponential), with the mean the model says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.dice import Dice
from app.simulation.agenda import Act
from app.simulation.model import Habit, Rates, Simulation
from insight.received import Mail, Offer

SOON = timedelta(seconds=1)
KINDS = {
    "open": "email_opened", "click": "email_clicked", "reply": "email_replied",
    "unsubscribe": "unsubscribed",
}  # fmt: skip
WorkTime = Callable[[Offer, datetime, timedelta], datetime | None]
"""The instant so much of a rep's working time is over, None for never."""


@dataclass
class People:
    """Draws what people do; the same for the same question, whoever else there is."""

    said: Simulation
    dice: Dice
    work_time: WorkTime
    _known: dict[str, Rates] = field(default_factory=dict)

    def arrived(self, lead: int, at: datetime, habits: Sequence[Habit]) -> Iterator[Act]:
        """The first time a lead does each of its habits."""
        for place, habit in enumerate(habits):
            until = at + habit.for_ if habit.for_ else None
            yield from self.again(lead, place, habit, at, 0, until=until)

    def again(
        self, lead: int, place: int, habit: Habit, at: datetime, times: int, *,
        until: datetime | None,
    ) -> Iterator[Act]:  # fmt: skip
        """The next time after `at` a lead does what it did `times` times before, if ever."""
        mean = timedelta(days=1) / habit.per_day
        then = at + self._delay(mean, "habit", lead, place, times)
        if until is None or then <= until:
            yield Act(then, lead, "habit", place, (habit, times + 1, until))

    def read(self, mail: Mail) -> Iterator[Act]:
        """What a lead does with a mail it was sent."""
        about = (mail.lead_id, mail.template, mail.handed_at)
        rates = self._rates(mail.template)
        luck = self.dice.draw("read", *about)
        clicks = rates.click or 0
        shares = {"open": max(rates.open or 0, clicks), "click": clicks}
        done = [what for what, share in shares.items() if luck < share]
        done += [
            what for what in ("reply", "unsubscribe")
            if self.dice.draw(what, *about) < (getattr(rates, what) or 0)
        ]
        if not done:
            return
        at = mail.handed_at + self._delay(rates.after or timedelta(), "when", *about)
        for late, what in enumerate(done):
            yield Act(at + late * SOON, mail.lead_id, what, mail.id, mail.template)

    def answer(self, offer: Offer) -> Iterator[Act]:
        """What a rep does with an offer."""
        sales = self.said.sales
        if sales is None:
            return
        about = (offer.lead_id, offer.generation)
        luck = self.dice.draw("answer", *about)
        if luck >= sales.accept + sales.reject:
            return
        at = self._at_work(offer, offer.handed_at, sales.after, "after", *about)
        if at is None:
            return
        if luck < sales.reject:
            yield self._answer(at, offer, "reject", *about)
            return
        yield self._answer(at, offer, "accept")
        if self.dice.draw("touch", *about) >= sales.touch:
            return
        at = self._at_work(offer, at, sales.touch_after, "touch after", *about)
        if at is None:
            return
        yield self._answer(at, offer, "touch")
        end = self.dice.draw("end", *about)
        at = self._at_work(offer, at, sales.close_after, "close after", *about)
        if at is None or end >= sales.won + sales.lost:
            return
        yield self._answer(at, offer, *(("won",) if end < sales.won else ("lost", *about)))

    def _answer(self, at: datetime, offer: Offer, what: str, *about: object) -> Act:
        """An answer, with a reason where there is a question to draw it for."""
        reasons = self.said.sales.reasons if self.said.sales and about else ("",)
        place = int(self.dice.draw("why", *about) * len(reasons))
        return Act(at, offer.lead_id, what, offer.id, (offer, reasons[place]))

    def _at_work(
        self, offer: Offer, since: datetime, mean: timedelta, *about: object
    ) -> datetime | None:
        return self.work_time(offer, since, self._delay(mean, *about))

    def _delay(self, mean: timedelta, *about: object) -> timedelta:
        """Mostly short, sometimes long, `mean` on average: whole seconds, one at least."""
        seconds = -math.log(1 - self.dice.draw(*about)) * mean.total_seconds()
        return max(SOON, timedelta(seconds=round(seconds)))

    def _rates(self, template: str) -> Rates:
        if template not in self._known:
            self._known[template] = self.said.mail.rates(template)
        return self._known[template]
