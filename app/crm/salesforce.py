"""Salesforce: a lead is a Lead, a handoff an Opportunity that looks up the lead; both are found by
external ids of ours.

The forms are those of the REST API's documents (docs/crm-salesforce.md names the pages).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from app.crm import values
from app.crm.http import PATIENCE, Ended, Line, T, Work, is_one_word
from app.crm.salesforce_api import Api, is_name, literal
from app.crm.salesforce_check import missing
from app.crm.salesforce_look import Looking
from app.crm.salesforce_records import Done, Form, Part
from handoff.crm.port import Card, Pulled, Pushed
from nurture.webhooks.port import Answer

VERSION = "v66.0"
KEYLESS = (
    "Salesforce waits for consumer key and secret: set both to those of the external client app"
    " that docs/crm-salesforce.md tells how to make"
)
TORN = (
    "Salesforce's consumer key or secret holds a space or a line break: set them as they were"
    " shown, each in one line"
)
CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
INCOMPLETE = "REQUIRED_FIELD_MISSING"
HALTED = "PROCESSING_HALTED"
"""The code of what was rolled back because another part of the request failed."""
LONGEST_EMAIL = 320


class Salesforce:
    """A `Crm`.  `base_url` is the org's My Domain.

    `lead_field` of Lead and `deal_field` of Opportunity are external ids; `lookup_field` leads
    from the opportunity to the lead; `reason_field` is read as the reason of what came of it, ''
    for none; `due_field` holds the deadline, '' for none.  A new opportunity begins in
    `first_stage` and is expected to close `close_after` the offer; days are days in `zone`.
    """

    def __init__(
        self, client_id: SecretStr, client_secret: SecretStr, *, base_url: str,
        version: str = VERSION, first_stage: str = "Prospecting",
        close_after: timedelta = timedelta(days=30), company: str = "[not provided]",
        lead_field: str = "Nurture_Lead__c", deal_field: str = "Nurture_Handoff__c",
        lookup_field: str = "Nurture_Lead__c", reason_field: str = "", due_field: str = "",
        zone: str = "UTC", allow: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._key, self._secret = client_id, client_secret
        secrets = (client_id.get_secret_value(), client_secret.get_secret_value())
        self._line = Line(base_url, allow=allow, secrets=secrets, tls=tls, patience=patience)
        self._api = Api(self._line, client_id, client_secret, version)
        self._form = Form(
            lead_field, deal_field, lookup_field, due_field,
            first_stage, close_after, company, ZoneInfo(zone),
        )  # fmt: skip
        self._reason_field = reason_field
        self._looking = Looking(self._api, deal_field, reason_field)

    def __repr__(self) -> str:
        return f"Salesforce(first_stage={self._form.first_stage!r})"

    @property
    def trouble(self) -> str:
        """Without key and secret, or with a field that can be none, nothing is asked."""
        secrets = (self._key.get_secret_value(), self._secret.get_secret_value())
        if not all(secrets):
            return KEYLESS
        if not all(map(is_one_word, secrets)):
            return TORN
        if self._line.trouble:
            return f"Salesforce: {self._line.trouble}"
        names = (self._form.lead, self._form.deal, self._form.lookup)
        optional = filter(None, (self._reason_field, self._form.due))
        odd = [name for name in (*names, *optional) if not is_name(name)]
        return f"Salesforce: {odd[0]!r} is no API name of a field" if odd else ""

    def push(self, card: Card) -> Future[Pushed]:
        """Begin to bring lead and opportunity up to the card: both or none."""
        return self._begin(lambda: self._pushed(card), Pushed)

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        """Begin to ask which of our opportunities changed; the first look begins now."""
        return self._begin(
            lambda: self._looking.page(cursor, now=now), lambda end: Pulled(end, cursor=cursor)
        )

    def check(self) -> Future[Answer]:
        """Begin to see whether objects, fields, the stage and the permissions are there."""
        return self._begin(self._checked, lambda end: end)

    def close(self) -> None:
        """End, once what is under way is over."""
        self._line.close()

    def _begin(self, work: Work[T], over: Callable[[Answer], T]) -> Future[T]:
        return self._line.begin(work, over, trouble=self.trouble)

    # ------------------------------------------------------------------ push

    async def _pushed(self, card: Card) -> Pushed:
        known = {kind for kind in ("lead", "deal") if card.refs.get(kind)}
        adopted = "" if "lead" in known else await self._theirs(card)
        first, converted = {"lead", "deal"} - known, False
        while True:  # a lead is found converted once at the most, either record erased once
            parts = self._form.parts(card, first, adopted=adopted, converted=converted)
            if not parts:
                return Pushed(Answer("done", 200, NOT_OURS), dict(card.refs))
            replies = await self._composed(parts)
            refused = [one for one in replies if not 200 <= one.status < 300]
            if not refused:
                return _done(card, replies, known, adopted, converted=converted)
            one = next((one for one in refused if one.code != HALTED), refused[0])
            if one.kind == "lead" and one.code == CONVERTED:
                converted = True
            elif one.code == INCOMPLETE and one.kind not in first:
                first = first | {one.kind}
            else:
                raise Ended(self._api.refusal(one.status, one.told, one.reply))

    async def _theirs(self, card: Card) -> str:
        """The id of the lead that sales already has under this address, '' where there is none
        that could become ours."""
        if not 0 < len(card.email) <= LONGEST_EMAIL:
            return ""
        key, email = literal(values.text(card.key)), literal(values.text(card.email))
        query = (  # the names were checked, the texts are literals
            f"SELECT Id, {self._form.lead} FROM Lead WHERE {self._form.lead} = {key} OR"  # noqa: S608
            f" (Email = {email} AND {self._form.lead} = null AND IsConverted = false)"
            " ORDER BY CreatedDate, Id LIMIT 20"
        )
        told = self._api.told(await self._api.ask("GET", "/query", query={"q": query}))
        found = values.rows(told.get("records"))
        if any(one.get(self._form.lead) for one in found):
            return ""
        return next((number for one in found if (number := values.word(one.get("Id")))), "")

    async def _composed(self, parts: list[Part]) -> list[Done]:
        """Ask for all the parts at once, all or none."""
        asked = [
            {
                "method": "PATCH",
                "url": f"{self._api.data}/sobjects/{part.path}",
                "referenceId": part.kind,
                "body": part.told,
            }
            for part in parts
        ]
        body = {"allOrNone": True, "compositeRequest": asked}
        reply = await self._api.ask("POST", "/composite", told=body)
        rows = self._api.told(reply).get("compositeResponse")
        by_kind = {values.word(row.get("referenceId")): row for row in values.rows(rows)}
        done = []
        for part in parts:
            row = by_kind.get(part.kind) or {}
            status = row.get("httpStatusCode")
            if not isinstance(status, int):
                raise Ended(Answer("again", reply.status, "answered without the records it wrote"))
            done.append(Done(part.kind, status, row.get("body"), reply))
        return done

    # ------------------------------------------------------------------ check

    async def _checked(self) -> Answer:
        lead = await self._described("Lead")
        deal = await self._described("Opportunity")
        absent = [
            *missing("Lead", lead, [self._form.lead], external=self._form.lead),
            *missing(
                "Opportunity",
                deal,
                [self._form.deal, self._form.lookup, self._reason_field, self._form.due],
                external=self._form.deal,
                lookup=self._form.lookup,
                stage=self._form.first_stage,
            ),
        ]
        if absent:
            words = self._line.shown("; ".join(absent), 2_000)
            return Answer("failed", 200, f"missing in Salesforce: {words}")
        return Answer("done", 200, "objects, fields, stage and permissions are there")

    async def _described(self, name: str) -> Mapping[str, Any] | None:
        """What an object is like for the Run As user, None where it may not be seen."""
        reply = await self._api.ask("GET", f"/sobjects/{name}/describe")
        return None if reply.status == 404 else self._api.told(reply)


NOT_OURS = "the lead was converted there: its contact is sales' own, nothing was written"


def _done(
    card: Card, replies: list[Done], known: set[str], adopted: str, *, converted: bool
) -> Pushed:
    """What became of a push that was taken whole."""
    refs = dict(card.refs) if converted else {}
    notes = ["the lead was converted there and is left as it is"] if converted else []
    for one in replies:
        number = adopted if one.kind == "lead" and adopted else one.number
        if not number:
            raise Ended(Answer("again", one.status, "answered without the records it wrote"))
        refs[one.kind] = number
        if one.created and one.kind in known:
            noun = "lead" if one.kind == "lead" else "opportunity"
            notes.append(f"the {noun} had been erased there and was made again")
    return Pushed(Answer("done", 200, "; ".join(["taken", *notes])), refs)
