"""Answers in the inbox: each holds once, and nothing of anybody else's can be seen or answered."""

from __future__ import annotations

from itertools import product

import pytest

from app.web.inbox_answers import VERBS
from handoff.answering import answers
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW
from tests.web.conftest import Place
from tests.web.desk_visitors import answer, fields, signed_in
from tests.web.sales_desk import MINE, OTHERS, QUEUED, TAKEN, handoff, office

__all__ = ["office"]

FORMS = {
    "accept": ({}, "accepted"), "touch": ({"by": "phone", "note": "asks for a price"}, "working"),
    "reject": ({"reason": "no budget"}, "rejected"), "give": ({"to": "cy"}, "offered"),
    "snooze": ({"minutes": "30"}, "offered"),
    "pause": ({"until": "tomorrow"}, "offered"), "resume": ({}, "offered"),
    "recycle": ({"note": "next year"}, "recycled"), "meeting": ({}, "working"),
    "opportunity": ({"amount": "12 000"}, "working"), "won": ({"amount": "9,500.5"}, "won"),
    "lost": ({"reason": "no budget", "note": "until May"}, "lost"),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_answer_is_one_post(office: Place, verb: str) -> None:
    bo = signed_in(office, "bo")
    ready = {"resume": ["pause"], "recycle": ["accept"], "meeting": ["accept"], "won": ["accept"],
             "opportunity": ["accept"], "lost": ["accept"]}  # fmt: skip
    for before in ready.get(verb, []):
        assert answer(office, bo, f"/inbox/1/{before}", **FORMS[before][0]).status_code == 200
    form, state = FORMS[verb]
    pokes = office.pokes
    done = answer(office, bo, f"/inbox/1/{verb}", **form)
    assert done.status_code == 200, done.text
    assert 'role="status"' in done.text
    assert handoff(office, 1).state == state
    assert office.pokes == pokes + 1
    change = office.rows(t.Change)[-1]
    assert {row.reason for row in office.rows(t.Change) if "Bo" in row.reason}, change


def test_amounts_touches_and_reasons_are_kept(office: Place) -> None:
    bo = signed_in(office, "bo")
    answer(office, bo, "/inbox/1/touch", **FORMS["touch"][0])
    assert any("called: asks for a price" in row.reason for row in office.rows(t.Change))
    answer(office, bo, "/inbox/1/opportunity", amount="12 000")
    assert handoff(office, 1).amount == 12000
    answer(office, bo, "/inbox/1/lost", **FORMS["lost"][0])
    assert handoff(office, 1).outcome == "no budget: until May"


@pytest.mark.parametrize(
    ("verb", "form", "said"),
    [
        ("reject", {}, "A reason is needed"),
        ("give", {"to": "eva"}, "Choose who of the team"),
        ("give", {"to": ""}, "Choose who of the team"),
        ("snooze", {"minutes": "99999"}, "at most"),
        ("snooze", {"minutes": "x"}, "Say how long"),
        ("pause", {"until": "date", "date": "2026-02-30"}, "a day that is still to come"),
        ("pause", {"until": "date", "date": "2026-03-01"}, "an instant ahead"),
        ("pause", {"until": "date", "date": "9999-12-31"}, "a year off at most"),
        ("won", {"amount": "lots"}, "is no amount"),
        ("won", {"amount": "nan"}, "is no amount"),
        ("won", {"amount": "-5"}, "is no amount"),
    ],
)
def test_a_form_that_says_too_little_changes_nothing(
    office: Place, verb: str, form: dict[str, str], said: str
) -> None:
    bo = signed_in(office, "bo")
    answer(office, bo, "/inbox/1/accept")
    before = office.everything()
    refused = answer(office, bo, f"/inbox/1/{verb}", **form)
    assert refused.status_code == 422
    assert said in refused.text
    assert f'action="/inbox/1/{verb}?' in refused.text, "the form is still open"
    assert office.everything() == before


def test_of_two_who_take_a_lead_the_second_hears_who_has_it(office: Place) -> None:
    bo, cy = signed_in(office, "bo"), signed_in(office, "cy")
    seen = office.ask("GET", "/inbox/3", headers=bo).text
    assert answer(office, cy, "/inbox/3/accept").status_code == 200
    assert handoff(office, QUEUED).rep == "cy"
    late = answer(office, bo, "/inbox/3/accept", seen)
    assert late.status_code == 409
    assert "is with Cy" in late.text
    assert "Nothing was changed" in late.text
    assert handoff(office, QUEUED).rep == "cy"
    assert office.ask("GET", "/inbox/3", headers=bo).status_code == 404


def test_two_at_once(office: Place) -> None:
    people = [signed_in(office, "bo"), signed_in(office, "cy")]
    posts = [
        ("POST", "/inbox/3/accept", {"headers": who, "data": fields(
            office.ask("GET", "/inbox/3", headers=who).text, "/inbox/3/accept")})
        for who in people
    ]  # fmt: skip
    assert sorted(each.status_code for each in office.ask_at_once(posts)) == [200, 409]
    assert handoff(office, QUEUED).state == "accepted"


def test_an_answer_to_a_lead_that_was_given_on_changes_nothing(office: Place) -> None:
    bo, mia = signed_in(office, "bo"), signed_in(office, "mia")
    asked = ("accept", "reject")
    seen = {verb: office.ask("GET", f"/inbox/1/{verb}", headers=bo).text for verb in asked}
    given = answer(office, mia, "/inbox/1/give", to="cy")
    assert "given to Cy by Mia" in given.text
    late = answer(office, bo, "/inbox/1/reject", seen["reject"], reason="no budget")
    assert late.status_code == 409
    assert "is with Cy" in late.text
    noted = answer(office, bo, "/inbox/1/accept", seen["accept"])
    assert noted.status_code == 409
    assert "Too late" in noted.text
    assert (handoff(office, 1).rep, handoff(office, 1).state) == ("cy", "offered")


def test_what_went_back_while_it_was_open_is_told_to_who_saw_it(office: Place) -> None:
    bo = signed_in(office, "bo")
    seen = office.ask("GET", "/inbox/3", headers=bo).text
    with office.ledger.begin() as session:
        answers.recycle(session, office.site.runtime.definitions(), 3, reason="too many", now=NOW)
    late = answer(office, bo, "/inbox/3/accept", seen)
    assert late.status_code == 409
    assert "recycled" in late.text


MAY = {
    ("bo", MINE): set(VERBS), ("cy", TAKEN): set(VERBS),
    ("bo", QUEUED): {"accept"}, ("cy", QUEUED): {"accept"}, ("eva", OTHERS): {"accept"},
    **{("mia", number): {"give"} for number in (MINE, TAKEN, QUEUED)}, ("max", OTHERS): {"give"},
}  # fmt: skip
"""Everything that anybody may answer; who is not here does not even see the handoff."""
PEOPLE = ("bo", "cy", "eva", "mia", "max")


@pytest.mark.parametrize("who", PEOPLE)
def test_nobody_sees_or_answers_what_is_not_theirs(office: Place, who: str) -> None:
    """By every number, for every answer; with the nonce of a page of their own."""
    browser = signed_in(office, who)
    own = fields(office.ask("GET", "/inbox", headers=browser).text, "/inbox/")
    nobodys = office.ask("GET", "/inbox/99", headers=browser)
    before = office.everything()
    for number, verb in product((MINE, TAKEN, QUEUED, OTHERS, 99), ("", *VERBS)):
        may = MAY.get((who, number), set())
        page = office.ask("GET", f"/inbox/{number}/{verb}".rstrip("/"), headers=browser)
        assert page.status_code == (200 if may else 404), (number, verb, who)
        if not may:
            assert page.text == nobodys.text
        for generation in (("1", "0", "7", "") if verb in may else ("1",)) if verb else ():
            form = own | {"generation": generation, "to": "cy", "reason": "no budget"}
            told = office.ask("POST", f"/inbox/{number}/{verb}", headers=browser, data=form)
            if verb in may:  # the nonce is that of another page
                assert told.status_code in ({200, 409, 422} if number == 1 else {422}), number
                if told.status_code == 200:
                    pytest.fail(f"{verb} of {number} was taken: {form}")
            else:
                assert told.status_code == 404, (number, verb, who)
                assert told.text == nobodys.text
    assert office.everything() == before


def test_nonces_are_of_one_session_handoff_and_generation(office: Place) -> None:
    bo, again = signed_in(office, "bo"), signed_in(office, "bo")
    page = office.ask("GET", "/inbox/1", headers=bo).text
    form = fields(page, "/inbox/1/accept")
    assert set(form) == {"nonce", "generation"}
    before = office.everything()
    for said in (form | {"nonce": ""}, form | {"generation": "2"}, {"generation": "1"}):
        assert office.ask("POST", "/inbox/1/accept", headers=bo, data=said).status_code == 422
    other = office.ask("POST", "/inbox/1/accept", headers=again, data=form)
    assert other.status_code == 422
    assert "open for too long" in other.text
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "same-site"}):
        sent = office.ask("POST", "/inbox/1/accept", headers=bo | headers, data=form)
        assert sent.status_code == 403
    typed = office.ask("POST", "/inbox/1/accept", headers=bo, json=form)
    assert typed.status_code == 415
    assert office.everything() == before
    office.later(hours=26)
    late = office.ask("POST", "/inbox/1/accept", headers=signed_in(office, "bo"), data=form)
    assert late.status_code == 422
