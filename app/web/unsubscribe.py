"""`/u/<token>`: a page that asks, the form that does, and RFC 8058's one click that does at once.

The signed token is the authority: no log-in, no cookie, no check where a one-click POST comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.web import forms
from app.web.access import signed_number
from app.web.site import Site, page, site_of
from nurture.delivery.settle import evidence
from nurture.ledger import tables as t
from nurture.ledger.intake.leads import opt_out

router = APIRouter()
PURPOSE = "unsubscribe"


@dataclass(frozen=True)
class Asked:
    """Who a token speaks for: the message, its lead, its topic, and the address, half hidden."""

    message: int
    lead: int
    topic: dict[str, str] | None
    address: str


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
async def ask(request: Request, token: str) -> Response:
    """Show what can be stopped; nothing is changed."""
    site = site_of(request)
    found = await _asked(site, request, token)
    return _gone(site) if found is None else _question(site, found)


@router.post("/u/{token}")
async def unsubscribe(request: Request, token: str) -> Response:
    """Stop the message's topic, or everything; a second time changes nothing and says the same."""
    site = site_of(request)
    if site.read_only:
        raise HTTPException(403)
    found = await _asked(site, request, token)
    body = await request.body()
    if forms.one_click(request.headers.get("content-type", ""), body):
        if found is not None:
            await _stop(site, found, found.topic is None, "one click in the mail program")
        return _done(site, found, found is None or found.topic is None)
    form = await forms.page_form(request)
    if found is None:
        return _gone(site)
    scope = form.get("scope", "")
    if not forms.fits(site, form.get("nonce", ""), PURPOSE, found.message, now=site.now):
        text = "This page was open for too long. Nothing was changed: please choose once more."
        return _question(site, found, error=text, status=422)
    if scope not in ("topic", "all"):
        return _question(site, found, error="Please choose what to stop.", status=422)
    everything = scope == "all" or found.topic is None
    await _stop(site, found, everything, "asked for on the page")
    return _done(site, found, everything)


async def _asked(site: Site, request: Request, token: str) -> Asked | None:
    """Who asks; None when message or lead are erased: there is nobody left to write to."""
    number = signed_number(request, PURPOSE, token)
    return await site.read(_look(site, number))


def _look(site: Site, number: int) -> Callable[[Session], Asked | None]:
    topics = site.runtime.definitions

    def look(session: Session) -> Asked | None:
        message = session.get(t.Message, number)
        if message is None or message.kind != "nurture":
            return None
        lead = session.get(t.Lead, message.lead_id)
        if lead is None:
            return None
        known = topics().workspace.topics.get(message.topic)
        topic = None
        if message.topic:
            name, about = (known.name, known.description) if known else (message.topic, "")
            topic = {"key": message.topic, "name": name, "description": about}
        return Asked(number, message.lead_id, topic, masked(lead.email or ""))

    return look


async def _stop(site: Site, asked: Asked, everything: bool, how: str) -> None:
    topic = None if everything or asked.topic is None else asked.topic["key"]
    now = site.now

    def stop(session: Session) -> bool:
        evidence(session, asked.message, what="an unsubscribe", now=now)
        reason = f"unsubscribed: {how}"
        return opt_out(session, asked.lead, topic, now=now, reason=reason)

    if await site.write(stop):
        site.poke()


def masked(address: str) -> str:
    """An address its owner knows again and nobody else learns: `m•••@example.test`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if local else ""


def _question(site: Site, asked: Asked, *, error: str = "", status: int = 200) -> HTMLResponse:
    values: dict[str, Any] = {"topic": asked.topic, "address": asked.address, "error": error}
    mark = forms.nonce(site, PURPOSE, asked.message, now=site.now)
    return page(site, "unsubscribe", status=status, nonce=mark, **values)


def _done(site: Site, asked: Asked | None, everything: bool) -> HTMLResponse:
    topic = None if asked is None or asked.topic is None else asked.topic["name"]
    address = "" if asked is None else asked.address
    scope = "all" if everything else "topic"
    return page(site, "unsubscribed", scope=scope, topic=topic, address=address)


def _gone(site: Site) -> HTMLResponse:
    return _done(site, None, True)
