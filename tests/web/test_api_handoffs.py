"""The API of handoffs: what it shows, the answers it takes once, and who may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nurture.ledger import tables as t
from nurture.ledger.upkeep import upkeep
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.web.conftest import Offer, Place

JSON = {"content-type": "application/json"}
STRANGER = {"peer": "203.0.113.4", "base": "https://news.example.test"}


def post(place: Place, token: dict[str, str], path: str, said: str = "{}", **headers: str) -> Any:
    kept = token | JSON | headers
    return place.ask("POST", f"/api/handoffs/{path}", headers=kept, content=said)


def test_a_list_goes_by_number_and_by_what_is_asked(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    desk.queue(place.ledger, 4, first=2)
    before = place.everything()

    def listed(**asked: Any) -> tuple[list[int], int | None]:
        found = place.ask("GET", "/api/handoffs", headers=crm, params=asked)
        assert found.status_code == 200, found.text
        return [each["id"] for each in found.json()["handoffs"]], found.json()["next"]

    assert listed(limit=2) == ([1, 2], 2)
    assert listed(limit=2, after=2) == ([3, 4], 4)
    assert listed(limit=2, after=4) == ([5], None)
    assert listed(rep="bo") == ([1], None)
    assert listed(lead="lead3@example.test") == ([3], None)
    assert listed(state=["won", "accepted"]) == ([], None)
    assert listed(team="other") == ([], None)
    assert listed(late="true") == ([], None)
    place.later(days=2)
    assert listed(late="true") == ([1], None)
    assert place.everything() == before


def test_one_is_shown_with_deadlines_ladder_brief_and_what_follows(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    found = place.ask("GET", "/api/handoffs/1", headers=crm).json()
    assert (found["state"], found["rep"], found["generation"]) == ("offered", "bo", 1)
    assert [clock["kind"] for clock in found["clocks"]] == ["accept", "first_touch"]
    assert found["due_at"] == found["clocks"][0]["due_at"]
    assert found["late"] == 0
    assert found["rungs"][0]["action"] == "remind"
    assert found["brief"]["lead"]["email"] == "lead1@example.test"
    assert found["follow_up"] is None


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("?state=lostt", 422), ("?limit=0", 422), ("?limit=201", 422), ("?after=-1", 422),
        ("?colour=red", 422), ("?lead=nobody@example.test", 404), ("/2", 404), ("/0", 404),
        ("/1e3", 404), ("/99999999999999999999", 404), ("/x", 404),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_told(
    place: Place, offer: Offer, crm: dict[str, str], path: str, code: int
) -> None:
    found = place.ask("GET", f"/api/handoffs{path}", headers=crm)
    assert found.status_code == code
    assert found.json()["error"]


ANSWERS = (
    ("accept", "{}", "accepted", "accepted by Bo"),
    ("accept", '{"by": "bo", "generation": 1}', "accepted", "accepted by Bo"),
    ("accept", '{"by": "CY@example.test"}', "accepted", "accepted by Cy"),
    ("touch", '{"how": "called"}', "working", "touched by Bo (called)"),
    ("reject", '{"reason": "Bad timing: May"}', "rejected", "rejected by Bo: bad timing: May"),
    ("recycle", '{"reason": "no budget"}', "recycled", "recycled by Bo: no budget"),
    ("give", '{"to": "cy"}', "offered", "given to Cy by Bo"),
    ("outcome", '{"result": "won", "amount": 12.5}', "won", "won (12.5) by Bo"),
    ("outcome", '{"result": "meeting", "by": "cy"}', "working", "meeting by Cy"),
    ("snooze", '{"minutes": 30}', "offered", "put off by Bo until Mon 2 Mar 2026 10:30"),
    ("pause", '{"until": "2026-03-05T09:00:00+01:00"}', "offered",
     "Bo waits for the lead until Thu 5 Mar 2026 09:00"),
)  # fmt: skip


@pytest.mark.parametrize(("verb", "said", "state", "text"), ANSWERS)
def test_an_answer_does_what_it_does_for_reps_and_names_the_token(
    place: Place, offer: Offer, crm: dict[str, str], verb: str, said: str, state: str, text: str
) -> None:
    done = post(place, crm, f"1/{verb}", said)
    assert done.status_code == 200, done.text
    found = done.json()
    assert (found["handoff"]["state"], place.rows(t.Handoff)[0].state) == (state, state)
    assert found["text"].startswith(text)
    told = [(row.new, row.reason[:16]) for row in place.rows(t.Change) if row.field == "API"]
    assert told == [(f"{verb} of handoff 1", "by token sales (")]
    assert place.pokes == 1


def test_a_wait_is_ended(place: Place, offer: Offer, crm: dict[str, str]) -> None:
    assert post(place, crm, "1/resume").status_code == 409
    assert post(place, crm, "1/snooze", '{"minutes": 30}').status_code == 200
    found = post(place, crm, "1/resume").json()
    assert found["handoff"]["held_until"] is None


@pytest.mark.parametrize(
    ("path", "said", "code", "field"),
    [
        ("1/accept", '{"by": "zoe"}', 422, None),
        ("1/accept", '{"colour": "red"}', 422, "colour"),
        ("1/accept", '{"generation": "1"}', 422, "generation"),
        ("1/accept", "[", 422, ""),
        ("1/accept", '"x"', 422, ""),
        ("1/reject", "{}", 422, "reason"),
        ("1/reject", '{"reason": "no"}', 422, None),
        ("1/reject", '{"reason": "\\u0000\\u202e"}', 422, None),
        ("1/give", '{"to": "zoe"}', 422, None),
        ("1/give", '{"to": "bo"}', 409, None),
        ("1/pause", '{"until": "2026-03-05T09:00:00"}', 422, "until"),
        ("1/pause", '{"until": "2036-03-05T09:00:00Z"}', 422, None),
        ("1/outcome", '{"result": "lost"}', 422, None),
        ("1/outcome", '{"result": "gone"}', 422, "result"),
        ("1/outcome", '{"result": "won", "amount": -1}', 422, None),
        ("1/outcome", '{"result": "won", "amount": 1e400}', 422, None),
        ("2/accept", "{}", 404, None),
        ("x/accept", "{}", 404, None),
        ("1/sell", "{}", 404, None),
    ],
)
def test_what_does_not_fit_changes_nothing(
    place: Place, offer: Offer, crm: dict[str, str], path: str, said: str, code: int,
    field: str | None,
) -> None:  # fmt: skip
    place.ask("GET", "/api/handoffs", headers=crm)
    before = place.everything()
    found = post(place, crm, path, said)
    assert found.status_code == code, found.text
    assert found.json()["error"]
    if field is not None:
        assert field in {each["field"] for each in found.json()["refused"]}
    after = place.everything()
    assert {k: v for k, v in after.items() if k != "token"} == {
        k: v for k, v in before.items() if k != "token"
    }
    assert place.pokes == 0


def test_who_comes_second_hears_who_was_faster_and_what_is_now(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    assert post(place, crm, "1/reject", '{"reason": "not a fit"}').status_code == 200
    second = post(place, crm, "1/accept", '{"by": "cy"}')
    assert second.status_code == 409
    assert "was rejected by Bo: not a fit" in second.json()["error"]
    assert second.json()["handoff"]["state"] == "rejected"


def test_an_accept_of_an_older_offer_is_too_late_and_noted(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    post(place, crm, "1/give", '{"to": "cy"}')
    said, key = '{"by": "bo", "generation": 1}', {"idempotency-key": "a"}
    late = post(place, crm, "1/accept", said, **key)
    assert late.status_code == 409
    assert late.json()["error"].startswith("Too late.")
    assert late.json()["handoff"]["rep"] == "cy"
    again = post(place, crm, "1/accept", said, **key)
    assert (again.status_code, again.text) == (409, late.text)


def test_two_at_once_one_is_first(place: Place, offer: Offer, crm: dict[str, str]) -> None:
    how = {"headers": crm | JSON, "content": "{}"}
    answers = place.ask_at_once([("POST", "/api/handoffs/1/accept", how)] * 5)
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409, 409]


def test_a_repeated_request_is_answered_as_the_first_was(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    key = {"idempotency-key": "crm-1"}
    first = post(place, crm, "1/touch", '{"how": "called"}', **key)
    before = place.everything()
    again = post(place, crm, "1/touch", '{"how": "called"}', **key)
    assert (again.status_code, again.text) == (200, first.text)
    assert place.everything() == before
    other = post(place, crm, "1/touch", '{"how": "mailed"}', **key)
    assert other.status_code == 422
    assert "another request" in other.json()["error"]
    assert post(place, place.token("sales"), "1/touch", "{}", **key).status_code == 409
    assert post(place, crm, "1/touch", "{}", **{"idempotency-key": "a b"}).status_code == 422


def test_equal_requests_at_once_are_done_once(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    how = {"headers": crm | JSON | {"idempotency-key": "k"}, "content": '{"result": "meeting"}'}
    answers = place.ask_at_once([("POST", "/api/handoffs/1/outcome", how)] * 5)
    assert {each.status_code for each in answers} == {200}
    assert len({each.text for each in answers}) == 1
    told = [row for row in place.rows(t.Change) if row.reason == "meeting by Bo"]
    assert len([row for row in told if row.field == "handoff 1"]) == 1


def test_a_refused_request_is_judged_anew_under_its_key(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    key = {"idempotency-key": "k"}
    assert post(place, crm, "1/resume", **key).status_code == 409
    assert place.rows(t.IdempotencyKey) == []
    post(place, crm, "1/snooze", '{"minutes": 30}')
    assert post(place, crm, "1/resume", **key).status_code == 200


def test_keys_are_kept_for_a_day(place: Place, offer: Offer, crm: dict[str, str]) -> None:
    post(place, crm, "1/accept", "{}", **{"idempotency-key": "k"})
    with place.ledger.begin() as session:
        upkeep(session, now=NOW + timedelta(hours=23))
    assert len(place.rows(t.IdempotencyKey)) == 1
    place.later(days=1)
    assert post(place, crm, "1/accept", "{}", **{"idempotency-key": "k"}).status_code == 409
    with place.ledger.begin() as session:
        upkeep(session, now=NOW + timedelta(days=1))
    assert place.rows(t.IdempotencyKey) == []


def test_a_body_that_is_no_json_document_is_another_format(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert post(place, crm, "1/accept", "{}", **{"content-type": kind}).status_code == 415
    large = '{"how": "' + "x" * 100_000 + '"}'
    assert post(place, crm, "1/touch", large).status_code == 413


def test_nothing_is_written_where_nothing_may_be(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    place.site.read_only = True
    assert post(place, crm, "1/accept").status_code == 403
    assert place.ask("GET", "/api/handoffs/1", headers=crm).status_code == 200


def test_guessing_tokens_ends_soon(place: Place, offer: Offer) -> None:
    place.app.state.site.base_url = STRANGER["base"]
    wrong = {"authorization": f"Bearer abcdefgh_{'x' * 43}"}
    codes = [
        place.ask("GET", "/api/handoffs", headers=wrong, **STRANGER).status_code
        for _ in range(100)
    ]
    codes += [
        place.ask(
            "POST", "/api/handoffs/1/accept", headers=wrong | JSON, content="{}", **STRANGER
        ).status_code
        for _ in range(100)
    ]
    assert codes == [401] * 60 + [429] * 140
