"""The objects of an org on this machine, and what their fields take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tests.app.crm.vendor import Said

TEXT, NUMBER, DATE, MOMENT, FLAG = "string", "currency", "date", "datetime", "boolean"
STAMPS = {"Id": "id", "CreatedDate": MOMENT, "SystemModstamp": MOMENT}
OBJECTS: dict[str, dict[str, str]] = {
    "Lead": dict.fromkeys(
        ["LastName", "FirstName", "Company", "OwnerId", "Status", "Nurture_Lead__c"], TEXT
    )
    | {"Email": "email", "IsConverted": FLAG, "NumberOfEmployees": "int", "Seen__c": MOMENT},
    "Opportunity": dict.fromkeys(["Name", "OwnerId", "Nurture_Handoff__c", "Lost__c"], TEXT)
    | {"StageName": "picklist", "CloseDate": DATE, "Amount": NUMBER, "Description": "textarea"}
    | {"Nurture_Lead__c": "reference", "Due__c": MOMENT},
}
NEEDED = {"Lead": ["LastName", "Company"], "Opportunity": ["Name", "StageName", "CloseDate"]}
LENGTHS = {"Name": 120, "LastName": 80, "FirstName": 40, "Company": 255, "Description": 32_000}


class Refused(Exception):
    """One part of a request was refused."""

    def __init__(self, status: int, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        told = {"message": message, "errorCode": code, "fields": list(fields)}
        self.said = Said(status, [told])


def typed(kind: str, fields: Mapping[str, str], name: str, value: Any) -> Any:
    """A value as its field takes it; Refused when it does not."""
    type_ = fields.get(name)
    if type_ is None or name in ("Id", "IsConverted"):
        raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject {kind}", name)
    if value is None:
        return None
    good = {NUMBER: (int, float), "int": int, FLAG: bool}.get(type_, str)
    if not isinstance(value, good):
        raise Refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize {type_} from {value}")
    if isinstance(value, str):
        _text(type_, name, value)
    return value


def _text(type_: str, name: str, value: str) -> None:
    if len(value) > LENGTHS.get(name, 255):
        raise Refused(400, "STRING_TOO_LONG", f"{name}: data value too large", name)
    if "\0" in value:
        raise Refused(400, "INVALID_FIELD", f"{name} holds NUL", name)
    try:
        if type_ == DATE:
            date.fromisoformat(value)
        if type_ == MOMENT:
            datetime.fromisoformat(value)
    except ValueError:
        words = f"Cannot deserialize {type_} from {value}"
        raise Refused(400, "JSON_PARSER_ERROR", words) from None


def described(
    kind: str, fields: Mapping[str, str], external: set[tuple[str, str]], stages: list[str]
) -> list[dict[str, Any]]:
    """The fields, as the description of an object tells them."""
    rows = []
    for name, type_ in {**STAMPS, **fields}.items():
        ours = (kind, name) in external
        row: dict[str, Any] = {"name": name, "type": type_, "label": name}
        row |= {"updateable": name not in STAMPS, "externalId": ours, "unique": ours}
        row["referenceTo"] = ["Lead"] if type_ == "reference" else []
        if name == "StageName":
            row["picklistValues"] = [{"value": one, "active": True} for one in stages]
        rows.append(row)
    return rows
