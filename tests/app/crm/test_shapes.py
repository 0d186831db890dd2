"""The check can fail: what no page describes is refused, and every shape names its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crm import values
from app.crm.salesforce_api import literal
from tests.app.crm import soql
from tests.app.crm.shapes import Malformed, Shapes, shapes_of

BEARER = {"authorization": "Bearer x", "content-type": "application/json"}
UPSERT = "/crm/objects/2026-09/contacts/batch/upsert"
SEARCH = "/crm/objects/2026-09/0-3/search"
ONE = {"id": "lead-1", "idProperty": "nurture_lead", "properties": {"email": "ann@example.test"}}
OURS = {"propertyName": "nurture_handoff", "operator": "HAS_PROPERTY"}
ASKED: dict[str, Any] = {
    "filterGroups": [{"filters": [OURS]}],
    "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
    "properties": ["amount"], "limit": 200, "after": "0",
}  # fmt: skip


def fitted(
    method: str, target: str, body: Any = None, headers: dict[str, str] = BEARER,
    vendor: str = "hubspot",
) -> str:  # fmt: skip
    content = (
        b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    return shapes_of(vendor).fitted(method, target, headers, content).name


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce"])
def test_every_shape_names_the_pages_it_comes_from(vendor: str) -> None:
    shapes = Shapes(vendor)
    for name, shape in shapes.told["requests"].items():
        assert shape["source"], name
        assert set(shape["source"]) <= set(shapes.told["pages"]), name
        assert all(schema in shapes.told["schemas"] for schema in shape["answers"].values()), name


def test_what_the_pages_describe_fits() -> None:
    assert fitted("POST", UPSERT, {"inputs": [ONE]}) == "upsert"
    assert fitted("POST", SEARCH, ASKED) == "search"
    assert fitted("GET", "/crm/objects/2026-09/contacts/a%40b?idProperty=email") == "read"


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PUT", UPSERT, {"inputs": [ONE]}),
        ("POST", "/crm/v9/objects/contacts/batch/upsert", {"inputs": [ONE]}),
        ("POST", UPSERT, {"inputs": []}),
        ("POST", UPSERT, {"inputs": [ONE] * 101}),
        ("POST", UPSERT, {"inputs": [ONE | {"properties": {"hs_score": 12}}]}),
        ("POST", UPSERT, {"inputs": [ONE | {"properties": {"email": None}}]}),
        ("POST", UPSERT, {"inputs": [{"properties": {}}]}),
        ("POST", UPSERT, {"inputs": [ONE | {"idproperty": "x"}]}),
        ("POST", UPSERT, {"inputs": [ONE], "more": 1}),
        ("POST", UPSERT, b"{"),
        ("POST", UPSERT, None),
        ("POST", UPSERT + "?idProperty=email", {"inputs": [ONE]}),
        ("POST", SEARCH, ASKED | {"limit": 201}),
        ("POST", SEARCH, ASKED | {"after": 0}),
        ("POST", SEARCH, ASKED | {"sorts": ASKED["sorts"] * 2}),
        ("POST", SEARCH, ASKED | {"filterGroups": ASKED["filterGroups"] * 6}),
        ("POST", SEARCH, ASKED | {"filterGroups": [{"filters": [OURS | {"operator": "LIKE"}]}]}),
        ("PUT", "/crm/objects/2026-09/0-3/x/associations/default/contacts/7", None),
        ("GET", "/crm/objects/2026-09/contacts?after=1&page=2", None),
        ("GET", "/crm/objects/2026-09/contacts", {"limit": 1}),
    ],
)  # fmt: skip
def test_what_they_do_not_is_refused(method: str, target: str, body: Any) -> None:
    with pytest.raises(Malformed):
        fitted(method, target, body)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "x"}, {"authorization": "Bearer "}, {"authorization": "Bearer a b"},
     {"authorization": "Bearer x"}, {"authorization": "Bearer x", "content-type": "text/plain"}],
)  # fmt: skip
def test_headers_are_looked_at(headers: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        fitted("POST", UPSERT, {"inputs": [ONE]}, headers)


# ------------------------------------------------------------------ Salesforce

FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN = "/services/oauth2/token"
DATA = "/services/data/v66.0"
LEAD = {"method": "PATCH", "url": f"{DATA}/sobjects/Lead/Nurture_Lead__c/1", "referenceId": "lead",
        "body": {"LastName": "x"}}  # fmt: skip
BOTH = {"allOrNone": True, "compositeRequest": [LEAD]}


def test_what_the_pages_of_salesforce_describe_fits() -> None:
    form = b"grant_type=client_credentials&client_id=a&client_secret=b"
    assert fitted("POST", TOKEN, form, FORM, "salesforce") == "token"
    assert fitted("POST", f"{DATA}/composite", BOTH, vendor="salesforce") == "composite"
    upsert = f"{DATA}/sobjects/Lead/Nurture_Lead__c/a%2Fb"
    assert fitted("PATCH", upsert, {"LastName": "x"}, vendor="salesforce") == "upsert"
    assert fitted("GET", f"{DATA}/query?q=SELECT+Id", vendor="salesforce") == "query"


@pytest.mark.parametrize(
    ("method", "target", "body", "headers"),
    [
        ("POST", TOKEN, b"grant_type=password&client_id=a&client_secret=b", FORM),
        ("POST", TOKEN, b"grant_type=client_credentials&client_id=a", FORM),
        ("POST", TOKEN, b"grant_type=client_credentials&client_id=a&client_secret=b", BEARER),
        ("GET", TOKEN, None, FORM),
        ("POST", f"{DATA}/composite", BOTH, {"content-type": "application/json"}),
        ("POST", f"{DATA}/composite", BOTH | {"compositeRequest": [LEAD] * 26}, BEARER),
        ("POST", f"{DATA}/composite", {"compositeRequest": [LEAD | {"url": "/Lead"}]}, BEARER),
        ("POST", f"{DATA}/composite", {"compositeRequest": [LEAD | {"referenceId": "1"}]}, BEARER),
        ("POST", f"{DATA}/composite", BOTH | {"allOrNone": "true"}, BEARER),
        ("POST", f"{DATA}/sobjects/Lead/Nurture_Lead__c/1", {}, BEARER),
        ("PATCH", f"{DATA}/sobjects/Lead/Nurture_Lead__c/a/b", {}, BEARER),
        ("PATCH", f"{DATA}/sobjects/Lead/Nurture_Lead__c/1", {"x": [1]}, BEARER),
        ("GET", f"{DATA}/query", None, BEARER),
        ("GET", f"{DATA}/query?q=x&limit=1", None, BEARER),
    ],
)  # fmt: skip
def test_what_they_do_not_is_refused_too(
    method: str, target: str, body: Any, headers: dict[str, str]
) -> None:
    with pytest.raises(Malformed):
        fitted(method, target, body, headers, "salesforce")


ORDER = " ORDER BY SystemModstamp, Id LIMIT 10"


def test_a_query_of_the_pages_is_read() -> None:
    query = soql.read("SELECT Id, Name FROM Lead WHERE Name = 'Bob\\'s BBQ' AND Id != null" + ORDER)
    assert (query.kind, query.fields, query.limit) == ("Lead", ["Id", "Name"], 10)
    assert query.fits({"Id": "1", "Name": "Bob's BBQ"})
    assert not query.fits({"Id": None, "Name": "Bob's BBQ"})


@pytest.mark.parametrize(
    "where",
    [
        "Name = 'Bob's BBQ'", "Name = 'x\\q'", "Name = 'x", "Name = x", "Name == 'x'",
        "Name = 'x' OR Name = 'y' AND Id = 'z'", "(Name = 'x'", "Name", "Name = 'a\nb'",
        "Name = 'x' -- y", "", f"Name = '{'x' * 4001}'",
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(soql.MalformedQuery):
        soql.read(f"SELECT Id FROM Lead WHERE {where}{ORDER}")


@given(text=st.text(max_size=200))
def test_a_literal_is_read_back_as_it_was(text: str) -> None:
    kept = values.text(text)
    query = soql.read(f"SELECT Id FROM Lead WHERE Name = {literal(kept)}{ORDER}")
    assert query.fits({"Name": kept})
    assert not query.fits({"Name": kept + "x"})
