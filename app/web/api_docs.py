"""The description of the public API: `/api/openapi.json` for programs, `/api/docs` for people."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from app.web import api_handoffs, engagements, enrolments
from app.web.site import page, site_of

PUBLIC = (engagements, enrolments, api_handoffs)
"""Rooms whose routes other systems may build on."""
SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of nurture tokens create, with the scope the request needs.",
    }
}
ABOUT = (
    "Everything needs a token (Authorization: Bearer …) whose scope fits. Instants are ISO 8601 "
    "with an offset, lengths of time are seconds. What is refused changes nothing and says why in "
    '{"error": …}.'
)
router = APIRouter()


@router.api_route("/api/openapi.json", methods=["GET", "HEAD"])
async def openapi() -> Response:
    """The description of the API, OpenAPI 3.1."""
    return JSONResponse(document())


@router.api_route("/api/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """The same as a page."""
    return page(site_of(request), "api", about=ABOUT, operations=operations(document()))


@cache
def document() -> dict[str, Any]:
    """The public routes, and every document they take and answer."""
    routes = [route for room in PUBLIC for route in room.router.routes]
    made: dict[str, Any] = get_openapi(
        title="nurture", version="1", description=ABOUT, routes=routes
    )
    made["components"]["securitySchemes"] = SECURITY
    made["security"] = [{"token": []}]
    for methods in made["paths"].values():
        methods.pop("head", None)
    return made


def operations(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Each operation as the page shows it, in the order of the document."""
    schemas = said["components"]["schemas"]
    return [
        {
            "method": method.upper(),
            "path": path,
            "id": each["operationId"],
            "about": each["description"],
            "scopes": each["x-scopes"],
            "asked": _fields(_body(each), schemas),
            "query": [_parameter(one) for one in each.get("parameters", [])],
            "answers": [(code, one["description"]) for code, one in each["responses"].items()],
        }
        for path, methods in said["paths"].items()
        for method, each in methods.items()
    ]


def _parameter(said: dict[str, Any]) -> dict[str, str]:
    return _field(said["name"], said["schema"], needed=said["required"])


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, str]]:
    """What a document holds: of a list, what each of it does."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    if schema.get("type") == "array":
        return _fields(schema["items"], schemas)
    needed = schema.get("required", [])
    return [
        _field(name, each, needed=name in needed)
        for name, each in schema.get("properties", {}).items()
    ]


def _field(name: str, schema: dict[str, Any], *, needed: bool) -> dict[str, str]:
    about = schema.get("description", "")
    return {
        "name": name, "type": _type(schema), "needed": "yes" if needed else "no", "about": about,
    }  # fmt: skip


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"] if each.get("type") != "null")
    kind: str = schema.get("format") or schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return {"date-time": "instant", "integer": "whole number", "string": "text"}.get(kind, kind)
