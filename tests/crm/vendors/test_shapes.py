"""The check can fail: what no page describes is refused, and every shape names its page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.crm.vendors.shapes import Malformed, Shapes, shapes_of

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


def fitted(method: str, target: str, body: Any = None, headers: dict[str, str] = BEARER) -> str:
    content = (
        b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    return shapes_of("hubspot").fitted(method, target, headers, content).name


@pytest.mark.parametrize("vendor", ["hubspot"])
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
