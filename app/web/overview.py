"""`/` and `/leads/<id>`: how things stand, for looking only."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.web import lead_view, overview_view
from app.web.access import reader
from app.web.site import page, site_of
from nurture.ledger.errors import NotFound
from nurture.ledger.intake.leads import find_lead

router = APIRouter(dependencies=[Depends(reader)])


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/app", methods=["GET", "HEAD"])
async def home(request: Request) -> Response:
    """The funnel, mails by state, handoffs with their deadlines."""
    site = site_of(request)
    now = site.now
    definitions = await site.apart(site.runtime.definitions)
    values = await site.read(lambda s: overview_view.values(s, definitions, now=now))
    zone = ZoneInfo(definitions.workspace.zone)
    at = f"{now.astimezone(zone):%d %b %Y %H:%M} ({zone.key})"
    return page(site, "home", now=at, prefect_url=site.prefect_url, **values)


@router.api_route("/app/lead", methods=["GET", "HEAD"])
async def find(request: Request, lead: str = "") -> Response:
    """To the page of the lead with this address or `id:<external id>`."""
    site = site_of(request)
    number = await site.read(lambda session: find_lead(session, lead.strip()).id)
    return RedirectResponse(f"/leads/{number}", status_code=303)


@router.api_route("/leads/{number}", methods=["GET", "HEAD"])
async def lead(request: Request, number: str) -> Response:
    """One lead and its whole story."""
    site = site_of(request)
    if not (number.isascii() and number.isdigit() and len(number) <= 15):
        raise NotFound
    now = site.now
    definitions = await site.apart(site.runtime.definitions)
    values = await site.read(lambda s: lead_view.values(s, definitions, int(number), now=now))
    zone = definitions.workspace.zone
    at = f"{now.astimezone(ZoneInfo(zone)):%d %b %Y %H:%M} ({zone})"
    return page(site, "lead", now=at, **values)
