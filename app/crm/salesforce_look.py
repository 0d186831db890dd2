"""Looking at Salesforce: which of our opportunities changed, page by page, none passed over.

A page goes on from the last record of the one before, by the time of its last change and its id,
not by Salesforce's own locator: that one ends after a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.crm import values
from app.crm.http import Ended
from app.crm.place import NoCursor, Place, instant, milliseconds, read_instant
from app.crm.salesforce_api import Api, literal
from handoff.crm.port import Change, Pulled
from nurture.webhooks.port import Answer

PAGE = 2000
CHANGED = "SystemModstamp"


class Looking:
    """A look at the opportunities whose `key` field is set; `reason` is the field that says why."""

    def __init__(self, api: Api, key: str, reason: str) -> None:
        self._api, self._key, self._reason = api, key, reason

    async def page(self, cursor: str, *, now: datetime) -> Pulled:
        """The changes of one page, and where the next one begins."""
        try:
            place = Place.read(cursor) if cursor else Place(milliseconds(now))
        except NoCursor:
            words = "the cursor is none that a look at Salesforce left: forget it, to begin now"
            raise Ended(Answer("failed", 0, words)) from None
        reply = await self._api.ask("GET", "/query", query={"q": self._query(place)})
        told = self._api.told(reply)
        clock = milliseconds(reply.at or now)
        records = told.get("records")
        if not isinstance(records, list):
            raise Ended(Answer("again", reply.status, "answered without records"))
        found = [seen for record in records if (seen := self._seen(record))]
        place = place if cursor else place.begun(clock)
        after = place.on(*found[-1][:2]) if found else place
        full = told.get("done") is False or len(records) >= PAGE
        if after == place or not full:  # the last page, or one that went nowhere
            newest = max((at for at, _, _ in found), default=place.mark)
            after = place.over(newest, clock=clock)
        changes = tuple(change for _, _, change in found if change.deal)
        answer = Answer("done", reply.status, f"{len(changes)} opportunities looked at")
        return Pulled(answer, changes, after.cursor, more=after.at is not None)

    def _query(self, place: Place) -> str:
        at = _moment(place.since)
        since = f"{CHANGED} >= {at}"
        if place.last:
            last = literal(place.last)
            since = f"({CHANGED} > {at} OR ({CHANGED} = {at} AND Id > {last}))"
        said = ["Id", self._key, "OwnerId", "StageName", "Amount", CHANGED, self._reason]
        fields = ", ".join(dict.fromkeys(name for name in said if name))
        return (  # the names were checked
            f"SELECT {fields} FROM Opportunity WHERE {self._key} != null AND {since}"  # noqa: S608
            f" ORDER BY {CHANGED}, Id LIMIT {PAGE}"
        )

    def _seen(self, record: object) -> tuple[int, str, Change] | None:
        """When it changed, its id and what it says; None for what cannot be read."""
        if not isinstance(record, Mapping):
            return None
        at, number = read_instant(record.get(CHANGED)), values.word(record.get("Id"))
        if at is None or not (number.isascii() and number.isalnum() and len(number) < 19):
            return None
        change = values.change("salesforce", number, at, {
            "deal": record.get(self._key), "owner": record.get("OwnerId"),
            "stage": record.get("StageName"), "amount": record.get("Amount"),
            "reason": record.get(self._reason) if self._reason else "",
        })  # fmt: skip
        return at, number, change


def _moment(ms: int) -> str:
    """An instant as SOQL writes it: whole seconds, as all of Salesforce's own are."""
    text = values.moment(instant(ms))
    return text.replace(".000Z", "Z")
