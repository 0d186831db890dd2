"""Who may come in: API tokens, and for looking only, whoever sits at this machine."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from sqlmodel import Session
from starlette.exceptions import HTTPException

from app.embedded.prefect_reach import is_loopback
from app.web.guard import host_named
from app.web.rates import network_of
from app.web.site import site_of
from nurture.delivery.mails import links
from nurture.ledger.access.tokens import Bearer, verify_token
from nurture.ledger.errors import LinkInvalid

T = TypeVar("T")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_ASK = {"www-authenticate": 'Basic realm="nurture", charset="UTF-8"'}
_ASK_MACHINES = {"www-authenticate": "Bearer"}


def bearer_text(request: Request) -> str:
    """The token of `Authorization: Bearer …`; 401 without one, 429 after too many wrong ones."""
    site = site_of(request)
    if site.wrong.over(network(request)):
        raise HTTPException(429)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not given.strip():
        raise HTTPException(401, headers=_ASK_MACHINES)
    return given.strip()


def require(session: Session, request: Request, given: str, *scopes: str) -> Bearer:
    """Who the token stands for; 401 for a wrong one, 403 for one with none of the scopes."""
    site = site_of(request)
    bearer = verify_token(session, given, now=site.now)
    if bearer is None:
        site.wrong.take(network(request))
        raise HTTPException(401, headers=_ASK_MACHINES)
    if not any(map(bearer.may, scopes)):
        raise HTTPException(403)
    return bearer


async def reader(request: Request) -> None:
    """Let in whoever sits at this machine, and holders of a token with the scope `read`.

    A browser gives the token as the password of HTTP's own log-in (Basic, any user name): no
    cookie, no session, and nothing that changes anything takes it.
    """
    if at_this_machine(request):
        return
    site = site_of(request)
    if site.wrong.over(network(request)):
        raise HTTPException(429)
    given = _given(request.headers.get("authorization", ""))
    if not given:
        raise HTTPException(401, headers=_ASK)
    bearer = await site.read(lambda session: verify_token(session, given, now=site.now))
    if bearer is None:
        site.wrong.take(network(request))
        raise HTTPException(401, headers=_ASK)
    if not bearer.may("read"):
        raise HTTPException(403)


def at_this_machine(request: Request) -> bool:
    """Whether the request comes from this machine itself: peer and host are loopback.

    What a proxy on this machine passes on is not: it names another host, or whom it speaks for.
    """
    peer = request.client.host if request.client else ""
    if any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(peer) and is_loopback(host_named(request.headers))


def signed(request: Request, read: Callable[[], T]) -> T:
    """What the link's token says; 404 for one that is not ours, 429 after too many of those."""
    site, where = site_of(request), network(request)
    if site.wrong.over(where):
        raise HTTPException(429)
    try:
        return read()
    except (LinkInvalid, ValueError):
        site.wrong.take(where)
        raise LinkInvalid from None


def signed_number(request: Request, purpose: str, token: str) -> int:
    """The one number of a token made for this purpose."""

    def read() -> int:
        (number,) = links.read(site_of(request).runtime.keys, purpose, token)
        return number

    return signed(request, read)


def network(request: Request) -> str:
    """The client's network, '' for this machine."""
    return network_of(request.client.host if request.client else "")


def _given(authorization: str) -> str:
    """The token of a Bearer or Basic header, '' if there is none."""
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() != "basic":
        return ""
    try:
        said = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return said.partition(":")[2]
