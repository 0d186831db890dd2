"""`/inbox`: the page a rep keeps open; looking changes nothing, an answer is one POST."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.web import forms, inbox_query, inbox_view
from app.web.inbox_answers import VERBS, give_answer
from app.web.inbox_query import Query
from app.web.inbox_team import board
from app.web.inbox_view import Chosen
from app.web.site import Site, page, site_of
from app.web.visitors import Visitor, visitor
from handoff.answering.deciding import Answer
from nurture.ledger.errors import Conflict, InputRefused, NotFound

router = APIRouter()
Who = Annotated[Visitor, Depends(visitor)]


@router.api_route("/inbox", methods=["GET", "HEAD"])
async def look(request: Request, who: Who) -> Response:
    """The leads of whoever is signed in, and the brief of the most urgent."""
    return await _page(site_of(request), who, _query(request, who), Chosen())


@router.api_route("/inbox/list", methods=["GET", "HEAD"])
async def look_again(request: Request, who: Who, at: str = "") -> Response:
    """The list alone, for a page that is open."""
    site, query, now = site_of(request), _query(request, who), site_of(request).now
    here = _numbered(at) if at else None
    shown = await site.read(lambda s: inbox_view.lists(s, who, query, now=now, at=here))
    return page(site, "inbox_look", **shown)


@router.api_route("/inbox/{handoff}", methods=["GET", "HEAD"])
async def choose(request: Request, who: Who, handoff: str) -> Response:
    """One handoff's brief beside the list."""
    chosen = Chosen(_numbered(handoff))
    return await _page(site_of(request), who, _query(request, who), chosen)


@router.api_route("/inbox/{handoff}/{verb}", methods=["GET", "HEAD"])
async def open_form(request: Request, who: Who, handoff: str, verb: str) -> Response:
    """The same, with the form of an answer open."""
    chosen = Chosen(_numbered(handoff), _verb(verb))
    return await _page(site_of(request), who, _query(request, who), chosen)


@router.post("/inbox/{handoff}/{verb}")
async def answer(request: Request, who: Who, handoff: str, verb: str) -> Response:
    """Take an answer; whoever comes second is told what was decided."""
    site, query = site_of(request), _query(request, who)
    number = _numbered(handoff)
    form = await forms.page_form(request)

    def answering() -> Answer:
        with site.runtime.ledger.begin() as session:
            return give_answer(site, session, who, number, verb, form)

    try:
        done = await site.apart(answering)
    except InputRefused as refused:
        status, chosen = 422, Chosen(number, verb, error=str(refused))
    except Conflict as conflict:
        status, chosen = 409, Chosen(number, error=str(conflict))
    else:
        site.poke()
        told, late = f"Handoff {number} was {done.text}.", Chosen(number, error=done.text)
        status, chosen = (200, Chosen(number, told=told)) if done.done else (409, late)
    if form.get("back") == "team" and who.seat.managed:
        return await board(site, who, told=chosen.told, error=chosen.error, status=status)
    return await _after(site, who, query, chosen, status=status)


async def _after(
    site: Site, who: Visitor, query: Query, chosen: Chosen, *, status: int
) -> Response:
    """The page after an answer, with the same handoff beside the list if it may still be seen."""
    try:
        return await _page(site, who, query, chosen, status=status)
    except NotFound:
        return await _page(site, who, query, replace(chosen, handoff=None), status=status)


async def _page(
    site: Site, who: Visitor, query: Query, chosen: Chosen, *, status: int = 200
) -> Response:
    def read() -> dict[str, Any]:
        return inbox_view.values(site, who, query, chosen)

    return page(site, "inbox", status=status, **await site.apart(read))


def _query(request: Request, who: Visitor) -> Query:
    return inbox_query.read(request.query_params, who.seat)


def _numbered(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise NotFound
    return int(text)


def _verb(text: str) -> str:
    if text not in VERBS:
        raise NotFound
    return text
