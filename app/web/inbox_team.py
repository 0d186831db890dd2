"""`/inbox/team`: a manager's teams on one board; reps paused and let go on."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.responses import Response

from app.web import forms, inbox_team_view
from app.web.inbox_answers import morning
from app.web.inbox_team_view import switch
from app.web.site import Site, page, site_of
from app.web.visitors import Visitor, visitor
from handoff.routing import roster
from handoff.telling.notices import said
from nurture.language.files.teams import RepModel
from nurture.ledger.errors import InputRefused, NotFound

router = APIRouter()
Who = Annotated[Visitor, Depends(visitor)]


@router.api_route("/inbox/team", methods=["GET", "HEAD"])
async def look(request: Request, who: Who) -> Response:
    """The board; 404 for who manages no team."""
    return await board(site_of(request), who)


@router.post("/inbox/reps/{rep}/{verb}")
async def turn(request: Request, who: Who, rep: str, verb: str) -> Response:
    """`pause` a rep of an own team: nothing new comes, until a morning or for good; or `resume`."""
    site, found = site_of(request), _rep(who, rep)
    form = await forms.page_form(request)
    if found is None or verb not in ("pause", "resume"):
        raise NotFound
    if not forms.fits(site, form.get("nonce", ""), switch(rep), who.signed.number, now=site.now):
        error = "This page was open for too long. Nothing was changed: choose again."
        return await board(site, who, error=error, status=422)
    work = _pause if verb == "pause" else _resume
    try:
        told = await site.write(
            partial(work, found, form.get("until", ""), who.seat.name, now=site.now)
        )
    except InputRefused as refused:
        return await board(site, who, error=str(refused), status=422)
    site.poke()
    return await board(site, who, told=told)


async def board(
    site: Site, who: Visitor, *, told: str = "", error: str = "", status: int = 200
) -> Response:
    """The page of the board; NotFound for who manages no team."""
    if not who.seat.managed:
        raise NotFound
    shown = await site.apart(
        partial(inbox_team_view.values, site, who, told=told, error=error)
    )
    return page(site, "inbox_team", status=status, **shown)


def _rep(who: Visitor, name: str) -> RepModel | None:
    """A rep of a team this visitor manages, with the zone that is theirs or the team's."""
    rules = who.definitions.handoff
    for team in (rules.teams[each] for each in who.seat.managed) if rules else ():
        for rep in team.reps:
            if rep.rep == name:
                return rep.model_copy(update={"zone": rep.zone or team.zone})
    return None


def _pause(rep: RepModel, until: str, by: str, session: Session, *, now: datetime) -> str:
    zone = str(rep.zone)
    end = morning(until, "", zone, now=now) if until else None
    roster.pause(session, rep.rep, until=end, reason=f"by {by}", now=now)
    ends = f" until {said(end, zone)}" if end else ""
    return f"{rep.name} is paused{ends}: nothing new comes. What they have stays theirs."


def _resume(rep: RepModel, _until: str, _by: str, session: Session, *, now: datetime) -> str:
    roster.resume(session, rep.rep, now=now)
    return f"{rep.name} takes leads again."
