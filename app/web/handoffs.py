"""`/h/<token>`: sales sees a handoff and answers it; looking changes nothing, posting does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web import forms, handoff_view
from app.web.access import signed
from app.web.site import Site, page, site_of
from handoff.answering import answers
from handoff.answering.deciding import Answer
from handoff.telling import notice_press
from nurture.delivery.mails import links
from nurture.ledger.errors import Conflict, InputRefused

router = APIRouter()
HOW = {"phone": "called", "email": "wrote", "meeting": "met", "other": "in another way"}
Said = tuple[str, int, int]
"""(verb, handoff, generation) of a token."""


@router.api_route("/h/{token}", methods=["GET", "HEAD"])
async def look(request: Request, token: str) -> Response:
    """Show the handoff and the one answer this link is for."""
    site = site_of(request)
    return await _page(site, _said(request, site, token))


@router.post("/h/{token}")
async def answer(request: Request, token: str) -> Response:
    """Take the answer; whoever comes second is told what was decided."""
    site = site_of(request)
    said = _said(request, site, token)
    verb, handoff, generation = said
    if verb == "page":
        raise HTTPException(405)
    if site.read_only:
        raise HTTPException(403)
    form = await forms.page_form(request)
    if not forms.fits(site, form.get("nonce", ""), verb, handoff, generation, now=site.now):
        text = "This page was open for too long. Nothing was changed: please answer once more."
        return await _page(site, said, error=text, status=422)
    try:
        done = await site.apart(_answering(site, said, form))
    except InputRefused as refused:
        return await _page(site, said, error=str(refused), status=422)
    except Conflict as conflict:
        return _closing(site, said, "Somebody was faster", str(conflict), status=409)
    site.poke()
    if not done.done:
        return _closing(site, said, "Too late", done.text, status=409)
    return _closing(site, said, HEADINGS[verb], f"Handoff {handoff} was {done.text}.", follow=True)


HEADINGS = {
    "accept": "The lead is yours",
    "reject": "The lead goes back to marketing",
    "touch": "Noted: you have been in touch",
    "snooze": "Put off: the clocks stand still",
    "give": "Your colleague has it now",
}


def _said(request: Request, site: Site, token: str) -> Said:
    return signed(request, lambda: notice_press.read(site.runtime.keys, token))


def _answering(site: Site, said: Said, form: dict[str, str]) -> Callable[[], Answer]:
    verb, handoff, generation = said
    now = site.now
    note = form.get("note", "")

    def act(session: Session, definitions: Any) -> Answer:
        asked: dict[str, Any] = {"generation": generation, "now": now}
        of = (session, definitions, handoff)
        match verb:
            case "reject":
                return answers.reject(*of, reason=noted(form.get("reason", ""), note), **asked)
            case "touch":
                how = noted(HOW.get(form.get("by", ""), ""), note)
                return answers.touch(*of, how=how, **asked)
            case "snooze":
                return answers.snooze(*of, length=minutes(form.get("minutes", "")), **asked)
            case "give":
                return answers.give(*of, to=form.get("to", ""), **asked)
        return answers.accept(*of, **asked)

    def answering() -> Answer:
        definitions = site.runtime.definitions()
        with site.runtime.ledger.begin() as session:
            return act(session, definitions)

    return answering


def noted(word: str, note: str) -> str:
    """What was chosen, and what was written beside it: `called: wants a demo`."""
    return ": ".join(filter(None, (word.strip(), note.strip())))


def minutes(said: str) -> timedelta:
    """A length of time as forms send it; InputRefused for another."""
    if not (said.isascii() and said.isdigit() and len(said) <= 5):
        raise InputRefused("Say how long to put the lead off.")
    return timedelta(minutes=int(said))


def urls(site: Site, handoff: int, generation: int) -> dict[str, str]:
    """The address of each answer, on this host."""
    return {
        verb: f"/h/{links.sign(site.runtime.keys, purpose, handoff, generation)}"
        for verb, purpose in notice_press.PURPOSES.items()
    }


async def _page(site: Site, said: Said, *, error: str = "", status: int = 200) -> Response:
    verb, handoff, generation = said
    now = site.now

    def read() -> dict[str, Any]:
        definitions = site.runtime.definitions()
        ledger = site.runtime.ledger
        return handoff_view.values(ledger, definitions, handoff, generation, now=now)

    values = await site.apart(read)
    offered = urls(site, handoff, generation)
    allowed = values.pop("allowed")
    values["links"] = {name: offered[name] if name in allowed else "" for name in HEADINGS}
    mark = forms.nonce(site, verb, handoff, generation, now=now)
    return page(
        site, "handoff", status=status, action=verb, error=error, nonce=mark,
        open=verb in allowed, **values,
    )  # fmt: skip


def _closing(
    site: Site, said: Said, heading: str, text: str, *, status: int = 200, follow: bool = False
) -> Response:
    verb, handoff, generation = said
    offered = urls(site, handoff, generation)
    ways = [("Look at the handoff", offered["page"])]
    if follow and verb == "accept":
        ways += [("I have been in touch", offered["touch"]), ("Send it back", offered["reject"])]
    return page(site, "done", status=status, heading=heading, text=text, links=ways)
