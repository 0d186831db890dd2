"""HubSpot: a lead is a contact, a handoff a deal associated with it, both found by our own keys.

The forms are those of HubSpot's documents for the version `2026-09` of its API (docs/crm-hubspot.md
names the pages).
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from urllib.parse import quote

from pydantic import SecretStr

from app.crm import values
from app.crm.http import PATIENCE, Ended, Line, Reply, T, Work, is_one_word
from app.crm.hubspot_api import CONTACTS, DEALS, VERSION, Api
from app.crm.hubspot_look import Looking
from handoff.crm.port import Card, Deal, Pulled, Pushed, Value
from nurture.webhooks.port import Answer

BASE_URL = "https://api.hubapi.com"
TOKENLESS = (
    "HubSpot waits for a token: set it to the service key (or the token of the private app) that"
    " docs/crm-hubspot.md tells how to make"
)


TORN = "HubSpot's token holds a space or a line break: set it as it was shown, in one line"


class HubSpot:
    """A `Crm`.  `lead_property` of contacts and `deal_property` of deals hold our keys, unique;
    `pipeline` and `first_stage` are where a new deal begins; `reason_property` is read as the
    reason of what came of it, `due_property` (a date and time, '' for none) holds the deadline."""

    def __init__(
        self, token: SecretStr, *, base_url: str = BASE_URL, pipeline: str = "default",
        first_stage: str = "appointmentscheduled", lead_property: str = "nurture_lead",
        deal_property: str = "nurture_handoff", reason_property: str = "closed_lost_reason",
        due_property: str = "", allow: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._token = token
        secrets = (token.get_secret_value(),)
        self._line = Line(base_url, allow=allow, secrets=secrets, tls=tls, patience=patience)
        self._api = Api(self._line, token)
        self._pipeline, self._first_stage = pipeline, first_stage
        self._lead_property, self._deal_property = lead_property, deal_property
        self._due_property = due_property
        self._looking = Looking(self._api, deal_property, reason_property)

    def __repr__(self) -> str:
        return f"HubSpot(pipeline={self._pipeline!r})"

    @property
    def trouble(self) -> str:
        """Without a token, or with an address that is none, nothing is asked."""
        token = self._token.get_secret_value()
        if not is_one_word(token):
            return TORN if token else TOKENLESS
        return f"HubSpot: {self._line.trouble}" if self._line.trouble else ""

    def push(self, card: Card) -> Future[Pushed]:
        """Begin to bring the contact, and the deal, up to the card."""
        return self._begin(lambda: self._pushed(card), Pushed)

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        """Begin to ask which of our deals changed; the first look begins now."""
        return self._begin(
            lambda: self._looking.page(cursor, now=now), lambda end: Pulled(end, cursor=cursor)
        )

    def check(self) -> Future[Answer]:
        """Begin to see whether the properties, the pipeline, the permissions to read are there."""
        return self._begin(self._checked, lambda end: end)

    def close(self) -> None:
        """End, once what is under way is over."""
        self._line.close()

    def _begin(self, work: Work[T], over: Callable[[Answer], T]) -> Future[T]:
        return self._line.begin(work, over, trouble=self.trouble)

    # ------------------------------------------------------------------ push

    async def _pushed(self, card: Card) -> Pushed:
        refs: dict[str, str] = {}
        contact, made = await self._contact(card)
        refs["contact"] = contact
        notes = ["the contact had been erased there and was made again"] if made else []
        if card.deal is not None:
            deal, made = await self._deal(card.deal, known=bool(card.refs.get("deal")))
            refs["deal"] = deal
            notes += ["the deal had been erased there and was made again"] if made else []
            if {"contact": card.refs.get("contact"), "deal": card.refs.get("deal")} != refs:
                await self._associate(deal, contact)
        return Pushed(Answer("done", 200, "; ".join(["taken", *notes])), refs)

    async def _contact(self, card: Card) -> tuple[str, bool]:
        """Its id there, and whether it was known and is new now."""
        properties = {name: _text(value) for name, value in card.fields.items()}
        properties[self._lead_property] = card.key
        if card.email:
            properties["email"] = values.text(card.email)
        if card.owner:
            properties["hubspot_owner_id"] = values.text(card.owner)
        known = bool(card.refs.get("contact"))
        reply = await self._upsert(CONTACTS, self._lead_property, card.key, properties)
        refusal = self._api.refusal(reply)
        if refusal is None:
            contact, new = _written(reply)
            return contact, new and known
        if reply.status in (400, 409) and card.email:
            return await self._adopted(card, properties, refusal), False
        raise Ended(refusal)

    async def _adopted(self, card: Card, properties: Mapping[str, str], refusal: Answer) -> str:
        """The contact that sales already has under this address, ours from now on.

        Whoever has it under another key of ours keeps it: two leads are not one contact.
        """
        query = {"idProperty": "email", "properties": f"email,{self._lead_property}"}
        path = f"/crm/objects/{VERSION}/{CONTACTS}/{quote(values.text(card.email), safe='')}"
        found = await self._api.ask("GET", path, query=query)
        if found.status != 200 or not isinstance(found.told, dict):
            raise Ended(refusal)
        contact = values.word(found.told.get("id"))
        held = values.word(values.row(found.told.get("properties")).get(self._lead_property))
        if not contact:
            raise Ended(refusal)
        if held == card.key:  # made by another push meanwhile
            raise Ended(self._api.contended(refusal))
        known = card.refs.get("contact", contact)
        if held or known != contact:
            other = "belongs to another lead" if held else f"is not {self._line.shown(known)}"
            words = (
                f"contact {self._line.shown(contact)} there has this address and {other}: merge"
                " the two leads, or the two contacts"
            )
            raise Ended(Answer("failed", refusal.status, words))
        body = {"inputs": [{"id": contact, "properties": dict(properties)}]}
        path = f"/crm/objects/{VERSION}/{CONTACTS}/batch/update"
        reply = self._api.taken(await self._api.ask("POST", path, told=body))
        return _written(reply)[0]

    async def _deal(self, deal: Deal, *, known: bool) -> tuple[str, bool]:
        """Its id there, and whether it was known and is new now."""
        begun = self._properties(deal, first=True)
        if not known:
            return _written(self._api.taken(await self._upserted_deal(deal, begun)))[0], False
        reply = await self._upserted_deal(deal, self._properties(deal, first=False))
        gone = reply.status == 400 and await self._is_gone(deal)
        number, new = ("", True) if gone else _written(self._api.taken(reply))
        if new:  # erased there: what only a new one is told is still missing
            number, _ = _written(self._api.taken(await self._upserted_deal(deal, begun)))
        return number, new

    async def _is_gone(self, deal: Deal) -> bool:
        path = f"/crm/objects/{VERSION}/{DEALS}/{quote(deal.key, safe='')}"
        reply = await self._api.ask("GET", path, query={"idProperty": self._deal_property})
        return reply.status == 404

    async def _upserted_deal(self, deal: Deal, told: Mapping[str, str]) -> Reply:
        return await self._upsert(DEALS, self._deal_property, deal.key, told)

    def _properties(self, deal: Deal, *, first: bool) -> dict[str, str]:
        """What the deal is to hold.  Name and description are sales' own after the first time."""
        properties = {self._deal_property: deal.key}
        if first:
            properties |= {
                "dealname": values.text(deal.title, 255), "pipeline": self._pipeline,
                "dealstage": self._first_stage, "description": values.described(deal, 60_000),
            }  # fmt: skip
        if deal.stage:
            properties |= {"pipeline": self._pipeline, "dealstage": values.text(deal.stage)}
        if deal.owner:
            properties["hubspot_owner_id"] = values.text(deal.owner)
        if deal.amount is not None and math.isfinite(deal.amount):
            properties["amount"] = f"{deal.amount:.2f}"
        if deal.closed_at is not None:
            properties["closedate"] = values.moment(deal.closed_at)
        if self._due_property:
            properties[self._due_property] = _text(deal.due_at)
        return properties

    async def _associate(self, deal: str, contact: str) -> None:
        path = (
            f"/crm/objects/{VERSION}/{DEALS}/{quote(deal, safe='')}/associations/default"
            f"/{CONTACTS}/{quote(contact, safe='')}"
        )
        self._api.taken(await self._api.ask("PUT", path))

    async def _upsert(
        self, kind: str, unique: str, key: str, properties: Mapping[str, str]
    ) -> Reply:
        body = {"inputs": [{"id": key, "idProperty": unique, "properties": dict(properties)}]}
        return await self._api.ask("POST", f"/crm/objects/{VERSION}/{kind}/batch/upsert", told=body)

    # ------------------------------------------------------------------ check

    async def _checked(self) -> Answer:
        missing = []
        for kind, noun, name in (
            (CONTACTS, "contact", self._lead_property), (DEALS, "deal", self._deal_property),
        ):  # fmt: skip
            path = f"/crm/properties/{VERSION}/{kind}/{quote(name, safe='')}"
            reply = await self._api.ask("GET", path)
            if reply.status == 404:
                missing.append(f"the {noun} property {name} (single-line text, unique values)")
            elif not self._api.told(reply).get("hasUniqueValue"):
                missing.append(f"unique values of the {noun} property {name}: make it anew with"
                               " unique values required")  # fmt: skip
            path = f"/crm/objects/{VERSION}/{kind}"
            self._api.told(await self._api.ask("GET", path, query={"limit": "1"}))
        missing += await self._missing_stage()
        if missing:
            return Answer("failed", 200, f"missing in HubSpot: {'; '.join(missing)}")
        return Answer(
            "done", 200, "the properties, the pipeline and the permissions to read are there"
        )

    async def _missing_stage(self) -> list[str]:
        path = f"/crm/pipelines/{VERSION}/{DEALS}/{quote(self._pipeline, safe='')}"
        reply = await self._api.ask("GET", path)
        if reply.status == 404:
            return [f"the deal pipeline {self._pipeline} (its internal id)"]
        stages = self._api.told(reply).get("stages")
        ids = [stage.get("id") for stage in values.rows(stages)]
        if self._first_stage in ids:
            return []
        has = self._line.shown(", ".join(map(str, ids[:20])))
        return [f"the stage {self._first_stage} of the pipeline {self._pipeline} (it has {has})"]


def _text(value: Value) -> str:
    """A value as a property holds it: a text always, '' for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return values.moment(value)
    if isinstance(value, float):
        return f"{value:.15g}" if math.isfinite(value) else ""
    return values.text(str(value))


def _written(reply: Reply) -> tuple[str, bool]:
    """The id of the one record that was written, and whether it is new."""
    for one in values.rows(values.row(reply.told).get("results")):
        if number := values.word(one.get("id")):
            return number, one.get("new") is True
    raise Ended(Answer("again", reply.status, "answered without the record it wrote"))
