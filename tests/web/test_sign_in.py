"""Signing in by a mailed link: who asks learns nothing, who forwards it lets nobody in."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from app.web.visitors import POLL
from nurture.delivery.mails import links
from nurture.ledger import tables as t
from nurture.ledger.access import signing_in
from nurture.ledger.errors import LinkInvalid
from tests.fixtures_ledger import counting
from tests.handoff import sales_desk as desk
from tests.web.conftest import KEYS, Place
from tests.web.desk_visitors import Mailbox, fields, mailbox, signed_in
from tests.web.test_unsubscribe import nonce_of

STRANGER = "203.0.113.7"


@pytest.fixture
def box(place: Place) -> Mailbox:
    """Where mails to sales come."""
    return mailbox(place)


def ask(place: Place, email: str, **how: Any) -> Any:
    """Post the form as the page has it."""
    mark = nonce_of(place.ask("GET", "/sign-in").text)
    return place.ask("POST", "/sign-in", data={"email": email, "nonce": mark}, **how)


def kept(answer: Any) -> dict[str, str]:
    """The header with the cookies an answer set."""
    pairs = [each.split(";")[0] for each in answer.headers.get_list("set-cookie")]
    return {"cookie": "; ".join(pairs)}


def use(place: Place, link: str, browser: dict[str, str]) -> Any:
    page = place.ask("GET", link, headers=browser)
    mark = re.search(r'name="nonce" value="([^"]+)"', page.text)
    said = {"nonce": mark[1] if mark else ""}
    return place.ask("POST", link, headers=browser, data=said)


def test_a_rep_signs_in_by_the_mailed_link(place: Place, box: Mailbox) -> None:
    asked = ask(place, " Bo@Example.test ")
    assert "in this browser only" in asked.text
    (mail,) = box.mails
    assert (mail.channel, mail.recipient) == ("email", "bo@example.test")
    assert "Hi Bo" in mail.text
    assert box.link in mail.html
    browser = kept(asked)
    page = place.ask("GET", box.link, headers=browser)
    assert "as bo@example.test" in page.text
    done = use(place, box.link, browser)
    assert (done.status_code, done.headers["location"]) == (303, "/inbox")
    inbox = place.ask("GET", "/inbox", headers=kept(done))
    assert inbox.status_code == 200
    assert "Bo" in inbox.text


def test_known_and_unknown_addresses_get_the_same_answer_before_anybody_looks(
    place: Place, box: Mailbox
) -> None:
    mark = nonce_of(place.ask("GET", "/sign-in").text)
    people = ("bo@example.test", "mia@example.test", "no@example.test", "no address", "")
    said = []
    for who in people:
        with counting(place.ledger) as before_the_mail:
            answer = asyncio.run(_at_once(place, {"email": who, "nonce": mark}))
        assert before_the_mail == []
        words = answer.text.replace(who, "…") if who else answer.text.replace("the address", "…")
        names = [each.split("=")[0] for each in answer.headers.get_list("set-cookie")]
        said.append((answer.status_code, words, names, sorted(answer.headers)))
    assert said == [said[0]] * len(people)
    assert box.mails == []
    for who in people:
        ask(place, who)
    assert [mail.recipient for mail in box.mails] == ["bo@example.test", "mia@example.test"]


async def _at_once(place: Place, data: dict[str, str]) -> Any:
    """The answer to a form, and what was begun by it broken off."""
    import httpx

    transport = httpx.ASGITransport(place.app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        begun: list[Any] = []
        place.site.begin = begun.append  # type: ignore[method-assign]
        try:
            answer = await client.post("/sign-in", data=data)
        finally:
            del place.site.begin
        assert len(begun) == 1
        begun[0].close()
        return answer


def test_the_secret_is_in_the_mail_alone(
    place: Place, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = kept(ask(place, "bo@example.test"))
    done = use(place, box.link, browser)
    session = kept(done)["cookie"].split("=", 1)[1].split(";")[0]
    rows = repr(place.everything())
    for text in (box.link.rsplit("/", 1)[1], session):
        _, secret = text.split("_", 1)  # which may hold further ones
        assert len(secret) == 43
        assert secret not in rows
        assert secret not in logged(caplog)
    assert "bo@example.test" not in logged(caplog)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but for the test's own client."""
    return "".join(each.getMessage() for each in caplog.records if each.name != "httpx")


def test_a_forwarded_link_lets_nobody_in(place: Place, box: Mailbox) -> None:
    browser = kept(ask(place, "bo@example.test"))
    for other in ({}, kept(ask(place, "cy@example.test"))):
        link = next(f"/sign-in/{word.rsplit('/', 1)[1]}" for word in box.mails[0].text.split()
                    if "/sign-in/" in word)  # fmt: skip
        page = place.ask("GET", link, headers=other)
        assert page.status_code == 403
        assert "asked for in another browser" in page.text
        assert "bo@example.test" not in page.text
        mark = nonce_of(place.ask("GET", link, headers=browser).text)
        tried = place.ask("POST", link, headers=other, data={"nonce": mark})
        assert tried.status_code == 403
        assert place.rows(t.WebSession) == []
    assert use(place, link, browser).status_code == 303


def test_programs_that_open_every_link_use_nothing_up(place: Place, box: Mailbox) -> None:
    browser = kept(ask(place, "bo@example.test"))
    before = place.everything()
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        for who in (browser, {}):
            place.ask(method, box.link, headers=who)
    # Some press the buttons of the page too; they have not the browser's cookie.
    place.ask("POST", box.link, data={"nonce": nonce_of(place.ask("GET", "/sign-in").text)})
    assert place.everything() == before
    assert use(place, box.link, browser).status_code == 303
    again = use(place, box.link, browser)
    assert again.status_code == 403
    assert "used already" in again.text
    assert len(place.rows(t.WebSession)) == 1


def test_two_who_use_a_link_at_once_get_one_session(place: Place, box: Mailbox) -> None:
    browser = kept(ask(place, "bo@example.test"))
    mark = nonce_of(place.ask("GET", box.link, headers=browser).text)
    post = ("POST", box.link, {"headers": browser, "data": {"nonce": mark}})
    codes = sorted(each.status_code for each in place.ask_at_once([post] * 4))
    assert codes[0] == 303
    assert set(codes[1:]) <= {403, 409}
    assert len(place.rows(t.WebSession)) == 1


def test_links_are_over_after_a_quarter_of_an_hour(place: Place, box: Mailbox) -> None:
    browser = kept(ask(place, "bo@example.test"))
    place.later(minutes=15)
    page = place.ask("GET", box.link, headers=browser)
    assert page.status_code == 403
    assert "each works for 15 minutes" in page.text


def test_guessing_links_is_stopped(place: Place) -> None:
    codes = [
        place.ask("GET", f"/sign-in/abcdefgh_{number:043}", peer=STRANGER).status_code
        for number in range(62)
    ]
    assert set(codes[:60]) == {404}
    assert set(codes[60:]) == {429}


@pytest.mark.parametrize(
    ("base", "name", "secure"),
    [("http://127.0.0.1:8000", "nurture", False), ("https://x.test", "__Host-nurture", True)],
)
def test_the_cookie_is_out_of_reach(
    place: Place, box: Mailbox, base: str, name: str, secure: bool
) -> None:
    place.site.base_url = base
    done = use(place, box.link, kept(asked)) if (asked := ask(place, "bo@example.test")) else None
    assert done is not None
    session, forgotten = done.headers.get_list("set-cookie")
    assert session.startswith(f"{name}=")
    words = {word.strip().lower() for word in session.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=1209600"} <= words
    assert ("secure" in words) == secure
    assert not any(word.startswith("domain") for word in words)
    assert forgotten.startswith(f"{name}-browser=")
    assert "Max-Age=0" in forgotten


def test_a_session_of_before_is_not_taken_over(place: Place, box: Mailbox) -> None:
    planted = {"cookie": f"nurture=abcdefgh_{'x' * 43}"}
    asked = ask(place, "bo@example.test", headers=planted)
    both = {"cookie": f"{planted['cookie']}; {kept(asked)['cookie']}"}
    done = use(place, box.link, both)
    assert kept(done)["cookie"].split(";")[0] != planted["cookie"]
    assert place.ask("GET", "/inbox", headers=planted).status_code == 303


def test_who_is_taken_out_of_handoff_yaml_is_out_at_the_next_request(place: Place) -> None:
    bo, mia = signed_in(place, "bo"), signed_in(place, "mia")
    known = place.site.runtime.definitions()
    without = replace(known, handoff=desk.rules((desk.rep("cy"),)))
    assert place.ask("GET", "/inbox", headers=bo).status_code == 200
    place.site.runtime.definitions = lambda: without
    answer = place.ask("GET", "/inbox", headers=bo)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    script = place.ask("GET", "/inbox/list", headers=bo | {"hx-request": "true"})
    assert (script.status_code, script.headers["hx-redirect"]) == (401, "/sign-in")
    assert place.ask("GET", "/inbox", headers=mia).status_code == 200


def test_a_page_that_looks_again_by_itself_keeps_nobody_signed_in(place: Place) -> None:
    bo = signed_in(place, "bo")
    poll = bo | {"hx-request": "true", POLL: "1"}
    place.later(hours=6)
    assert place.ask("GET", "/inbox/list", headers=poll).status_code == 200
    place.later(hours=6)
    assert place.ask("GET", "/inbox/list", headers=poll).status_code == 401
    cy = signed_in(place, "cy")
    for _ in range(3):
        place.later(hours=11)
        assert place.ask("GET", "/inbox", headers=cy).status_code == 200
    place.later(days=15)
    assert place.ask("GET", "/inbox", headers=cy).status_code == 303


def test_signing_out_here_and_everywhere(place: Place) -> None:
    first, second, third = (signed_in(place, "bo") for _ in range(3))

    def leave(who: dict[str, str], **form: str) -> Any:
        page = place.ask("GET", "/inbox", headers=who).text
        said = fields(page, "/sign-out") | form
        return place.ask("POST", "/sign-out", headers=who, data=said)

    foreign = fields(place.ask("GET", "/inbox", headers=second).text, "/sign-out")
    stolen = place.ask("POST", "/sign-out", headers=first, data=foreign)
    assert stolen.status_code == 403, "the nonce of another session"
    assert leave(first).headers["location"] == "/sign-in"
    assert place.ask("GET", "/inbox", headers=first).status_code == 303
    assert place.ask("GET", "/inbox", headers=second).status_code == 200
    leave(second, everywhere="1")
    assert place.ask("GET", "/inbox", headers=third).status_code == 303


def test_other_sites_pages_ask_nothing(place: Place, box: Mailbox) -> None:
    mark = nonce_of(place.ask("GET", "/sign-in").text)
    said = {"email": "bo@example.test", "nonce": mark}
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert place.ask("POST", "/sign-in", data=said, headers=headers).status_code == 403
    old = links.sign(KEYS, "form sign in", 1)
    with pytest.raises(LinkInvalid):
        links.read(KEYS, "form use a sign-in link", mark)
    for wrong in ("", "x", old):
        late = place.ask("POST", "/sign-in", data=said | {"nonce": wrong})
        assert late.status_code == 422
    assert box.mails == []


def test_a_finished_story_signs_nobody_in(place: Place, box: Mailbox) -> None:
    with place.ledger.begin() as session:
        token = signing_in.make_link(session, "bo@example.test", now=place.now)
    place.site.read_only = True
    page = place.ask("GET", "/sign-in")
    assert "nobody signs in here" in page.text
    assert "<form" not in page.text
    for path in ("/sign-in", f"/sign-in/{token}", "/sign-out", "/inbox/1/accept"):
        assert place.ask("POST", path, data={"email": "bo@example.test"}).status_code == 403
    assert box.mails == []
