"""A webhook both ways: a card over a real socket, an outcome back through the web app."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.crm.webhook import WebhookCrm
from flows.runtime import Runtime
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.webhooks.http import HttpCaller
from nurture.webhooks.signing import headers
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, WORKSPACE
from tests.web.conftest import Place
from tests.webhooks.conftest import HERE, System, answering

HEARD = (b"s" * 32, b"n" * 32)
SIGNING = (b"k" * 32,)
SCORING = """
behaviour:
  - {rule: pricing, when: {event: page_viewed}, points: 60, reason: looked at prices}
thresholds:
  - {threshold: hot, at: 50, rearm: 10, lifecycle: mql}
"""


class Company:
    """A workspace that tells a system at this machine of its leads, ticked whole."""

    def __init__(self, ledger: Ledger, folder: Path, system: System) -> None:
        self.caller = HttpCaller(SIGNING, lambda: self.play.now, timeout=5)
        self.play = Play(ledger, folder, at("03-02 10:00"), wrap=self._with_crm)
        self.crm = WebhookCrm(self.caller, system.url("/nurture"), HERE)
        self.play.apply(
            nurture=f'{WORKSPACE}webhooks: {{allow: ["127.0.0.1/32"]}}\n', scoring=SCORING,
            handoff=f"{HANDOFF}crm: {{system: webhook, url: '{system.url('/nurture')}'}}\n",
        )  # fmt: skip
        self.place = Place(ledger, self.play.now)
        self.place.open(self.play.definitions())
        self.place.site.runtime = self._with_crm(self.place.site.runtime)

    def _with_crm(self, runtime: Runtime) -> Runtime:
        def crm(definitions: Definitions) -> WebhookCrm | None:
            return self.crm if definitions.handoff and definitions.handoff.crm else None

        return replace(runtime, crm=crm, crm_keys=HEARD)

    def crossed(self, name: str = "ann") -> None:
        self.play.lead(name, company="Acme")
        self.play.event(name, "page_viewed")

    def send(self, *said: Any, number: str = "m1", key: bytes = HEARD[0], **how: Any) -> Any:
        """What the other system sends, signed."""
        body = how.pop("body", json.dumps(said[0] if len(said) == 1 else list(said)))
        signed_at = how.pop("signed_at", self.place.now)
        signed = headers([key], number=number, body=body, at=signed_at)
        said_too = {"content-type": "application/json"} | signed | how.pop("headers", {})
        return self.place.ask("POST", "/crm", content=body, headers=said_too, **how)

    def close(self) -> None:
        asyncio.run(self.place.site.close())
        self.caller.close()

    def handoff(self) -> Any:
        with self.play.ledger.begin() as session:
            return session.execute(select(t.Handoff)).scalars().first()


@pytest.fixture
def system() -> Iterator[System]:
    made = System(answering("200 OK", body=b'{"contact": "51", "deal": 7}'))
    yield made
    made.close()


@pytest.fixture
def company(ledger: Ledger, tmp_path: Path, system: System) -> Iterator[Company]:
    made = Company(ledger, tmp_path / "workspace", system)
    yield made
    made.close()


def body_of(asked: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(asked.partition(b"\r\n\r\n")[2])
    return said


def test_a_tick_tells_of_a_handoff_and_won_comes_back(company: Company, system: System) -> None:
    company.crossed()
    company.play.tick()
    (asked,) = system.asked
    said = body_of(asked)
    assert said["type"] == "crm.lead"
    assert said["email"] == "ann@example.test"
    assert said["fields"]["score"] == 60
    assert said["fields"]["lifecycle"] == "mql"
    assert said["fields"]["company"] == "Acme"
    assert said["handoff"]["key"] == "nurture-handoff-1"
    assert (said["handoff"]["state"], said["handoff"]["stage"]) == ("offered", "offered")
    assert said["handoff"]["owner"] == "bo@example.test"
    assert f"webhook-id: {said['id']}".encode() in asked
    answer = company.send({"handoff": "nurture-handoff-1", "stage": "won", "amount": 900})
    assert answer.status_code == 200, answer.text
    assert answer.json()["done"][0]["said"] == ("won: won (900) by the CRM: won in the CRM")
    row = company.handoff()
    assert (row.state, row.amount) == ("won", 900.0)
    company.play.tick(company.play.now + timedelta(minutes=1))
    last = body_of(system.asked[-1])
    assert (last["handoff"]["state"], last["handoff"]["stage"]) == ("won", None)
    assert last["refs"] == {"contact": "51", "deal": "7"}
    assert last["fields"]["lifecycle"] == "customer"
    told = len(system.asked)
    company.play.tick(company.play.now + timedelta(hours=1))
    assert len(system.asked) == told


@pytest.fixture
def told(company: Company) -> Company:
    company.crossed()
    company.play.tick()
    return company


WON = {"id": "evt_1", "handoff": "nurture-handoff-1", "stage": "won"}


def kept(company: Company) -> list[str]:
    return [row.identity for row in company.place.rows(t.CrmChange)]


WRONG: list[dict[str, Any]] = [
    {"webhook-signature": "v1,AAAA"}, {"webhook-signature": "v2,AAAA"}, {"webhook-signature": "v1"},
    {"webhook-signature": "v1,é".encode("latin-1")}, {"webhook-signature": ""},
    {"webhook-id": "another"}, {"webhook-id": ""}, {"webhook-timestamp": "0"},
    {"webhook-timestamp": "-1"}, {"webhook-timestamp": "²".encode("latin-1")},
    {"webhook-timestamp": "999999999999"},
]  # fmt: skip


def test_what_is_not_signed_as_it_came_is_refused(told: Company) -> None:
    for each in WRONG:
        answer = told.send(WON, headers=each)
        assert answer.status_code == 401, each
        assert answer.json()["error"].startswith("webhook-")
    assert kept(told) == []
    assert told.handoff().state == "offered"


def test_another_secret_and_an_old_or_early_signature_are_refused(told: Company) -> None:
    assert told.send(WON, key=b"x" * 32).status_code == 401
    for minutes in (-6, 6):
        when = told.place.now + timedelta(minutes=minutes)
        answer = told.send(WON, signed_at=when)
        assert (answer.status_code, "five minutes" in answer.text) == (401, True)
    assert kept(told) == []


def test_a_time_that_no_calendar_has_is_refused_however_it_is_signed(told: Company) -> None:
    body, stamp = json.dumps(WON), "999999999999"
    signature = hmac.digest(HEARD[0], f"m1.{stamp}.{body}".encode(), "sha256")
    signed = {"webhook-timestamp": stamp,
              "webhook-signature": f"v1,{base64.b64encode(signature).decode()}"}  # fmt: skip
    answer = told.send(body=body, headers=signed)
    assert (answer.status_code, "five minutes" in answer.text) == (401, True)


def test_without_a_secret_nothing_is_taken(told: Company) -> None:
    told.place.site.runtime = replace(told.place.site.runtime, crm_keys=())
    assert told.send(WON).status_code == 401


def test_both_secrets_are_in_force_while_one_is_replaced(told: Company) -> None:
    assert told.send(WON, key=HEARD[1]).status_code == 200


def test_a_call_that_comes_again_does_nothing_again(told: Company) -> None:
    said = {"handoff": "1", "stage": "opportunity", "amount": 5}
    assert told.send(said, number="m7").json()["done"][0]["said"].startswith("opportunity")
    again = told.send(said, number="m7")
    assert (again.status_code, again.json()["done"][0]["said"]) == (200, "said before")
    assert kept(told) == ["call:m7/0"]
    told.send(WON, number="m8")
    assert told.send(WON, number="m9").json()["done"][0]["said"] == "said before"


def test_a_list_is_done_in_order_and_what_cannot_be_done_stops_nothing(told: Company) -> None:
    answer = told.send(
        {"handoff": "nurture-handoff-9", "stage": "won"},
        {"handoff": "nurture-handoff-1", "stage": "rejected", "reason": "x"},
        {"handoff": "nurture-handoff-1", "stage": "accepted"},
    )
    said = [each["said"] for each in answer.json()["done"]]
    assert said[0] == "no handoff of ours: nurture-handoff-9"
    assert said[1] == "rejected: rejected by the CRM: rejected in the CRM"
    assert "It is closed" in said[2]


UNFIT = [
    ("", "not JSON"), ("{", "not JSON"), ("[]", "0 changes"), ("1", "Change 1"),
    ('{"stage": "won"}', "Change 1, handoff"), ('{"handoff": 1}', "Change 1, handoff"),
    ('{"handoff": "1", "stage": ["won"]}', "Change 1, stage"),
    ('{"handoff": "1", "amount": -1}', "Change 1, amount"),
    ('{"handoff": "1", "amount": NaN}', "Change 1, amount"),
    ('{"handoff": "1", "amount": 1e400}', "Change 1, amount"),
    ('{"handoff": "1", "at": "2026-03-02T10:00:00"}', "Change 1, at"),
    ('{"handoff": "1", "owner": "\\u0000"}', "Change 1, owner"),
    ('{"handoff": "1", "reason": "\\ud800"}', "not JSON"),
    ('[{"handoff": "1"}, {"handoff": "\\u0000"}]', "Change 2, handoff"),
    ("[" * 50_000, "not JSON"),
    (json.dumps([{"handoff": "1"}] * 101), "101 changes"),
]  # fmt: skip


def test_what_does_not_fit_is_refused_with_what_would(told: Company) -> None:
    for body, says in UNFIT:
        answer = told.send(body=body)
        assert answer.status_code == 422, body[:100]
        assert says in answer.json()["error"], body[:100]
        assert "a JSON object" in answer.json()["error"]
    assert kept(told) == []


def test_too_large_another_format_and_no_crm_are_refused(told: Company) -> None:
    large = json.dumps({"handoff": "1", "reason": "x" * 300_000})
    assert told.send(body=large).status_code == 413
    plain = {"content-type": "text/plain"}
    assert told.send(WON, headers=plain).status_code == 415
    told.play.apply(handoff=HANDOFF)
    told.place.open(told.play.definitions())
    told.place.site.runtime = replace(told.place.site.runtime, crm_keys=HEARD)
    assert told.send(WON).status_code == 404
    assert kept(told) == []


def test_after_too_many_wrong_signatures_a_network_waits(told: Company) -> None:
    for _ in range(61):
        told.send(WON, key=b"x" * 32, peer="203.0.113.4", base="http://127.0.0.1:8000")
    assert told.send(WON, peer="203.0.113.4").status_code == 429


STATUSES = {
    "500 No": "due", "404 Gone": "due", "401 Who": "due", "302 There": "due", "422 No": "failed",
    "409 No": "failed", "204 Yes": "told",
}  # fmt: skip


def test_what_an_answer_means_for_a_lead(company: Company, system: System) -> None:
    for number, (status, state) in enumerate(STATUSES.items()):
        system.talk = answering(status)
        company.crossed(f"lead{number}")
        company.play.tick(company.play.now + timedelta(minutes=6))
        rows = company.place.rows(t.CrmRecord)
        assert rows[-1].state == state, status


def test_a_try_of_the_way_changes_nothing(company: Company, system: System) -> None:
    assert company.crm.check().result(10).verdict == "done"
    assert body_of(system.asked[0]) == {"type": "crm.test"}
    assert company.crm.pull("x", now=company.play.now).result(1).answer.verdict == "failed"
