"""Unsubscribing: the page, its form, and one click (RFC 8058) as senders really post it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nurture.delivery.mails import links
from nurture.ledger import tables as t
from tests.web.conftest import KEYS, Mail, Place, send

FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)


def consents(place: Place) -> list[tuple[int, str, bool]]:
    return [(row.lead_id, row.topic, row.subscribed) for row in place.rows(t.Consent)]


def nonce_of(html: str) -> str:
    found = re.search(r'name="nonce" value="([^"]+)"', html)
    assert found
    return found[1]


def test_opening_the_page_changes_nothing(place: Place, mail: Mail) -> None:
    before = place.everything()
    page = place.ask("GET", mail.unsubscribe)
    assert page.status_code == 200
    assert "Tips" in page.text
    assert "a•••@example.test" in page.text
    assert "ann@" not in page.text
    assert place.ask("HEAD", mail.unsubscribe).status_code == 200
    assert place.ask("OPTIONS", mail.unsubscribe).status_code == 405
    assert place.everything() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"List-Unsubscribe=One-Click\r\n"),
        ("application/x-www-form-urlencoded", b"list-unsubscribe=one-click"),
        ("", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=b", MULTIPART),
        ("multipart/form-data", MULTIPART),
    ],
)
def test_one_click_stops_the_topic_at_once(
    place: Place, mail: Mail, kind: str, body: bytes
) -> None:
    foreign = {"origin": "https://mail.example.test", "sec-fetch-site": "cross-site"}
    for _ in range(2):
        headers = {"content-type": kind} | foreign
        answer = place.ask("POST", mail.unsubscribe, content=body, headers=headers)
        assert answer.status_code == 200
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers
    assert consents(place) == [(mail.lead, "tips", False)]
    assert place.rows(t.Suppression) == []
    assert place.pokes == 1


def test_one_click_proves_that_an_unknown_mail_arrived(place: Place) -> None:
    mail = send(place, state="unknown")
    place.ask("POST", mail.unsubscribe, content=b"List-Unsubscribe=One-Click", headers=FORM)
    assert place.rows(t.Message)[0].state == "sent"


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/x-www-form-urlencoded", b"foo=bar", 422),
        ("application/x-www-form-urlencoded", b"", 422),
        ("application/x-www-form-urlencoded", b"scope=all", 422),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1000), 400),
        ("application/x-www-form-urlencoded", b"\xff\xfe", 400),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}', 415),
        ("multipart/form-data; boundary=b", b"--b--", 415),
        ("application/x-www-form-urlencoded", b"a" * 70_000, 413),
    ],
)
def test_another_body_stops_nothing(
    place: Place, mail: Mail, kind: str, body: bytes, code: int
) -> None:
    before = place.everything()
    headers = {"content-type": kind}
    answer = place.ask("POST", mail.unsubscribe, content=body, headers=headers)
    assert answer.status_code == code
    assert place.everything() == before


def post(place: Place, mail: Mail, scope: str, nonce: str = "", **headers: str) -> Any:
    mark = nonce or nonce_of(place.ask("GET", mail.unsubscribe).text)
    form = {"scope": scope, "nonce": mark}
    return place.ask("POST", mail.unsubscribe, data=form, headers=headers)


def test_the_page_stops_one_topic_or_everything(place: Place, mail: Mail) -> None:
    answer = post(place, mail, "topic", origin="null")
    assert answer.status_code == 200
    assert "Tips" in answer.text
    assert consents(place) == [(mail.lead, "tips", False)]
    assert place.rows(t.Suppression) == []
    assert post(place, mail, "all").status_code == 200
    (stop,) = place.rows(t.Suppression)
    assert (stop.email_key, stop.kind) == ("ann@example.test", "unsubscribed")
    assert post(place, mail, "all").status_code == 200
    assert len(place.rows(t.Suppression)) == 1


def test_the_page_needs_a_choice_and_a_nonce_of_its_own(place: Place, mail: Mail) -> None:
    other = send(place, "bob@example.test")
    before = place.everything()
    assert post(place, mail, "").status_code == 422
    assert post(place, mail, "nothing").status_code == 422
    foreign = nonce_of(place.ask("GET", other.unsubscribe).text)
    for wrong in (foreign, "x", links.sign(KEYS, "unsubscribe", mail.message)):
        assert post(place, mail, "all", wrong).status_code == 422
    old = nonce_of(place.ask("GET", mail.unsubscribe).text)
    place.later(hours=26)
    assert "open for too long" in post(place, mail, "all", old).text
    assert place.everything() == before


def test_a_form_of_another_site_stops_nothing(place: Place, mail: Mail) -> None:
    before = place.everything()
    for headers in (
        {"origin": "https://evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1.evil.test"},
    ):
        assert post(place, mail, "all", **headers).status_code == 403
    assert place.everything() == before


def test_a_token_of_another_kind_or_hand_stops_nobody(place: Place, mail: Mail) -> None:
    before = place.everything()
    good = links.sign(KEYS, "unsubscribe", mail.message)
    tokens = [
        links.sign(KEYS, "click", mail.message),
        links.sign(KEYS, "open", mail.message),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "B" + good[1:],
        *map(str, range(20)),
    ]
    for method in ("GET", "POST", "HEAD"):
        for token in tokens:
            content = b"List-Unsubscribe=One-Click"
            answer = place.ask(method, f"/u/{token}", content=content, headers=FORM)
            assert answer.status_code == 404, (method, token)
    assert place.everything() == before


def test_an_unknown_link_is_told_nothing(place: Place, mail: Mail) -> None:
    odd = place.ask("GET", "/u/%3Csvg%20onload=alert(1)%3E?email=%3Csvg/onload=alert(1)%3E")
    cut = place.ask("GET", mail.unsubscribe[:-3])
    elsewhere = place.ask("GET", "/nothing")
    assert odd.text == cut.text == elsewhere.text
    assert "svg" not in odd.text


def test_guessing_is_stopped_and_real_links_of_others_go_on(place: Place, mail: Mail) -> None:
    codes = [place.ask("GET", f"/u/x{n}", peer="203.0.113.7").status_code for n in range(62)]
    assert codes[:60] == [404] * 60
    assert codes[60:] == [429] * 2
    assert place.ask("GET", mail.unsubscribe, peer="198.51.100.7").status_code == 200


def test_an_erased_lead_is_told_it_is_done(place: Place, mail: Mail) -> None:
    with place.ledger.begin() as session:
        session.delete(session.get(t.Message, mail.message))
    before = place.everything()
    assert place.ask("GET", mail.unsubscribe).status_code == 200
    answer = place.ask(
        "POST", mail.unsubscribe, content=b"List-Unsubscribe=One-Click", headers=FORM
    )
    assert answer.status_code == 200
    assert place.everything() == before


def test_old_keys_still_unsubscribe(place: Place, mail: Mail) -> None:
    place.site.runtime.keys = (*KEYS, b"a newer key of the tests.")
    answer = place.ask("POST", mail.unsubscribe, content=b"List-Unsubscribe=One-Click",
                       headers=FORM)  # fmt: skip
    assert answer.status_code == 200
    assert consents(place) == [(mail.lead, "tips", False)]


@pytest.mark.shared
def test_requests_as_senders_make_them(place: Place, shared_data: Path) -> None:
    found = json.loads((shared_data / "list_unsubscribe/rfc8058_http_requests.json").read_text())
    for number, case in enumerate(found["cases"]):
        mail = send(place, f"lead{number}@example.test")
        request = case["request"]
        headers = {k: v for k, v in request.get("headers", {}).items()
                   if k not in ("Host", "Content-Length")}  # fmt: skip
        path = mail.unsubscribe + ("X" if case["id"] == "tampered-token" else "")
        body = request.get("body", "").encode()
        answer = place.ask(request["method"], path, content=body, headers=headers)
        stopped = (mail.lead, "tips", False) in consents(place)
        wanted = "unsubscribe" in case["must"] and "NOT" not in case["must"]
        assert stopped is wanted, case["id"]
        assert "location" not in answer.headers
        if wanted:
            assert answer.status_code == 200, case["id"]
    assert len(found["cases"]) >= 7


def test_a_read_only_app_stops_nothing(place: Place, mail: Mail) -> None:
    place.open(place.site.runtime.definitions(), read_only=True)
    before = place.everything()
    body = b"List-Unsubscribe=One-Click"
    assert place.ask("POST", mail.unsubscribe, content=body, headers=FORM).status_code == 403
    assert place.ask("GET", mail.unsubscribe).status_code == 200
    assert place.everything() == before
