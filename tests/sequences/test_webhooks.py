"""The webhook step: what is planned, who waits how long, and what a branch behind it sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play, at
from tests.sequences.test_sets import crowd, walk
from tests.sequences.texts import sequence

C, E, G = (table_of(model).c for model in (t.WebhookCall, t.Enrolment, t.Engagement))
FLOW = sequence("""
- webhook: {name: crm, url: "https://crm.example.test/leads", retry: 2}
- branch:
    - when: {event: webhook_failed, where: {webhook: crm}}
      steps: [{send: offer}]
    - when: {event: webhook_succeeded, where: {webhook: crm, answer.tier: gold}}
      steps: [{send: welcome}]
- send: tips
""")


def calls(play: Play) -> list[tuple[Any, ...]]:
    rows = select(C.state, C.status, C.attempts, C.reason).order_by(C.id)
    return [tuple(row) for row in play.rows(rows)]


def told(play: Play) -> list[tuple[str, Mapping[str, Any]]]:
    rows = select(G.kind, G.properties).where(G.source == "nurture").order_by(G.id)
    return [(kind, said) for kind, said in play.rows(rows)]


def test_the_answer_decides_the_branch_behind_it_in_the_same_tick(play: Play) -> None:
    play.apply(FLOW)
    play.lead(attributes={"plan": "pro"})
    play.caller.told = {"crm": (201, {"tier": "gold", "n": 3})}
    play.event("ann", "form_submitted")
    play.tick()
    assert play.sent() == [("welcome", "03-02 08:00"), ("tips", "03-02 08:00")]
    assert calls(play) == [("done", 201, 1, "answered 201")]
    assert told(play) == [
        ("webhook_succeeded", {"webhook": "crm", "status": 201, "sequence": "flow",
                               "answer.tier": "gold", "answer.n": 3}),
    ]  # fmt: skip


def test_what_never_answers_is_tried_again_and_its_lead_goes_on_after_the_last_try(
    play: Play,
) -> None:
    play.apply(FLOW)
    play.lead()
    play.caller.told = {"crm": (503, {})}
    play.event("ann", "form_submitted")
    play.tick()
    (enrolment,) = play.enrolments()
    assert enrolment.due_at is None  # it stays at the step, and time alone does not move it
    assert calls(play) == [("due", 503, 1, "answered 503: try 1 of 3")]
    play.until("03-02 08:20")
    assert calls(play) == [("failed", 503, 3, "answered 503, at the last of 3 tries")]
    ((_, when), (_, after)) = play.sent()
    assert "03-02 08:04" <= when == after <= "03-02 08:08"  # a minute and five, a quarter each way
    assert [mail for mail, _ in play.sent()] == ["offer", "tips"]
    assert told(play)[0] == (
        "webhook_failed", {"webhook": "crm", "status": 503, "sequence": "flow"}
    )  # fmt: skip


def test_a_window_holds_calls_and_anytime_lifts_it(play: Play) -> None:
    text = FLOW.replace("enter:", "timing: {window: {calendar: office}}\nenter:")
    play.apply(text, text.replace("flow", "other").replace("retry: 2", "anytime: true"))
    play.lead()
    play.tick("03-02 20:00")
    play.event("ann", "form_submitted")
    play.until("03-03 08:59")
    ended = select(C.state, C.settled_at, C.name).order_by(C.state.desc())
    assert [(row[0], row[1]) for row in play.rows(ended)] == [
        ("due", None), ("done", at("03-02 20:00"))
    ]  # fmt: skip
    play.until("03-03 09:00")
    assert play.rows(ended.where(C.settled_at == at("03-03 09:00")))


def test_who_leaves_meanwhile_is_not_told_of_and_a_pause_holds_calls(play: Play) -> None:
    play.apply(FLOW.replace("enter:", "exit: [{when: {tags: gone}}]\nenter:"))
    play.lead()
    play.caller.told = {"crm": (503, {})}
    play.event("ann", "form_submitted")
    play.tick()
    with play.ledger.begin() as session:
        session.add(t.Pause(sequence="flow", since=play.now, reason="a look"))
    play.tick("03-02 12:00")
    assert [row[:3] for row in calls(play)] == [("due", 503, 1)]
    with play.ledger.begin() as session:
        session.delete(session.get_one(t.Pause, "flow"))
        session.add(t.LeadTag(lead_id=1, tag="gone", added_at=play.now))
        session.add(t.Touch(lead_id=1))
    play.tick()
    assert calls(play) == [("cancelled", 503, 1, "left the sequence: tagged gone")]
    assert play.state() == "exited"


def test_a_call_is_made_once_in_an_enrolment_and_is_named_by_its_host(play: Play) -> None:
    steps = (
        '- {id: crm, webhook: "https://crm.example.test/x"}',
        "- wait: 1 day",
        "- {goto: {step: crm, at_most: 1}}",
    )
    play.apply(sequence("\n".join(steps)))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert play.state() == "completed"
    assert [row[:3] for row in calls(play)] == [("done", 200, 1)]
    name = select(C.name, C.host)
    assert play.rows(name) == [("crm.example.test", "crm.example.test")]


def test_the_body_says_who_the_lead_is_and_is_the_same_at_every_try(play: Play) -> None:
    play.apply(FLOW)
    play.lead(attributes={"plan": "pro", "employees": 80}, company="Örtel & Co", country="DE")
    play.caller.told = {"crm": (0, {})}
    play.event("ann", "form_submitted")
    play.tick()
    (first,) = (body for (body,) in play.rows(select(C.body)))
    play.change("ann", "company", "Other")
    play.tick("03-02 08:02")
    assert calls(play)[0][2] == 2
    assert play.rows(select(C.body)) == [(first,)]
    said = json.loads(first)
    assert said == {
        "type": "lead.reached_webhook",
        "timestamp": "2026-03-02T07:00:00+00:00",
        "data": {
            "webhook": "crm", "sequence": "flow", "step": "flow/first/1",
            "lead": {
                "id": 1, "email": "ann@example.test", "external_id": None, "first_name": "Ann",
                "last_name": None, "company": "Örtel & Co", "job_title": None, "phone": None,
                "country": "DE", "language": None, "timezone": "Europe/Berlin",
                "lifecycle": "lead", "score": 0.0, "fields": {"plan": "pro", "employees": 80},
                "tags": [],
            },
        },
    }  # fmt: skip
    play.until("03-02 09:00")
    assert play.rows(select(C.body)) == [(None,)]  # nobody keeps what was said of a lead


def test_a_crowd_is_planned_in_as_many_statements_as_one_lead(play: Play) -> None:
    play.apply(FLOW)
    crowd(play, 60)
    walk(play, play.now)
    assert play.rows(select(func.count()).where(C.state == "due")) == [(60,)]
    play.tick()
    assert play.rows(select(E.state, func.count()).group_by(E.state)) == [("completed", 60)]
