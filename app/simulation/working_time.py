"""When reps are at work, in the time a simulation lasts."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from insight.received import Offer
from nurture.calendar.business import add
from nurture.calendar.errors import NeverOpens
from nurture.calendar.openings import Opening, openings
from nurture.language.compiled.definitions import Definitions


class WorkingTime:
    """Adds the working time of the rep who has an offer; openings are reckoned once."""

    def __init__(self, definitions: Definitions, begin: datetime, end: datetime) -> None:
        self._hours = definitions.hours
        self._begin, self._end = begin, end
        self._known: dict[tuple[str, str], list[Opening]] = {}

    def __call__(self, offer: Offer, since: datetime, amount: timedelta) -> datetime | None:
        """The instant so much of the rep's working time has passed; None after the end."""
        key = offer.hours, offer.zone
        if key not in self._known:
            place = ZoneInfo(offer.zone)
            self._known[key] = openings(self._hours[offer.hours], place, self._begin, self._end)
        try:
            return add(self._known[key], since, amount)
        except NeverOpens:
            return None
