"""`/c/<token>/<link>` and `/o/<token>.gif`: what a mail's links and its picture lead to.

A GET here writes one thing, that it was seen; consent, handoffs and leads stay as they are.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from app.web.access import network, signed_number
from app.web.guard import log
from app.web.site import Site, site_of
from nurture.delivery import observed
from nurture.delivery.mails import links
from nurture.delivery.mails.tracking import target
from nurture.ledger import tables as t
from nurture.ledger.errors import LinkInvalid

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PATIENCE = 2.0
"""Seconds a person waits for the click to be written; it is written all the same."""
QUEUE = 500
"""Observations that may wait to be written; more are dropped and counted."""
router = APIRouter()


@router.api_route("/c/{token}/{link}", methods=["GET", "HEAD"])
async def follow(request: Request, token: str, link: str) -> Response:
    """To the address kept for this link, whatever the request says beside its fields' values."""
    site = site_of(request)
    message = signed_number(request, "click", token)
    if not (link.isascii() and link.isdigit() and len(link) <= 15):
        raise LinkInvalid
    number = int(link)
    url = target(await _kept(site, number), request.query_params.getlist("v"))
    if counts(request):
        agent = request.headers.get("user-agent", "")
        now = site.now
        noted = site.begin(
            _note(site, lambda s: observed.click(s, message, number, url, agent=agent, now=now))
        )
        await asyncio.wait({noted}, timeout=PATIENCE)
    return RedirectResponse(url, status_code=302)


@router.api_route("/o/{token}.gif", methods=["GET", "HEAD"])
async def picture(request: Request, token: str) -> Response:
    """A transparent picture, always; nobody waits for it to be written."""
    site = site_of(request)
    answer = Response(GIF, media_type="image/gif")
    try:
        (message,) = links.read(site.runtime.keys, "open", token)
    except (LinkInvalid, ValueError):
        return answer
    if counts(request):
        agent = request.headers.get("user-agent", "")
        now = site.now
        site.begin(_note(site, lambda s: observed.opened(s, message, agent=agent, now=now)))
    return answer


def counts(request: Request) -> bool:
    """Whether a request may be somebody's click: not HEAD, not a browser's look ahead, not the
    thousandth of its network within a minute."""
    site = site_of(request)
    ahead = {request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz")}
    if request.method != "GET" or site.read_only or any("prefetch" in said for said in ahead):
        return False
    if not site.seen.take(network(request)) or site.busy >= QUEUE:
        site.dropped += 1
        return False
    return True


async def _note(site: Site, work: Callable[[Session], bool]) -> None:
    """Write an observation and wake the scheduler; one that cannot be kept is counted."""
    try:
        if await site.write(work):
            site.poke()
    except Exception as error:
        site.dropped += 1
        log(error)


async def _kept(site: Site, number: int) -> str:
    """The address kept under a number; a kept one never changes, so it is asked for once."""
    if number not in site.links:
        row = await site.read(lambda session: session.get(t.Link, number))
        if row is None:
            raise LinkInvalid
        if len(site.links) >= 50_000:
            site.links.clear()
        site.links[number] = row.url
    return site.links[number]
