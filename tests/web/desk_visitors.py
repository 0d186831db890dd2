"""People of sales who are signed in, and the forms of the pages they see."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from app.telling.notice_forms import NoticePresses
from handoff.telling.notifier import AcceptingNotifier, Telling
from nurture.ledger.access import signing_in
from tests.web.conftest import KEYS, Place

FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class Mailbox(AcceptingNotifier):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.mails: list[Telling] = []

    def tell(self, telling: Telling) -> Any:
        self.mails.append(telling)
        return super().tell(telling)

    @property
    def link(self) -> str:
        """The path of the newest sign-in link."""
        (url,) = re.findall(r"http\S+/sign-in/\S+", self.mails[-1].text)
        return urlsplit(url).path


def mailbox(place: Place) -> Mailbox:
    """From now on mails to sales come here."""
    box = Mailbox()
    place.site.runtime.notifier = box
    place.site.runtime.notices = NoticePresses(KEYS)
    return box


def signed_in(place: Place, who: str) -> dict[str, str]:
    """The header of a browser in which somebody at example.test is signed in."""
    with place.ledger.begin() as session:
        token = signing_in.make_link(session, f"{who}@example.test", now=place.now)
        link = signing_in.find_link(session, token or "", browser="", now=place.now)
        assert link
        text = signing_in.use_link(session, link, now=place.now)
    name = "__Host-nurture" if place.site.base_url.startswith("https:") else "nurture"
    return {"cookie": f"{name}={text}"}


def fields(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the first form that posts to this path."""
    form = re.search(rf'<form[^>]* action="{re.escape(action)}["?].*?</form>', html, re.DOTALL)
    return dict(FIELD.findall(form[0])) if form else {}


def answer(place: Place, who: dict[str, str], path: str, seen: str = "", **form: str) -> Any:
    """Post an answer as its form on `seen` (else on the page of that answer) would."""
    html = seen or place.ask("GET", path, headers=who).text
    return place.ask("POST", path, headers=who, data=fields(html, path) | form)
