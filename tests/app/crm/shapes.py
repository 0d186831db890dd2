"""The shapes of a vendor's requests and answers, as its documents give them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "shapes"


class Malformed(Exception):
    """A request that fits no shape; the text says where."""


@dataclass(frozen=True)
class Asked:
    """A request that fits the shape `name`: the parts of its path, its query and its body."""

    name: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    scopes: Mapping[str, str] = field(default_factory=dict)


class Shapes:
    """All that was written down of one vendor."""

    def __init__(self, vendor: str) -> None:
        text = (FOLDER / f"{vendor}.yaml").read_text()
        self.told: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
        self._schemas = self.told["schemas"]

    def fitted(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Asked:
        """The request by its shape; Malformed where it fits none."""
        address = urlsplit(target)
        name, shape, found = self._known(method, address.path)
        self._fit_headers(shape, headers, body)
        query = dict(
            parse_qsl(address.query, keep_blank_values=True, strict_parsing=bool(address.query))
        )
        unknown = set(query) - set(shape.get("query", ()))
        if unknown or not set(shape.get("needs", ())) <= set(query):
            raise Malformed(f"{name}: parameters {sorted(query)}")
        parts = {key: unquote(part) for key, part in found.groupdict().items()}
        return Asked(name, parts, query, self._fit_body(name, shape, body), shape.get("scopes", {}))

    def _known(self, method: str, path: str) -> tuple[str, Mapping[str, Any], re.Match[str]]:
        for name, shape in self.told["requests"].items():
            found = re.fullmatch(shape["path"], path)
            if found and shape["method"] == method:
                return name, shape, found
        raise Malformed(f"no page knows {method} {path}")

    def wrong(self, schema: str, told: Any) -> str:
        """What of an answer is not as its schema says, '' when all is."""
        return self._wrong(self._schemas[schema], told)

    def _fit_headers(
        self, shape: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> None:
        wanted = {} if shape.get("open") else dict(self.told["headers"]["always"])
        if body:
            wanted |= shape.get("headers", self.told["headers"]["with-body"])
        for name, pattern in wanted.items():
            if not re.fullmatch(pattern, headers.get(name, "")):
                raise Malformed(f"header {name} is {headers.get(name)!r:.40}")

    def _fit_body(self, name: str, shape: Mapping[str, Any], body: bytes) -> Any:
        if "form" in shape:
            told: Any = dict(parse_qsl(body.decode(), strict_parsing=True))
            schema = shape["form"]
        elif "body" in shape:
            try:
                told = json.loads(body)
            except ValueError as error:
                raise Malformed(f"{name}: no JSON") from error
            schema = shape["body"]
        elif body:
            raise Malformed(f"{name} takes no body")
        else:
            return None
        if wrong := self._wrong(schema, told):
            raise Malformed(f"{name}: {wrong}")
        return told

    def _wrong(self, schema: Mapping[str, Any], told: Any) -> str:
        whole = dict(schema) | {"$defs": self._schemas["$defs"]}
        for error in Draft202012Validator(whole).iter_errors(told):
            return f"{error.json_path}: {error.message}"[:300]
        return ""


@cache
def shapes_of(vendor: str) -> Shapes:
    """The shapes of `hubspot` or `salesforce`."""
    return Shapes(vendor)
