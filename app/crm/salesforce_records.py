"""A card as records of Salesforce: a Lead, and an Opportunity that looks it up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from app.crm import values
from app.crm.http import Reply
from app.crm.salesforce_api import code_of
from handoff.crm.port import Card, Deal, Value


@dataclass(frozen=True)
class Part:
    """One record to write: where, and what it is to hold."""

    kind: str
    path: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What became of a part."""

    kind: str
    status: int
    told: Any
    reply: Reply

    @property
    def code(self) -> str:
        """Why it was refused."""
        return code_of(self.told)

    @property
    def number(self) -> str:
        """The record's id, where it is said."""
        return values.word(self.told.get("id")) if isinstance(self.told, dict) else ""

    @property
    def created(self) -> bool:
        """Whether the record is new."""
        return isinstance(self.told, dict) and self.told.get("created") is True


@dataclass(frozen=True)
class Form:
    """Under which fields the records hold what we say, and how a new opportunity begins."""

    lead: str
    deal: str
    lookup: str
    due: str
    first_stage: str
    close_after: timedelta
    company: str
    zone: ZoneInfo

    def parts(self, card: Card, first: set[str], *, adopted: str, converted: bool) -> list[Part]:
        """What is asked for: the lead, unless it was converted, and the opportunity."""
        parts: list[Part] = []
        if not converted:
            told = self._lead(card, first="lead" in first and not adopted)
            by = f"{quote(self.lead)}/{quote(card.key, safe='')}"
            if adopted:
                by, told = quote(adopted, safe=""), told | {self.lead: card.key}
            parts.append(Part("lead", f"Lead/{by}", told))
        if card.deal is not None:
            told = self._deal(card.deal, first="deal" in first)
            if not converted:
                told[self.lookup] = adopted or "@{lead.id}"
            by = f"{quote(self.deal)}/{quote(card.deal.key, safe='')}"
            parts.append(Part("deal", f"Opportunity/{by}", told))
        return parts

    def _lead(self, card: Card, *, first: bool) -> dict[str, Any]:
        told = {name: _value(value) for name, value in card.fields.items()}
        for name in ("LastName", "Company"):  # cannot be emptied
            if not told.get(name):
                told.pop(name, None)
        if card.email:
            told["Email"] = _text(card.email)
        if card.owner:
            told["OwnerId"] = _text(card.owner)
        if first:  # what no lead is made without
            name = _text(card.email.split("@")[0], 80) or "unknown"
            told.setdefault("LastName", name)
            told.setdefault("Company", self.company)
        return told

    def _deal(self, deal: Deal, *, first: bool) -> dict[str, Any]:
        """What the opportunity is to hold.  Name and description are sales' own after the first
        time."""
        told: dict[str, Any] = {}
        if first:
            told = {
                "Name": _text(deal.title, 120) or deal.key,
                "StageName": self.first_stage,
                "CloseDate": self._day(deal.opened_at + self.close_after),
                "Description": _text(values.described(deal, 30_000), 32_000),
            }
        if deal.stage:
            told["StageName"] = _text(deal.stage)
        if deal.owner:
            told["OwnerId"] = _text(deal.owner)
        if deal.amount is not None and math.isfinite(deal.amount):
            told["Amount"] = deal.amount
        if deal.closed_at is not None:
            told["CloseDate"] = self._day(deal.closed_at)
        if self.due:
            told[self.due] = _value(deal.due_at)
        return told

    def _day(self, at: datetime) -> str:
        return at.astimezone(self.zone).date().isoformat()


def _value(value: Value) -> Any:
    """A value as a field takes it; None empties the field."""
    if isinstance(value, datetime):
        return values.moment(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _text(value) if isinstance(value, str) else value


def _text(value: str, longest: int = 65_536) -> str:
    """A text that says what it says: `@{` would refer to another part of the request."""
    return values.text(value.replace("@{", "@ {"), longest)
