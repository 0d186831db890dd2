"""Calls that failed, made once more: who hears of it, what is sent, what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, NotFound
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.timeline import timeline
from nurture.webhooks.port import Call
from nurture.webhooks.retry import retry, retry_all
from nurture.webhooks.settle import LIFE
from tests.fixtures_ledger import ledger, migrated_ledger
from tests.sequences.play import Play
from tests.sequences.texts import sequence

__all__ = ["ledger", "migrated_ledger"]
C, G = (table_of(model).c for model in (t.WebhookCall, t.Engagement))
FLOW = sequence("""
- webhook: {name: crm, url: "https://crm.example.test/leads", retry: 1}
- branch:
    - when: {event: webhook_failed, where: {webhook: crm}}
      steps: [{update: {add_tags: not-in-crm}}, {wait: 5 days}]
- send: tips
""")


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    """A lead whose call failed, and that went down the arm for it."""
    made = Play(ledger, tmp_path / "workspace")
    made.apply(FLOW)
    made.lead()
    made.caller.told = {"crm": (503, {})}
    made.event("ann", "form_submitted")
    made.until("03-02 09:00")
    assert states(made) == [("failed", 2, "answered 503, at the last of 2 tries")]
    return made


def states(play: Play) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in play.rows(select(C.state, C.attempts, C.reason).order_by(C.id))]


def told(play: Play) -> list[str]:
    kinds = select(G.kind).where(G.source == "nurture").order_by(G.id)
    return [kind for (kind,) in play.rows(kinds)]


def asked(play: Play) -> list[Call]:
    """The calls that are made from now on."""
    made: list[Call] = []
    inner = play.caller.call

    def call(each: Call) -> Any:
        made.append(each)
        return inner(each)

    play.caller.call = call  # type: ignore[method-assign]
    return made


def test_it_is_made_with_its_old_number_and_the_lead_stays_where_it_is(play: Play) -> None:
    before = asked(play)
    play.do(lambda session: retry(session, 1, now=play.now))
    assert states(play) == [("due", 0, "asked for once more")]
    play.change("ann", "company", "Lifts Ltd")
    play.tick()
    assert states(play)[0][0] == "due"  # 503 once more: tried again as the first time
    play.caller.told = {}
    stood = play.enrolments()[0]
    play.until("03-02 10:00")
    assert states(play) == [("done", 2, "answered 200; asked for once more")]
    assert len({call.number for call in before}) == 1
    assert '"company":"Lifts Ltd"' in before[-1].body.replace(": ", ":")
    assert told(play) == ["webhook_failed", "webhook_succeeded"]
    stands = play.enrolments()[0]
    assert (stands.position, stands.due_at) == (stood.position, stood.due_at)
    assert play.rows(select(table_of(t.LeadTag).c.tag)) == [("not-in-crm",)]
    with play.ledger.looking() as session:
        lines = [line.text for line in timeline(session, 1) if line.what == "webhook"]
    assert lines == ["call to crm: done at try 2"]


def test_its_number_is_that_of_the_first_try(ledger: Ledger, tmp_path: Path) -> None:
    play = Play(ledger, tmp_path / "workspace")
    play.apply(FLOW)
    play.lead()
    play.caller.told = {"crm": (410, {})}
    calls = asked(play)
    play.event("ann", "form_submitted")
    play.tick()
    play.now += timedelta(days=30)
    play.do(lambda session: retry(session, 1, now=play.now))
    play.tick()
    first, again = calls
    assert (again.number, again.url) == (first.number, first.url)
    assert told(play) == ["webhook_failed", "webhook_failed"]
    assert [row[0] for row in states(play)] == ["failed"]


def test_it_is_made_though_its_lead_left_and_as_often_as_its_step_says(play: Play) -> None:
    play.until("03-08 09:00")
    assert play.state() == "completed"
    play.now += LIFE
    play.do(lambda session: retry(session, 1, now=play.now))
    play.tick()
    assert states(play)[0][0] == "due"
    play.until(play.now + timedelta(hours=1))
    said = "answered 503, at the last of 2 tries; asked for once more"
    assert states(play) == [("failed", 2, said)]


def test_who_leaves_while_it_is_due_takes_nothing_back(play: Play) -> None:
    head = "exit: [{when: {tags: gone}}]\nedits: {enrolled: move}\nenter:"
    play.apply(FLOW.replace("enter:", head))
    play.do(lambda session: retry(session, 1, now=play.now + timedelta(hours=1)))
    with play.ledger.begin() as session:
        session.add(t.LeadTag(lead_id=1, tag="gone", added_at=play.now))
        session.add(t.Touch(lead_id=1))
    play.tick()
    assert play.state() == "exited"
    assert states(play)[0][0] == "due"
    play.caller.told = {}
    play.until("03-02 11:00")
    assert states(play)[0][0] == "done"


def test_who_comes_to_the_step_again_does_not_wait_for_it(ledger: Ledger, tmp_path: Path) -> None:
    play = Play(ledger, tmp_path / "workspace")
    play.apply(sequence("""
- {id: call, webhook: {name: crm, url: "https://crm.example.test/leads"}}
- wait: 1 day
- goto: {step: call, at_most: 1}
"""))  # fmt: skip
    play.lead()
    play.caller.told = {"crm": (404, {})}
    play.event("ann", "form_submitted")
    play.tick()
    play.do(lambda session: retry(session, 1, now=play.now + timedelta(days=9)))
    play.until("03-04 08:00")
    assert play.state() == "completed"
    assert states(play)[0][0] == "due"


def test_a_lead_behind_a_mail_that_waits_is_not_let_on_by_the_answer(
    ledger: Ledger, tmp_path: Path
) -> None:
    play = Play(ledger, tmp_path / "workspace")
    window = 'timing: {window: {hours: "20:00-21:00"}}\nenter:'
    text = FLOW.replace("enter:", window).replace("{wait: 5 days}", "{send: offer}")
    play.apply(text.replace("retry: 1", "retry: 0, anytime: true"))
    play.lead()
    play.caller.told = {"crm": (503, {})}
    play.event("ann", "form_submitted")
    play.tick()
    play.caller.told = {}
    play.do(lambda session: retry(session, 1, now=play.now))
    play.until("03-02 10:00")
    assert states(play)[0][0] == "done"
    assert [mail for mail, _, _ in play.mails()] == ["offer"]
    play.until("03-02 20:00")
    assert [mail for mail, _ in play.sent()] == ["offer", "tips"]


def test_all_of_a_webhook_are_made_and_no_others(play: Play) -> None:
    play.apply(FLOW.replace("name: crm", "name: erp").replace("flow", "other"))
    play.caller.told = {"crm": (503, {}), "erp": (404, {})}
    for name in ("bob", "cleo"):
        play.lead(name)
        play.event(name, "form_submitted")
    play.until("03-02 11:00")
    assert [row[0] for row in states(play)] == ["failed"] * 5
    play.caller.told = {}
    assert play.do(lambda session: retry_all(session, "crm", now=play.now)) == 3
    play.tick()
    named = play.rows(select(C.name, C.state).order_by(C.name, C.id))
    assert [tuple(row) for row in named] == [("crm", "done")] * 3 + [("erp", "failed")] * 2
    assert play.do(lambda session: retry_all(session, "crm", now=play.now)) == 0


def test_what_is_done_under_way_called_off_or_unknown_is_refused_in_words(play: Play) -> None:
    def refused(state: str, reason: str = "") -> str:
        with play.ledger.begin() as session:
            session.execute(table_of(t.WebhookCall).update().values(state=state, reason=reason))
        with pytest.raises(Conflict) as caught, play.ledger.begin() as session:
            retry(session, 1, now=play.now)
        assert states(play)[0][0] == state
        return str(caught.value)

    assert refused("done", "answered 200") == (
        "Call 1 to crm is done (answered 200): nothing is sent again."
    )
    for state in ("due", "claimed"):
        assert refused(state) == (
            "Call 1 to crm is under way: it is made or tried again by itself."
        )
    assert refused("cancelled", "left the sequence: bought") == (
        "Call 1 to crm was cancelled (left the sequence: bought): only failed ones are sent again."
    )
    for number in (2, 2**70):
        with pytest.raises(NotFound, match=f"There is no call {number}: nurture webhooks list"):
            play.do(lambda session, number=number: retry(session, number, now=play.now))
    with pytest.raises(NotFound, match="No webhook “crmm” was ever called. Nearest: crm."):
        play.do(lambda session: retry_all(session, "crmm", now=play.now))
