"""A HubSpot on this machine, as its documents describe it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.app.crm.shapes import Asked, shapes_of
from tests.app.crm.vendor import Said, Vendor

TOKEN = "pat-eu1-5f0c2d1e-aaaa-bbbb-cccc-0123456789ab"
ADDRESS = {"contacts": "email"}
CHANGED = {"contacts": "lastmodifieddate", "0-3": "hs_lastmodifieddate"}


@dataclass
class Record:
    """One record; gone when it was erased."""

    number: int
    properties: dict[str, str]
    created: datetime
    changed: datetime
    gone: bool = False


@dataclass
class Kind:
    """The records of one object, and the properties it has: whether their values are unique."""

    known: dict[str, bool]
    records: list[Record] = field(default_factory=list)

    def by(self, name: str, value: str) -> Record | None:
        same = value.lower() if name == "email" else value
        for record in self.records:
            held = record.properties.get(name, "")
            if not record.gone and (held.lower() if name == "email" else held) == same:
                return record
        return None


def _kinds() -> dict[str, Kind]:
    shared = {"hubspot_owner_id": False, "hs_object_id": True}
    contact = "firstname lastname company lifecyclestage seen_at hs_score"
    deal = "dealname dealstage pipeline amount closedate description closed_lost_reason nurture_due"
    contacts, deals = dict.fromkeys(contact.split(), False), dict.fromkeys(deal.split(), False)
    return {
        "contacts": Kind(shared | contacts | {"email": True, "nurture_lead": True}),
        "0-3": Kind(shared | deals | {"nurture_handoff": True}),
    }


class HubSpotVendor(Vendor):
    """Records, associations and limits of one account."""

    def __init__(self) -> None:
        super().__init__(shapes_of("hubspot"))
        self.kinds = _kinds()
        self.associated: list[tuple[str, str]] = []
        self.scopes = {
            scope
            for shape in self.shapes.told["requests"].values()
            for scope in shape["scopes"].values()
        }
        self.token = TOKEN
        self.rule: tuple[str, str] | None = None
        self.late: set[int] = set()
        self.stages = {"default": ["appointmentscheduled", "qualified", "closedwon", "closedlost"]}
        self._next = 100

    @property
    def contacts(self) -> list[Record]:
        return [record for record in self.kinds["contacts"].records if not record.gone]

    @property
    def deals(self) -> list[Record]:
        return [record for record in self.kinds["0-3"].records if not record.gone]

    def change(self, record: Record, **properties: str) -> None:
        """Somebody in sales changes a record; the clock stands as it stands."""
        record.properties |= properties
        record.changed = self.clock

    def add(self, kind: str, **properties: str) -> Record:
        """Somebody in sales makes one."""
        self._next += 1
        made = Record(self._next, dict(properties), self.clock, self.clock)
        self.kinds[kind].records.append(made)
        return made

    # ------------------------------------------------------------------ answers

    def refusal(self, words: str) -> Said:
        return self.error(400, "VALIDATION_ERROR", f"Invalid input JSON: {words}")

    def error(self, status: int, category: str, message: str, **more: Any) -> Said:
        told = {"status": "error", "message": message, "correlationId": str(uuid.UUID(int=7)),
                "category": category} | more  # fmt: skip
        return Said(status, told)

    def answer(self, asked: Asked, headers: Mapping[str, str]) -> Said:
        if headers["authorization"] != f"Bearer {self.token}":
            words = f"Authentication credentials not found. You sent {headers['authorization']}"
            return self.error(401, "INVALID_AUTHENTICATION", words)
        scope = asked.scopes[asked.parts.get("kind", "")]
        if scope not in self.scopes:
            below = [{"message": f"One or more of: {scope}", "context": {"missingScopes": [scope]}}]
            words = "This app hasn't been granted all required scopes"
            return self.error(403, "MISSING_SCOPES", words, errors=below)
        return getattr(self, f"_{asked.name}")(asked)  # type: ignore[no-any-return]

    def _upsert(self, asked: Asked) -> Said:
        kind = self.kinds[asked.parts["kind"]]
        written = []
        for one in asked.body["inputs"]:
            unique = one.get("idProperty", "hs_object_id")
            if not kind.known.get(unique):
                return self.error(
                    400, "VALIDATION_ERROR", f"Property {unique} is not a unique property"
                )
            record = kind.by(unique, one["id"])
            told = {unique: one["id"]} | one["properties"]
            if refused := self._refused(kind, record, told, asked.parts["kind"]):
                return refused
            written.append(self._write(kind, record, told))
        return self._batch(written)

    def _update(self, asked: Asked) -> Said:
        kind = self.kinds[asked.parts["kind"]]
        written = []
        for one in asked.body["inputs"]:
            record = self._found(kind, one["id"], one.get("idProperty"))
            if record is None:
                return self.error(404, "OBJECT_NOT_FOUND", f"Could not get: {one['id']}")
            if refused := self._refused(kind, record, one["properties"], asked.parts["kind"]):
                return refused
            written.append(self._write(kind, record, one["properties"]))
        return self._batch(written)

    def _found(self, kind: Kind, value: str, unique: str | None) -> Record | None:
        if unique is not None:
            return kind.by(unique, value)
        return next(
            (one for one in kind.records if str(one.number) == value and not one.gone), None
        )

    def _refused(
        self, kind: Kind, record: Record | None, told: Mapping[str, str], name: str
    ) -> Said | None:
        for key, value in told.items():
            if key not in kind.known:
                return self.error(400, "VALIDATION_ERROR", f'Property "{key}" does not exist')
            if "\0" in value:
                return self.error(400, "VALIDATION_ERROR", "The value holds NUL")
            if len(value) > 65_536:
                return self.error(400, "VALIDATION_ERROR", f"{key} was too long")
            holder = kind.by(key, value) if kind.known[key] and value else None
            if holder is not None and holder is not record:
                return self.error(
                    409, "CONFLICT", f"Contact already exists. Existing ID: {holder.number}"
                )
        if name == "0-3":
            stage, pipeline = told.get("dealstage"), told.get("pipeline", "default")
            if record is None and not {"dealname", "dealstage"} <= set(told):
                return self.error(400, "VALIDATION_ERROR", "dealname and dealstage are required")
            if stage is not None and stage not in self.stages.get(pipeline, ()):
                return self.error(400, "VALIDATION_ERROR", f"{stage} is no option")
        if self.rule and self.rule[0] in told:
            return self.error(400, "VALIDATION_ERROR", "Property values were not valid",
                              errors=[{"message": self.rule[1], "in": self.rule[0]}])  # fmt: skip
        return None

    def _write(self, kind: Kind, record: Record | None, told: Mapping[str, str]) -> dict[str, Any]:
        new = record is None
        if record is None:
            self._next += 1
            record = Record(self._next, {}, self.clock, self.clock)
            kind.records.append(record)
        if any(record.properties.get(name) != value for name, value in told.items()):
            record.properties |= told
            record.changed = self.clock
        return self._told(record) | {"new": new}

    def _batch(self, results: list[dict[str, Any]]) -> Said:
        at = _text(self.clock)
        return Said(
            200, {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
        )

    def _read(self, asked: Asked) -> Said:
        kind = self.kinds[asked.parts["kind"]]
        record = self._found(kind, asked.parts["id"], asked.query.get("idProperty"))
        if record is None:
            return self.error(404, "OBJECT_NOT_FOUND", "resource not found")
        return Said(200, self._told(record))

    def _list(self, asked: Asked) -> Said:
        return Said(200, {"results": []})

    def _associate(self, asked: Asked) -> Said:
        pair = [(asked.parts["kind"], asked.parts["id"]), (asked.parts["to"], asked.parts["other"])]
        for kind, number in pair:
            if self._found(self.kinds[kind], number, None) is None:
                return self.error(404, "OBJECT_NOT_FOUND", f"{kind} {number} not found")
        pair.sort()
        if (pair[0][1], pair[1][1]) not in self.associated:
            self.associated.append((pair[0][1], pair[1][1]))
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
        both = {"associationSpec": spec, "from": {"id": pair[0][1]}, "to": {"id": pair[1][1]}}
        return self._batch([both])

    def _property(self, asked: Asked) -> Said:
        kind, name = self.kinds[asked.parts["kind"]], asked.parts["name"]
        if name not in kind.known:
            return self.error(404, "OBJECT_NOT_FOUND", f"No property exists with name {name}")
        told = {"name": name, "label": name, "type": "string", "fieldType": "text",
                "groupName": "information", "hasUniqueValue": kind.known[name]}  # fmt: skip
        return Said(200, told)

    def _pipeline(self, asked: Asked) -> Said:
        stages = self.stages.get(asked.parts["name"])
        if stages is None:
            return self.error(404, "OBJECT_NOT_FOUND", "pipeline not found")
        told = {
            "id": asked.parts["name"],
            "label": "Sales",
            "stages": [{"id": s, "label": s} for s in stages],
        }
        return Said(200, told)

    # ------------------------------------------------------------------ search

    def _search(self, asked: Asked) -> Said:
        groups, limits = (
            asked.body["filterGroups"],
            self.shapes.told["requests"]["search"]["limits"],
        )
        if sum(len(group["filters"]) for group in groups) > limits["filters"]:
            return self.error(400, "VALIDATION_ERROR", "too many filters")
        kind, name = self.kinds[asked.parts["kind"]], asked.parts["kind"]
        known = {**kind.known, CHANGED[name]: False}
        used = [one["propertyName"] for group in groups for one in group["filters"]]
        if unknown := [one for one in used if one not in known]:
            return self.error(400, "VALIDATION_ERROR", f"unknown: {unknown}")
        start, limit = int(asked.body["after"]), asked.body["limit"]
        if start + limit > limits["results"]:
            return self.error(400, "VALIDATION_ERROR", "paging beyond 10000 is not supported")
        found = [one for one in kind.records if not one.gone and one.number not in self.late]
        found = [
            one
            for one in found
            if any(all(self._fits(one, name, f) for f in g["filters"]) for g in groups)
        ]
        for sort in asked.body["sorts"]:
            found.sort(key=lambda one: self._value(one, name, sort["propertyName"]))
            if sort["direction"] == "DESCENDING":
                found.reverse()
        told: dict[str, Any] = {"total": len(found)}
        told["results"] = [self._told(one, name) for one in found[start : start + limit]]
        if start + limit < len(found):
            told["paging"] = {"next": {"after": str(start + limit)}}
        return Said(200, told)

    def _value(self, record: Record, kind: str, name: str) -> Any:
        if name == CHANGED[kind]:
            return _ms(record.changed)
        return record.number if name == "hs_object_id" else record.properties.get(name, "")

    def _fits(self, record: Record, kind: str, one: Mapping[str, str]) -> bool:
        held = self._value(record, kind, one["propertyName"])
        match one["operator"]:
            case "HAS_PROPERTY":
                return bool(held)
            case "EQ":
                return str(held) == one["value"]
            case "GT":
                return int(held) > int(one["value"])
            case "GTE":
                return int(held) >= int(one["value"])
        raise AssertionError(one["operator"])

    def _told(self, record: Record, kind: str = "") -> dict[str, Any]:
        properties: dict[str, str | None] = dict(record.properties)
        properties["hs_object_id"] = str(record.number)
        if kind:
            properties[CHANGED[kind]] = _text(record.changed)
        return {"id": str(record.number), "properties": properties, "archived": False,
                "createdAt": _text(record.created), "updatedAt": _text(record.changed)}  # fmt: skip


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
