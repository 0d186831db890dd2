"""A Salesforce org on this machine, as its documents describe it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tests.app.crm.salesforce_fields import NEEDED, OBJECTS, STAMPS, Refused, described, typed
from tests.app.crm.shapes import Asked, Malformed, shapes_of
from tests.app.crm.soql import MalformedQuery, read
from tests.app.crm.vendor import Said, Vendor

KEY = "3MVG9_consumer_key_of_the_tests"
SECRET = "8A4BE698BCA216718ECB0B1DCA294C69_secret"


@dataclass
class Org:
    """What changes: copied before a request that may have to be undone."""

    records: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"Lead": [], "Opportunity": []}
    )
    next: int = 0


class SalesforceVendor(Vendor):
    """Records, tokens and rules of one org."""

    def __init__(self) -> None:
        super().__init__(shapes_of("salesforce"))
        self.org = Org()
        self.objects = copy.deepcopy(OBJECTS)
        self.external = {("Lead", "Nurture_Lead__c"), ("Opportunity", "Nurture_Handoff__c")}
        self.stages = ["Prospecting", "Qualification", "Closed Won", "Closed Lost"]
        self.rights = {"Lead", "Opportunity"}
        self.secret = SECRET
        self.tokens: list[str] = []
        self.good: set[str] = set()
        self.rule: tuple[str, str] | None = None
        self.most = 2000

    @property
    def leads(self) -> list[dict[str, Any]]:
        return self.org.records["Lead"]

    @property
    def deals(self) -> list[dict[str, Any]]:
        return self.org.records["Opportunity"]

    def add(self, kind: str, **values: Any) -> dict[str, Any]:
        """Somebody in sales makes a record; times are of whole seconds."""
        self.org.next += 1
        prefix = {"Lead": "00Q", "Opportunity": "006"}[kind]
        at = self.clock.replace(microsecond=0)
        made = dict.fromkeys(self.objects[kind]) | values
        made |= {"Id": f"{prefix}{self.org.next:012d}AAA", "CreatedDate": at, "SystemModstamp": at}
        if kind == "Lead":
            made["IsConverted"] = bool(values.get("IsConverted"))
        self.org.records[kind].append(made)
        return made

    def change(self, record: dict[str, Any], **values: Any) -> None:
        record |= values
        record["SystemModstamp"] = self.clock.replace(microsecond=0)

    def end_tokens(self) -> None:
        self.good.clear()

    # ------------------------------------------------------------------ answers

    def refusal(self, words: str) -> Said:
        return Refused(400, "JSON_PARSER_ERROR", words).said

    def answer(self, asked: Asked, headers: Mapping[str, str]) -> Said:
        if asked.name == "token":
            return self._token(asked)
        token = headers["authorization"].removeprefix("Bearer ")
        if token not in self.good:
            return Refused(401, "INVALID_SESSION_ID", f"Session expired or invalid: {token}").said
        return self._part(asked)

    def _part(self, asked: Asked) -> Said:
        try:
            return getattr(self, f"_{asked.name}")(asked)  # type: ignore[no-any-return]
        except Refused as refused:
            return refused.said

    def _token(self, asked: Asked) -> Said:
        if (asked.body["client_id"], asked.body["client_secret"]) != (KEY, self.secret):
            told = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return Said(400, told)
        token = f"00D5g000000Test!AQEAQ{len(self.tokens):040d}"
        self.tokens.append(token)
        self.good.add(token)
        told = {
            "access_token": token, "instance_url": "https://elsewhere.example.test",
            "id": "https://login.salesforce.com/id/00D/005", "token_type": "Bearer",
            "issued_at": "1771000000000", "signature": "x",
        }  # fmt: skip
        return Said(200, told)

    # ------------------------------------------------------------------ writing

    def _composite(self, asked: Asked) -> Said:
        before, done, ids = copy.deepcopy(self.org), [], {}
        for one in asked.body["compositeRequest"]:
            said = self._subrequest(one, ids)
            if isinstance(said.told, dict) and "id" in said.told:
                ids[one["referenceId"]] = said.told["id"]
            done.append({"body": said.told, "httpHeaders": {}, "httpStatusCode": said.status,
                         "referenceId": one["referenceId"]})  # fmt: skip
        if asked.body.get("allOrNone") and any(row["httpStatusCode"] >= 300 for row in done):
            self.org = before
            words = "The transaction was rolled back since another operation failed."
            halted = Refused(400, "PROCESSING_HALTED", words).said
            for row in done:
                if row["httpStatusCode"] < 300:
                    row |= {"body": halted.told, "httpStatusCode": 400}
        return Said(200, {"compositeResponse": done})

    def _subrequest(self, one: Mapping[str, Any], ids: Mapping[str, str]) -> Said:
        text = json.dumps(one.get("body") or {})
        for name in re.findall(r"@\{(\w+)\.id\}", text):
            if name not in ids:
                words = f"Invalid reference specified. No value for {name}.id found"
                return Refused(400, "PROCESSING_HALTED", words).said
            text = text.replace(f"@{{{name}.id}}", ids[name])
        headers = {"authorization": "Bearer x", "content-type": "application/json"}
        try:
            asked = self.shapes.fitted(one["method"], one["url"], headers, text.encode())
        except Malformed as error:
            self.malformed.append(str(error))
            return self.refusal(str(error))
        said = self._part(asked)
        self._see_to(asked, said)
        return said

    def _upsert(self, asked: Asked) -> Said:
        kind, by, value = asked.parts["kind"], asked.parts["field"], asked.parts["value"]
        if (kind, by) not in self.external or by not in self.objects.get(kind, {}):
            raise Refused(404, "NOT_FOUND", f"Provided external ID field does not exist: {by}")
        found = [row for row in self.org.records[kind] if row[by] == value]
        if len(found) > 1:
            urls = [f"/services/data/v66.0/sobjects/{kind}/{row['Id']}" for row in found]
            return Said(300, urls)
        if by in asked.body:
            raise Refused(400, "INVALID_FIELD", f"{by} should not be specified", by)
        record = found[0] if found else None
        written = self._write(kind, record, dict(asked.body) | ({} if record else {by: value}))
        told = {"id": written["Id"], "success": True, "errors": [], "created": record is None}
        return Said(201 if record is None else 200, told)

    def _update(self, asked: Asked) -> Said:
        kind = asked.parts["kind"]
        for row in self.org.records[kind]:
            if row["Id"] == asked.parts["id"]:
                self._write(kind, row, asked.body)
                return Said(204)
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _write(
        self, kind: str, record: dict[str, Any] | None, told: Mapping[str, Any]
    ) -> dict[str, Any]:
        if kind not in self.rights:
            raise Refused(403, "INSUFFICIENT_ACCESS", f"no right to write {kind}")
        if record is not None and record.get("IsConverted"):
            raise Refused(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        fields = self.objects[kind]
        values = {name: typed(kind, fields, name, value) for name, value in told.items()}
        self._fit(kind, (record or {}) | values)
        if self.rule and self.rule[0] in values:
            raise Refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", self.rule[1], self.rule[0])
        for by in [by for one, by in self.external if one == kind and values.get(by)]:
            others = [row for row in self.org.records[kind] if row is not record]
            if any(row[by] == values[by] for row in others):
                raise Refused(400, "DUPLICATE_VALUE", f"duplicate value found: {by}")
        if record is None:
            return self.add(kind, **values)
        if any(record[name] != value for name, value in values.items()):
            self.change(record, **values)
        return record

    def _fit(self, kind: str, whole: Mapping[str, Any]) -> None:
        missing = [name for name in NEEDED[kind] if not whole.get(name)]
        if missing:
            words = f"Required fields are missing: {missing}"
            raise Refused(400, "REQUIRED_FIELD_MISSING", words, *missing)
        if kind != "Opportunity":
            return
        if whole["StageName"] not in self.stages:
            code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
            raise Refused(400, code, f"bad value: {whole['StageName']}", "StageName")
        lead = whole.get("Nurture_Lead__c")
        if lead and not any(row["Id"] == lead for row in self.leads):
            raise Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    # ------------------------------------------------------------------ reading

    def _query(self, asked: Asked) -> Said:
        try:
            query = read(asked.query["q"])
        except MalformedQuery as error:
            self.malformed.append(f"{error}: {asked.query['q']}")
            raise Refused(400, "MALFORMED_QUERY", str(error)) from error
        known = {**STAMPS, **self.objects.get(query.kind, {})}
        if unknown := [name for name in query.used if name not in known]:
            raise Refused(
                400, "INVALID_FIELD", f"No such column '{unknown[0]}' on entity '{query.kind}'"
            )
        found = [row for row in self.org.records[query.kind] if query.fits(row)]
        found.sort(key=lambda row: [row[name] for name in query.order])
        found = found[: query.limit]
        told: dict[str, Any] = {"totalSize": len(found), "done": len(found) <= self.most}
        if not told["done"]:
            told["nextRecordsUrl"] = "/services/data/v66.0/query/01gD0000002HU6KIAW-2000"
        told["records"] = [
            {"attributes": {"type": query.kind, "url": quote(row["Id"])}}
            | {name: _said(row[name]) for name in query.fields}
            for row in found[: self.most]
        ]
        return Said(200, told)

    def _describe(self, asked: Asked) -> Said:
        kind = asked.parts["kind"]
        if kind not in self.objects:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        may = kind in self.rights
        fields = described(kind, self.objects[kind], self.external, self.stages)
        told = {"name": kind, "label": kind, "createable": may, "updateable": may}
        return Said(200, told | {"fields": fields})


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return value
