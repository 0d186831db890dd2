"""`/sign-in`: by a link in a mail, for the people of handoff.yaml; and `/sign-out`.

Whoever asks learns nothing about an address: the answer is written before anybody looks it up.
A link works once, in the browser that asked; looking at it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.web import forms
from app.web.access import network
from app.web.guard import log
from app.web.site import LOGGER, Site, page, site_of
from app.web.visitors import BROWSER, SESSION, Visitor, cookie, drop_cookie, set_cookie, visitor
from handoff.desk.seats import seat_of
from handoff.telling.notifier import Telling
from nurture.language.files.channels import EMAIL
from nurture.ledger.access import credentials, signing_in
from nurture.ledger.access.signing_in import LINK_LIVES, Link
from nurture.ledger.address import LONGEST
from nurture.ledger.errors import LinkInvalid

router = APIRouter()
ASK, USE, LEAVE = "sign in", "use a sign-in link", "sign out"
MINUTES = int(LINK_LIVES.total_seconds() // 60)
AGAIN = (10.0, 60.0, 240.0)
"""Seconds to the next tries of a mail that the mail server did not take, while its link lives."""
REFUSED = {
    "used": "This link has been used already. Each link signs in once.",
    "over": f"This link is over: each works for {MINUTES} minutes.",
    "elsewhere": "This link was asked for in another browser, and lets nobody in here.",
}


@router.api_route("/sign-in", methods=["GET", "HEAD"])
async def form(request: Request) -> Response:
    """The page that asks for an address."""
    return _form(site_of(request))


@router.post("/sign-in")
async def ask(request: Request) -> Response:
    """Say that a link is on its way if the address is known, and only then look whether it is."""
    site = site_of(request)
    if site.read_only:
        raise HTTPException(403)
    said = await forms.page_form(request)
    if not forms.fits(site, said.get("nonce", ""), ASK, now=site.now):
        return _form(site, error="This page was open for too long: please ask again.", status=422)
    browser = cookie(request, BROWSER) or credentials.fresh().text
    address = said.get("email", "").strip()[:LONGEST]
    answer = page(site, "sign_in_asked", address=address, minutes=MINUTES)
    set_cookie(site, answer, BROWSER, browser, LINK_LIVES)
    if site.signing_in.take(network(request)):
        site.begin(_mail(site, address, browser, network(request)))
    return answer


@router.api_route("/sign-in/{token}", methods=["GET", "HEAD"])
async def look(request: Request, token: str) -> Response:
    """The button that signs in; a link that is opened, by whatever program, is not used up."""
    return _button(site_of(request), await _found(request, token))


@router.post("/sign-in/{token}")
async def use(request: Request, token: str) -> Response:
    """Use the link up, and keep a new session in the browser."""
    site = site_of(request)
    if site.read_only:
        raise HTTPException(403)
    link = await _found(request, token)
    said = await forms.page_form(request)
    if link.state != "good" or not forms.fits(site, said.get("nonce", ""), USE, now=site.now):
        return _button(site, link, status=422)
    now = site.now
    session = await site.write(lambda s: signing_in.use_link(s, link, now=now))
    if session is None:
        return _form(site, error=REFUSED["used"], status=409)
    answer = RedirectResponse("/inbox", status_code=303)
    set_cookie(site, answer, SESSION, session, signing_in.LONGEST)
    drop_cookie(site, answer, BROWSER)
    return answer


@router.post("/sign-out")
async def leave(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> Response:
    """End this session, or with `everywhere` every one of this address."""
    site = site_of(request)
    said = await forms.page_form(request)
    if not forms.fits(site, said.get("nonce", ""), LEAVE, who.signed.number, now=site.now):
        raise HTTPException(403)
    now, everywhere = site.now, "everywhere" in said
    await site.write(
        lambda s: signing_in.sign_out(s, who.signed, everywhere=everywhere, now=now)
    )
    answer = RedirectResponse("/sign-in", status_code=303)
    drop_cookie(site, answer, SESSION)
    return answer


async def _found(request: Request, token: str) -> Link:
    """The link as it looks in this browser; 404 for one we never made, 429 after many of those."""
    site, where, now = site_of(request), network(request), site_of(request).now
    if site.wrong.over(where):
        raise HTTPException(429)
    browser = cookie(request, BROWSER)
    found = await site.read(
        lambda s: signing_in.find_link(s, token, browser=browser, now=now)
    )
    if found is None:
        site.wrong.take(where)
        raise LinkInvalid
    return found


def _form(site: Site, *, error: str = "", status: int = 200) -> Response:
    mark = forms.nonce(site, ASK, now=site.now)
    return page(
        site, "sign_in", status=status, error=error, nonce=mark, closed=site.read_only
    )


def _button(site: Site, link: Link, *, status: int = 200) -> Response:
    if link.state != "good":
        return _form(site, error=REFUSED[link.state], status=403)
    mark = forms.nonce(site, USE, now=site.now)
    return page(site, "sign_in_link", status=status, nonce=mark, address=link.email)


async def _mail(site: Site, address: str, browser: str, where: str) -> None:
    """Mail a link to the address if it is known; nobody waits for it, and nobody hears of it."""
    try:
        telling = await site.apart(partial(_letter, site, address, browser, where))
    except Exception as error:
        log(error)
        return
    if telling is not None:
        await _hand_over(site, telling, AGAIN)


async def _hand_over(site: Site, telling: Telling, pauses: Sequence[float]) -> None:
    """Hand the mail over, the same one again after each pause while nobody took it; a definite no
    is final, and so is the end of the link."""
    try:
        answer = await asyncio.wrap_future(site.runtime.notifier.tell(telling))
    except Exception as error:
        log(error)
        return
    if answer.verdict == "done":
        return
    left = telling.at + LINK_LIVES - site.now
    if answer.verdict == "again" and pauses and pauses[0] < left.total_seconds():
        site.begin_later(pauses[0], lambda: _hand_over(site, telling, pauses[1:]))
        return
    LOGGER.warning("a sign-in link could not be mailed: %s", answer.reason)


def _letter(site: Site, address: str, browser: str, where: str) -> Telling | None:
    """The mail with a new link; None for a stranger, and where several were asked for already."""
    now, definitions = site.now, site.runtime.definitions()
    seat = seat_of(definitions, address)
    if seat is None:
        return None
    with site.runtime.ledger.begin() as session:
        token = signing_in.make_link(session, seat.key, browser=browser, network=where, now=now)
    if token is None:
        return None
    subject, text, html = site.runtime.notices(definitions, now).office(
        "sign-in",
        {"brand": site.brand, "name": seat.name, "minutes": MINUTES, "link": url(site, token)},
    )
    identity = f"sign-in-{credentials.parts(token)[0]}"
    return Telling(EMAIL, identity, subject, text, now, recipient=seat.email, html=html)


def url(site: Site, token: str) -> str:
    """The address of a link, on the host that nurture.yaml names."""
    return f"{site.base_url.rstrip('/')}/sign-in/{token}"
