"""Links and pictures of mails: where they lead, what they leave behind, who cannot fool them."""

from __future__ import annotations

from typing import Any

import pytest

from nurture.delivery.mails import links
from nurture.ledger import tables as t
from nurture.ledger.engine import open_ledger
from tests.web.conftest import KEYS, PRICING, Mail, Place, keep_link, send

SEEN = ("engagement", "touch")
"""The only tables a GET may write to."""


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return {n: r for n, r in before.items() if n not in SEEN} == {
        n: r for n, r in after.items() if n not in SEEN
    }


def test_a_click_leads_to_the_kept_address_and_is_noted_once(place: Place, mail: Mail) -> None:
    before = place.everything()
    answer = place.ask("GET", mail.click(), headers={"user-agent": "Firefox"})
    assert answer.status_code == 302
    assert answer.headers["location"] == PRICING
    (seen,) = place.rows(t.Engagement)
    assert (seen.source, seen.kind, seen.lead_id) == ("nurture", "email_clicked", mail.lead)
    assert seen.message_id == mail.message
    assert seen.properties == {
        "email": "why-us", "sequence": "trial", "url": PRICING, "link": mail.link,
        "agent": "Firefox",
    }  # fmt: skip
    assert unchanged(before, place.everything())
    assert place.pokes == 1
    place.later(seconds=9)
    assert place.ask("GET", mail.click()).status_code == 302
    assert len(place.rows(t.Engagement)) == 1
    place.later(seconds=11)
    place.ask("GET", mail.click())
    assert len(place.rows(t.Engagement)) == 2


def test_head_and_prefetch_lead_there_and_count_for_nothing(place: Place, mail: Mail) -> None:
    before = place.everything()
    assert place.ask("HEAD", mail.click()).headers["location"] == PRICING
    for header in ({"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}):
        assert place.ask("GET", mail.click(), headers=header).status_code == 302
    assert place.ask("HEAD", mail.open).status_code == 200
    assert place.ask("OPTIONS", mail.click()).status_code == 405
    assert place.everything() == before


def test_clicks_and_opens_prove_that_an_unknown_mail_arrived(place: Place) -> None:
    first, second = send(place, state="unknown"), send(place, "bob@example.test", state="unknown")
    place.ask("GET", first.click())
    place.ask("GET", second.open)
    states = {row.id: (row.state, row.reason) for row in place.rows(t.Message)}
    assert states[first.message] == ("sent", "known to have arrived by a click")
    assert states[second.message] == ("sent", "known to have arrived by an open")


def test_a_scanner_that_follows_every_link_earns_nothing(place: Place, mail: Mail) -> None:
    with place.ledger.begin() as session:
        others = [keep_link(session, f"https://example.test/{n}") for n in range(4)]
    for link in (mail.link, *others):
        place.ask("GET", mail.click(link))
        place.later(seconds=1)
    rows = place.rows(t.Engagement)
    counting = [row for row in rows if row.kind == "email_clicked" and not row.withdrawn_at]
    assert counting == []
    assert [row.kind for row in rows] == ["email_clicked"] * 2 + ["email_clicked_machine"] * 3
    place.later(seconds=30)
    place.ask("GET", mail.click())
    assert place.rows(t.Engagement)[-1].kind == "email_clicked"
    assert place.rows(t.Engagement)[-1].withdrawn_at is None


@pytest.mark.parametrize("agent", ["Mozilla/5.0 BingPreview/1.0b", "x Edge/12.246 Mozilla/5.0"])
def test_known_prefetchers_are_kept_apart(place: Place, mail: Mail, agent: str) -> None:
    place.ask("GET", mail.click(), headers={"user-agent": agent})
    place.ask("GET", mail.open, headers={"user-agent": agent})
    kinds = [row.kind for row in place.rows(t.Engagement)]
    assert kinds == ["email_clicked_machine", "email_opened_machine"]


def test_a_picture_is_noted_once_an_hour(place: Place, mail: Mail) -> None:
    for _ in range(3):
        answer = place.ask("GET", mail.open, headers={"user-agent": "GoogleImageProxy"})
        assert answer.headers["content-type"] == "image/gif"
        assert answer.content.startswith(b"GIF89a")
    place.ask("GET", mail.open, headers={"user-agent": "Mozilla/5.0"})
    rows = place.rows(t.Engagement)
    assert [row.kind for row in rows] == ["email_opened", "email_opened_machine"]
    place.later(hours=1)
    place.ask("GET", mail.open)
    assert len(place.rows(t.Engagement)) == 3


def forgeries(mail: Mail) -> list[str]:
    """Addresses like ours that are not."""
    good = links.sign(KEYS, "click", mail.message)
    body, mark = good.split(".")
    other = links.sign(KEYS, "click", mail.message + 1)
    tokens = [
        links.sign(KEYS, purpose, mail.message)
        for purpose in ("open", "unsubscribe", "handoff accept", "form accept", "")
    ]
    tokens += [
        links.sign((b"a key of somebody else's.",), "click", mail.message),
        links.sign(KEYS, "click", mail.message, 2),
        links.sign(KEYS, "click"),
        f"{other.split('.')[0]}.{mark}",
        *(f"{body}.{mark[:i]}{'A' if mark[i] != 'A' else 'B'}{mark[i + 1:]}" for i in (0, 11, 23)),
        body, f".{mark}", f"{good}=", f"{good}%00", "%3Csvg%20onload=alert(1)%3E",
    ]  # fmt: skip
    return tokens


def test_forged_and_foreign_tokens_lead_nowhere(place: Place, mail: Mail) -> None:
    before = place.everything()
    for number, token in enumerate(forgeries(mail)):
        peer = f"198.51.{number}.1"
        answer = place.ask("GET", f"/c/{token}/{mail.link}", peer=peer)
        assert answer.status_code == 404, token
        assert "location" not in answer.headers
        assert "svg" not in answer.text
    for token in forgeries(mail):
        if token == links.sign(KEYS, "open", mail.message):
            continue
        assert place.ask("GET", f"/o/{token}.gif").content.startswith(b"GIF89a")
    good = links.sign(KEYS, "click", mail.message)
    for link in ("0", "-1", "999999", "1e3", "٣", "9" * 40, "x", "1.5", "%2e%2e"):
        assert place.ask("GET", f"/c/{good}/{link}").status_code == 404, link
    assert place.everything() == before


@pytest.mark.parametrize(
    "query",
    [
        "?r=https://evil.test", "?url=//evil.test", "?next=/%5Cevil.test", "?v=https://evil.test",
        "?v=a&v=b", "?r=javascript:alert(1)", "?v=%0d%0aLocation:%20https://evil.test",
    ],
)  # fmt: skip
def test_nothing_in_the_query_changes_where_a_click_leads(
    place: Place, mail: Mail, query: str
) -> None:
    answer = place.ask("GET", mail.click() + query)
    assert answer.headers.get("location", PRICING) == PRICING
    assert answer.status_code == (404 if "v=" in query else 302)


@pytest.mark.parametrize(
    ("value", "lands"),
    [
        ("42", "https://www.example.test/a/42"),
        ("//evil.test", "https://www.example.test/a///evil.test"),
        ("@evil.test", "https://www.example.test/a/@evil.test"),
        ("\\evil.test", "https://www.example.test/a/%5Cevil.test"),
        ("..%2f..", "https://www.example.test/a/..%2f.."),
        ("é ü", "https://www.example.test/a/%C3%A9%20%C3%BC"),
        ("a\r\nSet-Cookie: a=b", None),
        ("a\x00", None),
    ],
)
def test_a_fields_value_changes_the_page_and_never_the_site(
    place: Place, mail: Mail, value: str, lands: str | None
) -> None:
    with place.ledger.begin() as session:
        link = keep_link(session, "https://www.example.test/a/{}")
    answer = place.ask("GET", mail.click(link), params={"v": value})
    assert answer.headers.get("location") == lands
    assert answer.status_code == (302 if lands else 404)
    assert "set-cookie" not in answer.headers


def test_a_click_of_an_erased_lead_leads_there_and_leaves_nothing(place: Place, mail: Mail) -> None:
    with place.ledger.begin() as session:
        session.delete(session.get(t.Message, mail.message))
    before = place.everything()
    assert place.ask("GET", mail.click()).status_code == 302
    assert place.ask("GET", mail.open).status_code == 200
    assert place.everything() == before


def test_a_read_only_app_redirects_and_notes_nothing(place: Place, mail: Mail) -> None:
    place.open(place.site.runtime.definitions(), read_only=True)
    before = place.everything()
    assert place.ask("GET", mail.click()).status_code == 302
    assert place.ask("GET", mail.open).status_code == 200
    assert place.everything() == before


def test_a_flood_from_one_network_is_answered_and_not_written(place: Place, mail: Mail) -> None:
    place.site.seen.limit = 2
    for _ in range(4):
        answer = place.ask("GET", mail.open, peer="203.0.113.5")
        assert answer.status_code == 200
    assert place.site.dropped == 2


def test_a_picture_comes_and_a_known_link_leads_on_with_the_database_gone(
    place: Place, mail: Mail, tmp_path: Any
) -> None:
    assert place.ask("GET", mail.click()).status_code == 302
    empty = open_ledger(f"sqlite:///{tmp_path / 'other.db'}")
    good, place.site.runtime.ledger = place.site.runtime.ledger, empty
    try:
        picture = place.ask("GET", mail.open)
        assert (picture.status_code, picture.content[:6]) == (200, b"GIF89a")
        assert place.ask("GET", mail.click()).headers["location"] == PRICING
        assert place.site.dropped == 2
        place.site.links.clear()
        broken = place.ask("GET", mail.click())
        assert broken.status_code == 503
        assert broken.headers["retry-after"]
        assert "Traceback" not in broken.text
        assert "sqlite" not in broken.text
        assert place.ask("GET", mail.unsubscribe).status_code == 503
        assert place.ask("GET", "/health").status_code == 503
    finally:
        place.site.runtime.ledger = good
        empty.close()
