"""`POST /engagements`: what it takes, what it refuses, and that a refused batch leaves nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nurture.ledger import tables as t
from nurture.ledger.access.tokens import revoke_token
from tests.fixtures_ledger import NOW, make_lead
from tests.web.conftest import Place


def one(key: str = "1", **values: Any) -> dict[str, Any]:
    said = {
        "source": "website", "key": key, "kind": "page_viewed", "lead": "ann@example.test",
        "occurred_at": NOW.isoformat(), "properties": {"url": "/pricing"},
    }  # fmt: skip
    return said | values


def post(place: Place, body: Any, headers: dict[str, str] | None = None, **how: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"content-type": "application/json"} | (headers if headers is not None else {})
    return place.ask("POST", "/engagements", content=content, headers=said, **how)


def test_a_batch_is_kept_once_and_the_scheduler_is_woken(place: Place) -> None:
    token = place.token()
    with place.ledger.begin() as session:
        make_lead(session)
    batch = [one("1"), one("2"), one("3", lead="nobody@example.test")]
    first = post(place, batch, token)
    assert first.status_code == 202
    assert first.json() == {"accepted": 2, "duplicates": 0, "parked": 1}
    assert place.pokes == 1
    again = post(place, {"engagements": batch}, token)
    assert again.json() == {"accepted": 0, "duplicates": 3, "parked": 0}
    assert len(place.rows(t.Engagement)) == 3


def test_only_a_source_that_may_creates_leads(place: Place) -> None:
    token = place.token()
    definitions = place.site.runtime.definitions()
    may = definitions.workspace.intake.model_copy(update={"may_create_leads": ("forms",)})
    workspace = definitions.workspace.model_copy(update={"intake": may})
    place.open(replace(definitions, workspace=workspace))
    batch = [one("1"), one("2", source="forms", lead="eve@example.test"), one("3")]
    answer = post(place, batch, token)
    assert answer.json() == {"accepted": 1, "duplicates": 0, "parked": 2}
    assert [lead.email for lead in place.rows(t.Lead)] == ["eve@example.test"]


@pytest.mark.parametrize(
    ("broken", "field", "problem"),
    [
        (one(occurred_at="2026-03-02T09:00:00"), "occurred_at", "has no time zone"),
        (one(occurred_at="yesterday"), "occurred_at", "is not an instant"),
        (one(lead="no address"), "lead", ""),
        (one(kind=""), "kind", "is empty"),
        (one(colour="red"), "colour", "is no field of an engagement"),
        (one(properties={"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}), "properties", "nest deeper"),
        (one(properties={"a": "x" * 20_000}), "properties", "bytes long"),
        (one(source="nurture"), "source", "own name"),
        (one(occurred_at=(NOW + timedelta(hours=1)).isoformat()), "occurred_at", "future"),
        ("not an object", "", "is not an object"),
    ],
)
def test_one_bad_engagement_refuses_the_batch_and_says_where(
    place: Place, broken: Any, field: str, problem: str
) -> None:
    token = place.token()
    before = place.everything()
    answer = post(place, [one("1"), broken], token)
    assert answer.status_code == 422
    (refused,) = answer.json()["refused"]
    assert refused["position"] == 1
    assert refused["field"] == field
    assert problem in refused["problem"]
    assert refused["allowed"]
    assert place.everything() == before
    assert place.pokes == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"42", b'{"leads": []}', b'[{"a": 1}', b"[" * 100_000, b'"x"', b"\xff"],
)
def test_what_is_no_batch_is_refused_in_words(place: Place, body: bytes) -> None:
    answer = post(place, body, place.token())
    assert answer.status_code == 422
    assert answer.json()["refused"][0]["allowed"].startswith("a JSON array")


def test_more_than_a_thousand_are_refused(place: Place) -> None:
    answer = post(place, [one(str(number)) for number in range(1001)], place.token())
    assert answer.status_code == 422
    assert "1001" in answer.json()["refused"][0]["problem"]
    assert place.rows(t.Engagement) == []


def test_a_thousand_are_taken(place: Place) -> None:
    answer = post(place, [one(str(number)) for number in range(1000)], place.token())
    assert answer.json() == {"accepted": 0, "duplicates": 0, "parked": 1000}


def test_only_json_is_taken(place: Place) -> None:
    token = place.token()
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert post(place, [one()], token | {"content-type": kind}).status_code == 415
    assert post(place, [one()], token | {"content-encoding": "gzip"}).status_code == 415
    assert post(place, [one()], token | {"content-type": "application/json; charset=utf-8"}
                ).status_code == 202  # fmt: skip


def test_a_body_over_a_mebibyte_is_refused(place: Place) -> None:
    answer = post(place, b" " * (1024 * 1024) + b"[]", place.token())
    assert answer.status_code == 413
    assert "error" in answer.json()


def test_no_token_or_a_wrong_one_opens_nothing(place: Place) -> None:
    right = place.token()["authorization"]
    wrong: list[dict[str, Any]] = [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": right[:-1] + ("A" if right[-1] != "A" else "B")},
        {"authorization": right.replace("Bearer", "Basic")},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": "Bearer é".encode()},
    ]
    for headers in wrong:
        answer = post(place, b"not even JSON", headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"] == "Bearer"
    assert place.rows(t.Engagement) == []


def test_expired_and_revoked_tokens_open_nothing(place: Place) -> None:
    short = place.token(expires_at=NOW + timedelta(minutes=1))
    revoked = place.token()
    with place.ledger.begin() as session:
        prefix = revoked["authorization"].split()[1].partition("_")[0]
        revoke_token(session, prefix, now=NOW)
    assert post(place, [one()], revoked).status_code == 401
    assert post(place, [one()], short).status_code == 202
    place.later(minutes=2)
    assert post(place, [one()], short).status_code == 401


def test_a_token_to_read_does_not_write(place: Place) -> None:
    assert post(place, [one()], place.token("read")).status_code == 403
    assert post(place, [one()], place.token("admin")).status_code == 202


def test_guessing_tokens_is_stopped_for_the_network_that_guesses(place: Place) -> None:
    headers = {"authorization": "Bearer abcdefgh_" + "x" * 43}
    answers = [post(place, [one()], headers, peer="203.0.113.9").status_code for _ in range(61)]
    assert answers == [401] * 60 + [429]
    assert post(place, [one()], place.token(), peer="203.0.113.200").status_code == 429
    assert post(place, [one()], place.token(), peer="198.51.100.1").status_code == 202


def test_a_read_only_app_takes_nothing(place: Place) -> None:
    token = place.token()
    place.open(place.site.runtime.definitions(), read_only=True)
    assert post(place, [one()], token).status_code == 403
    assert place.rows(t.Engagement) == []
