"""`POST /api/sequences/{name}/enrolments`: leads asked into a sequence."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.entering import enter_leads
from app.web.access import bearer_text, require
from app.web.faults import status_of
from app.web.forms import json_body
from app.web.site import site_of
from nurture.ledger.errors import Conflict, InputRefused, NotFound

MOST = 500
"""Leads in one request."""
Text = Annotated[str, Field(min_length=1, max_length=320)]
FORM = f'a JSON object: {{"leads": [at most {MOST} addresses or id:…], "key": "", "reason": ""}}'

router = APIRouter()


class Asked(BaseModel):
    """Who is to enter, under which key, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    leads: list[Text] = Field(max_length=MOST)
    key: str = Field("", max_length=200)
    reason: str = Field("asked in by API", max_length=200)


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What became of each."},
    401: {"description": "A token is needed."},
    403: {"description": "The token has another scope."},
    404: {"description": "The sequence is not applied."},
    409: {"description": "The sequence is paused."},
    415: {"description": "The body is not application/json."},
    422: {"description": "Something in it does not fit; nothing was changed."},
    429: {"description": "Too much came from this network."},
}


@router.post(
    "/api/sequences/{name}/enrolments", responses=_ANSWERS,
    openapi_extra={
        "x-scopes": ["operate"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Asked.model_json_schema()}},
        },
    },
)  # fmt: skip
async def post_enrolments(request: Request, name: str) -> JSONResponse:
    """Let leads enter by the rules of the sequence's entry; 200 with what became of each.

    The same request again changes nothing: they are inside, or wait, already.
    """
    site = site_of(request)
    given = bearer_text(request)
    if site.read_only:
        raise HTTPException(403)
    body = await json_body(request)

    def store() -> list[dict[str, Any]]:
        with site.runtime.ledger.begin() as session:
            require(session, request, given, "operate")
            try:
                asked = Asked.model_validate_json(body)
            except ValidationError as error:
                raise InputRefused(f"The body is not {FORM}.") from error
            rows = enter_leads(
                session, site.runtime.definitions(), name, asked.leads, key=asked.key,
                reason=asked.reason or "asked in by API", now=site.now,
            )  # fmt: skip
        return [{"lead": row.lead, "state": row.state, "reason": row.reason} for row in rows]

    try:
        rows = await site.apart(store)
    except (NotFound, Conflict, InputRefused) as error:
        return JSONResponse({"error": str(error)}, status_of(error))
    site.poke()
    return JSONResponse({"sequence": name, "enrolments": rows})
