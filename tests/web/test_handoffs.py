"""The pages of sales: looking changes nothing, one answer decides, the rest hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from handoff.answering import answers
from nurture.delivery.mails import links
from nurture.ledger import tables as t
from tests.fixtures_ledger import make_engagement
from tests.web.conftest import KEYS, Offer, Place
from tests.web.test_unsubscribe import nonce_of


def answer(place: Place, url: str, nonce: str = "", **form: str) -> Any:
    mark = nonce or nonce_of(place.ask("GET", url).text)
    return place.ask("POST", url, data={"nonce": mark, **form})


def state(place: Place) -> str:
    return str(place.rows(t.Handoff)[0].state)


def test_looking_changes_nothing(place: Place, offer: Offer) -> None:
    before = place.everything()
    for verb in ("accept", "reject", "touch", "page"):
        page = place.ask("GET", offer.url(verb))
        assert page.status_code == 200
        assert "80 points" in page.text
        assert "lead1@example.test" in page.text
        assert "Accept by" in page.text
        assert place.ask("HEAD", offer.url(verb)).status_code == 200
        assert place.ask("OPTIONS", offer.url(verb)).status_code == 405
    assert place.everything() == before


def test_accepting_is_one_post_and_the_second_hears_of_it(place: Place, offer: Offer) -> None:
    url = offer.url("accept")
    mark = nonce_of(place.ask("GET", url).text)
    done = answer(place, url, mark)
    assert done.status_code == 200
    assert "The lead is yours" in done.text
    assert state(place) == "accepted"
    assert place.pokes == 1
    again = answer(place, url, mark)
    assert again.status_code == 409
    assert "accepted by" in again.text
    assert "Nothing was changed" in again.text
    page = place.ask("GET", url)
    assert "has been answered already" in page.text
    assert 'name="nonce"' not in page.text


def test_rejecting_wants_a_reason_chosen_or_typed(place: Place, offer: Offer) -> None:
    url = offer.url("reject")
    before = place.everything()
    for form in ({}, {"reason": ""}, {"reason": " ", "note": "  "}, {"note": "x" * 500}):
        refused = answer(place, url, **form)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
    assert place.everything() == before
    assert answer(place, url, reason="no budget").status_code == 200
    (row,) = place.rows(t.Handoff)
    assert (row.state, row.outcome) == ("rejected", "no budget")


def test_a_typed_reason_will_do(place: Place, offer: Offer) -> None:
    done = answer(place, offer.url("reject"), note="a student, writing a thesis")
    assert done.status_code == 200
    assert place.rows(t.Handoff)[0].outcome == "a student, writing a thesis"


def test_a_touch_says_how(place: Place, offer: Offer) -> None:
    done = answer(place, offer.url("touch"), by="phone", note="wants a demo")
    assert done.status_code == 200
    assert "touched by" in done.text
    assert "called: wants a demo" in done.text
    assert state(place) == "working"


def test_an_accepted_lead_can_be_sent_back(place: Place, offer: Offer) -> None:
    done = answer(place, offer.url("accept"))
    assert offer.url("reject") in done.text
    assert answer(place, offer.url("reject"), reason="bad timing").status_code == 200
    assert state(place) == "rejected"


def test_a_link_is_good_for_its_own_verb_handoff_and_offer_alone(
    place: Place, offer: Offer
) -> None:
    before = place.everything()
    mark = nonce_of(place.ask("GET", offer.url("accept")).text)
    assert answer(place, offer.url("page"), mark).status_code == 405
    assert answer(place, offer.url("reject"), mark, reason="no budget").status_code == 422
    foreign = [
        "/h/" + links.sign(KEYS, purpose, *ids)
        for purpose, ids in (
            ("click", (offer.handoff,)),
            ("unsubscribe", (offer.handoff, offer.generation)),
            ("handoff accept", (offer.handoff,)),
            ("handoff accept", (offer.handoff, offer.generation, 1)),
            ("handoff accept", (offer.handoff + 999, 1)),
            ("form accept", (offer.handoff, offer.generation)),
        )
    ]
    good = offer.url("accept")
    flipped = good[:-1] + ("A" if good[-1] != "A" else "B")
    for url in (*foreign, flipped, "/h/1", "/h/x.y"):
        assert place.ask("GET", url).status_code == 404, url
        found = place.ask("POST", url, data={"nonce": mark}).status_code
        assert found in (404, 422), url
    assert place.everything() == before


def test_a_nonce_is_needed_and_ages(place: Place, offer: Offer) -> None:
    url = offer.url("accept")
    old = nonce_of(place.ask("GET", url).text)
    before = place.everything()
    assert place.ask("POST", url, data={"by": "phone"}).status_code == 422
    assert answer(place, url, "x.y").status_code == 422
    place.later(hours=26)
    assert "open for too long" in answer(place, url, old).text
    assert place.everything() == before


def test_a_form_of_another_site_answers_nothing(place: Place, offer: Offer) -> None:
    url = offer.url("accept")
    mark = nonce_of(place.ask("GET", url).text)
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}):
        assert place.ask("POST", url, data={"nonce": mark}, headers=headers).status_code == 403
    body = {"nonce": mark}
    assert place.ask("POST", url, json=body).status_code == 415
    assert state(place) == "offered"


def test_links_of_an_offer_given_on_answer_nothing(place: Place, offer: Offer) -> None:
    url = offer.url("accept")
    marks = {
        verb: nonce_of(place.ask("GET", offer.url(verb)).text)
        for verb in ("accept", "reject", "touch")
    }
    (row,) = place.rows(t.Handoff)
    other = next(name for name in ("bo", "cy") if name != row.rep)
    with place.ledger.begin() as session:
        answers.give(
            session, place.site.runtime.definitions(), offer.handoff, to=other, now=place.now
        )
    page = place.ask("GET", url)
    assert 'name="nonce"' not in page.text
    for verb in ("reject", "touch"):
        refused = answer(place, offer.url(verb), marks[verb], reason="no budget", by="phone")
        assert refused.status_code == 409
    late = answer(place, url, marks["accept"])
    assert late.status_code == 409
    assert "Too late" in late.text
    (now,) = place.rows(t.Handoff)
    assert (now.state, now.rep) == ("offered", other)


def test_twenty_answers_at_once_have_one_outcome(place: Place, offer: Offer) -> None:
    marks = {verb: nonce_of(place.ask("GET", offer.url(verb)).text) for verb in
             ("accept", "reject")}  # fmt: skip
    requests = [
        ("POST", offer.url(verb), {"data": {"nonce": marks[verb], "reason": "no budget"}})
        for verb in ("accept", "reject") * 10
    ]
    codes = [each.status_code for each in place.ask_at_once(requests)]
    changes = [row for row in place.rows(t.Change) if row.field == f"handoff {offer.handoff}"]
    won = [row.new for row in changes if row.old != row.new]
    assert codes.count(200) == len([new for new in won if new in ("accepted", "rejected")])
    assert won.count("accepted") <= 1
    assert won.count("rejected") == 1  # an accepted lead can still be sent back, once
    assert set(codes) <= {200, 409}
    assert state(place) == "rejected"


def test_twenty_accepts_at_once_are_one(place: Place, offer: Offer) -> None:
    url = offer.url("accept")
    form = {"data": {"nonce": nonce_of(place.ask("GET", url).text)}}
    codes = [each.status_code for each in place.ask_at_once([("POST", url, form)] * 20)]
    assert sorted(codes) == [200] + [409] * 19
    assert state(place) == "accepted"


HOSTILE = '"><svg onload=alert(1)></script><img src=x onerror=alert(1)>'


def test_hostile_words_are_shown_and_never_run(place: Place, offer: Offer) -> None:
    with place.ledger.begin() as session:
        lead = session.get(t.Lead, offer.lead)
        assert lead is not None
        lead.first_name = lead.company = lead.phone = HOSTILE
        lead.job_title = "{{7*7}}"
        lead.attributes = {"<b>size</b>": HOSTILE, "link": "javascript:alert(1)"}
        make_engagement(session, lead, properties={"url": f"javascript:{HOSTILE}"})
    refused = answer(place, offer.url("reject"), reason=HOSTILE, note="x" * 400)
    pages = [place.ask("GET", offer.url(verb)) for verb in ("accept", "page")]
    pages.append(answer(place, offer.url("reject"), reason=HOSTILE))
    pages += [place.ask("GET", offer.url("page")), place.ask("GET", f"/leads/{offer.lead}")]
    pages += [place.ask("GET", "/"), refused]
    for page in pages:
        assert "<svg" not in page.text
        assert "<img" not in page.text
        assert 'href="javascript:' not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "{{7*7}}" in pages[0].text
    assert "&lt;svg" in pages[0].text


@pytest.mark.parametrize("verb", ["accept", "reject", "touch"])
def test_a_read_only_app_takes_no_answer(place: Place, offer: Offer, verb: str) -> None:
    place.open(place.site.runtime.definitions(), read_only=True)
    before = place.everything()
    assert place.ask("GET", offer.url(verb)).status_code == 200
    assert place.ask("POST", offer.url(verb), data={"nonce": "x"}).status_code == 403
    assert place.everything() == before


def test_a_lead_is_put_off_from_its_page_once(place: Place, offer: Offer) -> None:
    url = offer.url("snooze")
    page = place.ask("GET", url).text
    assert [each in page for each in ("30 minutes", "4 hours", "8 hours")] == [True, True, False]
    before = place.everything()
    for said in ("", "x", "-30", "0", "600", "9" * 30, "\u0663\u0660"):
        assert answer(place, url, minutes=said).status_code == 422
    assert place.everything() == before
    mark = nonce_of(page)
    done = answer(place, url, mark, minutes="120")
    assert done.status_code == 200
    assert "was put off by" in done.text
    again = answer(place, url, mark, minutes="30")
    assert again.status_code == 409
    assert "put off once" in again.text
    assert 'name="nonce"' not in place.ask("GET", url).text


def test_a_lead_is_given_to_a_colleague_from_its_page(place: Place, offer: Offer) -> None:
    url = offer.url("give")
    page = place.ask("GET", url).text
    (row,) = place.rows(t.Handoff)
    assert f'value="{row.rep}"' not in page
    before = place.everything()
    for said in ("", "nobody", row.rep, "cy'; drop table rep--", "<svg onload=alert(1)>"):
        refused = answer(place, url, to=said)
        assert refused.status_code == (409 if said == row.rep else 422)
        assert "<svg" not in refused.text
    assert place.everything() == before
    other = next(rep.rep for rep in place.rows(t.Rep) if rep.rep != row.rep)
    done = answer(place, url, to=other)
    assert done.status_code == 200
    assert "was given to" in done.text
    (given,) = place.rows(t.Handoff)
    assert (given.rep, given.generation) == (other, row.generation + 1)
    late = place.ask("GET", url)
    assert "has been answered already" in late.text
    assert 'name="nonce"' not in late.text
