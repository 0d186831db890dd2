"""Looking at HubSpot: which of our deals changed, page by page, none passed over.

A page is asked for by the time of the last change it goes on from, never by an offset: a deal
changed meanwhile moves to the end and would pull another over the edge of an offset, and offsets
end at 10,000.  Where a whole page changed in one millisecond (an import), those deals are walked by
their number before the look goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.crm import values
from app.crm.http import Ended
from app.crm.hubspot_api import DEALS, VERSION, Api
from app.crm.place import NoCursor, Place, milliseconds, read_instant
from handoff.crm.port import Change, Pulled
from nurture.webhooks.port import Answer

PAGE = 200
CHANGED, NUMBER = "hs_lastmodifieddate", "hs_object_id"


class Looking:
    """A look at the deals whose `key` property is set; `reason` is the property that says why."""

    def __init__(self, api: Api, key: str, reason: str) -> None:
        self._api, self._key, self._reason = api, key, reason

    async def page(self, cursor: str, *, now: datetime) -> Pulled:
        """The changes of one page, and where the next one begins."""
        try:
            place = Place.read(cursor) if cursor else Place(milliseconds(now))
        except NoCursor:
            words = "the cursor is none that a look at HubSpot left: forget it, to begin now"
            raise Ended(Answer("failed", 0, words)) from None
        path = f"/crm/objects/{VERSION}/{DEALS}/search"
        reply = await self._api.ask("POST", path, told=self._asked(place))
        told = self._api.told(reply)
        clock = milliseconds(reply.at or now)
        results = values.rows(told.get("results"))
        found = [seen for deal in results if (seen := self._seen(deal))]
        full = bool(found) and (len(results) >= PAGE or "next" in values.row(told.get("paging")))
        place = place if cursor else place.begun(clock)
        after = self._after(place, found, full=full, clock=clock)
        if after == place:  # it went nowhere: the filters were not heeded
            after = place.over(place.mark, clock=clock)
        changes = tuple(change for _, _, change in found if change.deal)
        answer = Answer("done", reply.status, f"{len(changes)} deals looked at")
        return Pulled(answer, changes, after.cursor, more=after.at is not None)

    def _asked(self, place: Place) -> dict[str, Any]:
        filters = [{"propertyName": self._key, "operator": "HAS_PROPERTY"}]
        if place.last:
            filters += [
                {"propertyName": CHANGED, "operator": "EQ", "value": str(place.at)},
                {"propertyName": NUMBER, "operator": "GT", "value": place.last},
            ]
        else:
            since = {"propertyName": CHANGED, "operator": "GTE", "value": str(place.since)}
            filters.append(since)

        said = [self._key, "hubspot_owner_id", "dealstage", "amount", CHANGED, self._reason]
        return {
            "filterGroups": [{"filters": filters}],
            "sorts": [
                {"propertyName": NUMBER if place.last else CHANGED, "direction": "ASCENDING"}
            ],
            "properties": [name for name in said if name],
            "limit": PAGE,
            "after": "0",
        }

    def _after(
        self, place: Place, found: list[tuple[int, int, Change]], *, full: bool, clock: int
    ) -> Place:
        if place.last:  # among deals changed in one millisecond, which `place.at` names
            assert place.at is not None
            if full:
                return place.on(place.at, str(max(number for _, number, _ in found)))
            return place.on(place.at + 1, "")
        newest = max((at for at, _, _ in found), default=place.mark)
        if not full:
            return place.over(newest, clock=clock)
        return place.on(newest, "" if newest > place.since else "0")

    def _seen(self, deal: object) -> tuple[int, int, Change] | None:
        """When it changed, its number and what it says; None for what cannot be read."""
        if not isinstance(deal, Mapping) or not isinstance(said := deal.get("properties"), Mapping):
            return None
        at, number = read_instant(said.get(CHANGED)), values.word(deal.get("id"))
        if at is None or not (number.isascii() and number.isdecimal() and len(number) < 19):
            return None
        change = values.change("hubspot", number, at, {
            "deal": said.get(self._key), "owner": said.get("hubspot_owner_id"),
            "stage": said.get("dealstage"), "amount": said.get("amount"),
            "reason": said.get(self._reason) if self._reason else "",
        })  # fmt: skip
        return at, int(number), change
