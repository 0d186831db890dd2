"""What a posted form says, and the nonce that shows it was our page that posted it."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.exceptions import HTTPException

from app.web.guard import host_named
from app.web.site import Site
from nurture.delivery.mails import links
from nurture.ledger.errors import LinkInvalid

FIELDS = 20
FORM = "application/x-www-form-urlencoded"
NONCE_HOURS = 24
_MULTIPART = re.compile(
    rb'name="?list-unsubscribe"?[ \t]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n[ \t]*one-click[ \t]*\r?\n',
    re.IGNORECASE,
)


def read_form(body: bytes) -> dict[str, str]:
    """The fields of an urlencoded form, each once (its first value); 400 for what is none."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"
        )
    except (UnicodeDecodeError, ValueError):
        raise HTTPException(400) from None
    said: dict[str, str] = {}
    for name, value in pairs:
        said.setdefault(name, value)
    return said


async def page_form(request: Request) -> dict[str, str]:
    """The form of one of our pages; 415 for another format, 403 from another site's page."""
    if not from_own_page(request):
        raise HTTPException(403)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    return read_form(await request.body())


async def json_body(request: Request) -> bytes:
    """The body of a request that brings a JSON document; 415 for another format."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    plain = request.headers.get("content-encoding", "identity").lower() == "identity"
    if kind != "application/json" or not plain:
        raise HTTPException(415)
    return await request.body()


def from_own_page(request: Request) -> bool:
    """Whether a browser, as far as it says, sent this from a page of ours.

    Our pages ask for no referrer, so their forms come with `Origin: null`.
    """
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return True
    return (urlsplit(origin).hostname or "") == host_named(request.headers)


def one_click(content_type: str, body: bytes) -> bool:
    """Whether a body is RFC 8058's `List-Unsubscribe=One-Click`, urlencoded or multipart.

    Multipart is looked for by its field, not by its boundary: section 8.3 as printed declares a
    boundary that its own delimiters do not have (errata 5117, 8927).
    """
    if content_type.strip().lower().startswith("multipart/form-data"):
        return _MULTIPART.search(body) is not None
    try:
        said = read_form(body.strip())
    except HTTPException:
        return False
    return any(
        name.strip().lower() == "list-unsubscribe" and value.strip().lower() == "one-click"
        for name, value in said.items()
    )


def nonce(site: Site, purpose: str, *ids: int, now: datetime) -> str:
    """Shows that a form came from our page about `ids`, for a day."""
    return links.sign(site.runtime.keys, f"form {purpose}", *ids, _hour(now))


def fits(site: Site, given: str, purpose: str, *ids: int, now: datetime) -> bool:
    """Whether a nonce is ours, about `ids`, and not older than a day."""
    try:
        *about, hour = links.read(site.runtime.keys, f"form {purpose}", given)
    except (LinkInvalid, ValueError):
        return False
    return tuple(about) == ids and hour <= _hour(now) <= hour + NONCE_HOURS


def _hour(now: datetime) -> int:
    return int(now.timestamp() // 3600)
