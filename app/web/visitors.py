"""Who of sales is signed in: a cookie names a session, the session an address, and the applied
handoff.yaml what that address may do; asked anew at each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.faults import SignedOut
from app.web.site import Site, site_of
from handoff.desk.seats import Seat, seat_of
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.access import signing_in
from nurture.ledger.access.signing_in import Signed

SESSION = "nurture"
BROWSER = "nurture-browser"
POLL = "x-poll"
"""The header of a page that looks again by itself: that keeps nobody signed in."""


@dataclass(frozen=True)
class Visitor:
    """Somebody of sales, and the definitions that say so."""

    signed: Signed
    seat: Seat
    definitions: Definitions


async def visitor(request: Request) -> Visitor:
    """Whoever is signed in; SignedOut for everybody else, also at this machine itself.

    403 for what would change something where nothing is written.
    """
    site = site_of(request)
    if site.read_only and request.method == "POST":
        raise HTTPException(403)
    given, now = cookie(request, SESSION), site.now
    signed = await site.read(lambda s: signing_in.find_session(s, given, now=now))
    definitions = await site.apart(site.runtime.definitions)
    seat = seat_of(definitions, signed.email) if signed else None
    if signed is None or seat is None:
        raise SignedOut(by_script="hx-request" in request.headers)
    if signed.stale and POLL not in request.headers and not site.read_only:
        await site.write(lambda s: signing_in.note_seen(s, signed.number, now=now))
    return Visitor(signed, seat, definitions)


def cookie(request: Request, name: str) -> str:
    """What the browser says for one of our cookies, '' without it."""
    return request.cookies.get(_name(site_of(request), name), "")


def set_cookie(site: Site, answer: Response, name: str, value: str, lasts: timedelta) -> None:
    """Let the browser keep a secret: out of reach of scripts, sent to this host alone."""
    seconds = int(lasts.total_seconds())
    answer.set_cookie(
        _name(site, name), value, max_age=seconds, path="/", secure=_secure(site), httponly=True,
        samesite="lax",
    )  # fmt: skip


def drop_cookie(site: Site, answer: Response, name: str) -> None:
    """Let the browser forget it."""
    set_cookie(site, answer, name, "", timedelta())


def _name(site: Site, name: str) -> str:
    """With TLS a name that no other host, of the same domain either, can set (RFC 6265bis)."""
    return f"__Host-{name}" if _secure(site) else name


def _secure(site: Site) -> bool:
    return site.base_url.startswith("https://")
