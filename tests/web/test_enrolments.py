"""`POST /api/sequences/NAME/enrolments`: who enters, and what a request says that asks too much."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from nurture.language.compiled.compile import compile_sequence
from nurture.language.files.sequence import SequenceModel
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.one_file import read
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW, make_definition, make_lead
from tests.sequences.texts import sequence
from tests.web.conftest import Place

TEXT = sequence("- wait: 1 day", head="enter: {by: command, at_most: 1 per day}")


def post(place: Place, body: Any, token: dict[str, str], name: str = "flow") -> Any:
    headers = {"content-type": "application/json"} | token
    path = f"/api/sequences/{name}/enrolments"
    return place.ask("POST", path, content=json.dumps(body).encode(), headers=headers)


def test_leads_enter_once_and_the_scheduler_is_woken(place: Place) -> None:
    with place.ledger.begin() as session:
        definition = make_definition(session, "flow")
        for email in ("ann@example.test", "bob@example.test"):
            make_lead(session, email)
    model = read(SequenceModel, "flow.yaml", TEXT.encode(), LENIENT, name="flow").model
    assert model is not None
    definitions = place.site.runtime.definitions()
    number = definition.id or 0
    program = compile_sequence(model, definitions.workspace, definition_id=number, topics={})
    place.open(replace(definitions, active={"flow": program}, programs={number: program}))
    token = place.token("operate")
    body = {"leads": ["Ann@Example.test", "bob@example.test", "eve@example.test", "no address"]}
    room = {"state": "waiting", "reason": "waits for room: 1 enter in a day"}
    unknown = {"state": "unknown", "reason": "there is no such lead"}
    first = post(place, body | {"reason": "met at the fair"}, token)
    assert (first.status_code, place.pokes) == (200, 1)
    assert first.json()["enrolments"] == [
        {"lead": "Ann@Example.test", "state": "entered", "reason": ""},
        {"lead": "bob@example.test"} | room,
        {"lead": "eve@example.test"} | unknown,
        {"lead": "no address"} | unknown,
    ]
    again = post(place, body, token).json()["enrolments"]
    assert [each["state"] for each in again[:2]] == ["inside", "waiting"]
    (enrolment,) = place.rows(t.Enrolment)
    assert (enrolment.reason, enrolment.entered_at) == ("met at the fair", NOW)
    with place.ledger.begin() as session:
        session.add(t.Pause(sequence="flow", since=NOW))
    answers = [
        post(place, body, token),
        post(place, body, token, name="flwo"),
        post(place, {"leads": "ann"}, token),
        post(place, {"leads": ["a"] * 501}, token),
        post(place, body, place.token("ingest")),
    ]
    assert [answer.status_code for answer in answers] == [409, 404, 422, 422, 403]
    assert "Nearest: flow" in answers[1].json()["error"]
