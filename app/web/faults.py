"""What people and machines are told when something is wrong: never a traceback, never their input.

The only place where errors of the rooms below become HTTP codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.web.site import Site, page
from nurture.ledger.errors import Conflict, InputRefused, LedgerError, LinkInvalid, NotFound

MACHINES = ("/engagements", "/crm", "/api/", "/health")
"""Paths whose answers are JSON."""
RETRY_AFTER = "5"

SAID: Mapping[int, tuple[str, str, str]] = {
    400: ("The request cannot be read", "It is not what this address takes.", ""),
    401: ("A token is needed", "This address is open to holders of a token.",
          "Make one with: nurture tokens create"),
    403: ("Not allowed", "This request is not allowed here.", ""),
    404: ("There is nothing here", "The address is not one of ours.", ""),
    405: ("Not this way", "This address does not take that kind of request.", ""),
    408: ("Too slow", "The request took too long to arrive.", "Send it again."),
    409: ("Decided already", "It was decided otherwise meanwhile.", ""),
    413: ("Too large", "The request is larger than this address takes.", "Send less at a time."),
    415: ("Unknown format", "The content type is not one this address takes.", ""),
    422: ("The request cannot be taken", "Something in it does not fit; nothing was changed.", ""),
    429: ("Too many requests", "Too much came from your network within a minute.",
          "Wait a minute and try again."),
    500: ("Something went wrong", "This is our mistake; it has been noted.",
          "Try again in a moment."),
    503: ("Not now", "The ledger cannot be reached at the moment; nothing was changed.",
          "Try again in a moment."),
}  # fmt: skip


class SignedOut(Exception):
    """Nobody is signed in here; `by_script`: the page is to go where a browser would be sent."""

    def __init__(self, *, by_script: bool) -> None:
        super().__init__()
        self.by_script = by_script


def status_of(error: Exception) -> int:
    """The HTTP code of an error."""
    if isinstance(error, HTTPException):
        return error.status_code if error.status_code in SAID else 400
    if isinstance(error, SignedOut):
        return 401
    if isinstance(error, (LinkInvalid, NotFound)):
        return 404
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, (InputRefused, RequestValidationError)):
        return 422
    if isinstance(error, (LedgerError, DBAPIError, PoolTimeout)):
        return 503
    return 500


def answer(site: Site, path: str, error: Exception) -> Response:
    """The page, or for machines the JSON, that says what is wrong and what to do."""
    status = status_of(error)
    if isinstance(error, SignedOut):
        there = {"hx-redirect": "/sign-in"}
        return Response(status_code=status, headers=there) if error.by_script else _to_sign_in()
    heading, text, then = SAID[status]
    response: Response
    if path.startswith(MACHINES):
        response = JSONResponse({"error": " ".join(filter(None, (text, then)))}, status)
    elif status == 404:
        response = page(site, "not_found", status=404)
    else:
        response = page(site, "error", status=status, heading=heading, text=text, next=then)
    if isinstance(error, HTTPException):
        response.headers.update(error.headers or {})
    if status in (429, 503):
        response.headers["retry-after"] = "60" if status == 429 else RETRY_AFTER
    return response


def _to_sign_in() -> Response:
    return RedirectResponse("/sign-in", status_code=303)
