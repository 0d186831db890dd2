"""Answers: one of many at once holds, the others hear of it; clocks, lifecycle, reasons."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from handoff.answering import answers, outcomes
from handoff.answering.touches import TOUCH, met_by_engagements
from handoff.desk import board
from handoff.routing.assignment import assign
from handoff.tables import CHANGE, CLOCK, EPISODE, HANDOFF, LEAD, MESSAGE, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, InputRefused, NotFound
from tests.fixtures_ledger import NOW, kept, make_engagement
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import tick

LATER = NOW + timedelta(minutes=30)


@pytest.fixture
def known(ledger: Ledger) -> Definitions:
    """Three handoffs: with bo, cy and di."""
    made = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 3)
    with ledger.begin() as session:
        assign(session, made, now=NOW)
    return made


def test_accepting_meets_the_accept_clock_alone(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        answer = answers.accept(session, known, 1, generation=1, now=LATER)
        assert (answer.state, answer.text, answer.done) == ("accepted", "accepted by Bo", True)
        accept, touch = desk.rows(session, CLOCK, handoff_id=1)
        assert (accept.met_at, touch.met_at, touch.stopped_at) == (LATER, None, None)
        states = {r.state for r in desk.rows(session, RUNG, clock_id=accept.id)}
        assert states == {"void"}
        assert desk.rows(session, LEAD)[0].lifecycle == "sal"
        row = board.handoffs(session, now=LATER, handoff=1)[0]
        assert row.state == "accepted"
        assert [clock.state for clock in row.clocks] == ["met", "running"]


def test_a_late_accept_with_the_same_rep_holds_and_says_how_late(
    ledger: Ledger, known: Definitions
) -> None:
    tick(ledger, known, NOW + timedelta(hours=4))
    with ledger.begin() as session:
        answer = answers.accept(session, known, 1, generation=1, now=NOW + timedelta(minutes=285))
        assert answer.text == "accepted by Bo, 45 minutes late"
        row = board.handoffs(session, now=NOW, handoff=1)[0]
        assert [clock.state for clock in row.clocks] == ["met late", "running"]


def test_an_accept_after_it_was_given_on_changes_nothing_and_is_noted(
    ledger: Ledger, known: Definitions
) -> None:
    tick(ledger, known, NOW + timedelta(hours=4))
    tick(ledger, known, NOW + timedelta(hours=6))
    with ledger.begin() as session:
        before = desk.rows(session, HANDOFF)
        answer = answers.accept(session, known, 1, generation=1, now=NOW + timedelta(hours=6.5))
        assert not answer.done
        assert answer.text == (
            "Too late. Handoff 1 is with Cy since Mon 2 Mar 2026 16:00 (Europe/Berlin). "
            "Nothing was changed."
        )
        assert desk.rows(session, HANDOFF) == before
        noted = desk.rows(session, CHANGE)[-1]
        assert noted.reason == "too late: Bo accepted after it was given on"


def test_of_twenty_answers_at_once_one_holds(ledger: Ledger, known: Definitions) -> None:
    def work(number: int) -> str:
        try:
            with ledger.begin() as session:
                if number % 2:
                    answers.accept(session, known, 1, generation=1, now=LATER)
                    return "accepted"
                answers.recycle(
                    session, known, 1, reason="bad timing", generation=1, now=LATER
                ) if number % 4 else answers.reject(
                    session, known, 1, reason="no budget", generation=1, now=LATER
                )
                return "back"
        except Conflict as conflict:
            return str(conflict)

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(work, range(20)))
    with ledger.begin() as session:
        state = desk.rows(session, HANDOFF)[0].state
        notes = desk.rows(session, CHANGE, field="handoff 1")
    # An accepted lead may still be sent back by the next; never the other way, never twice.
    assert said.count("accepted") <= 1
    assert said.count("back") == 1
    assert state in ("rejected", "recycled")
    assert len(notes) == said.count("accepted") + said.count("back")
    lost = [text for text in said if text not in ("accepted", "back")]
    assert all(text.startswith("Handoff 1 ") and "Nothing was changed" in text for text in lost)


def test_of_twenty_accepts_one_holds(ledger: Ledger, known: Definitions) -> None:
    def work(_: int) -> str:
        try:
            with ledger.begin() as session:
                answers.accept(session, known, 1, generation=1, now=LATER)
                return "done"
        except Conflict as conflict:
            return str(conflict)

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(work, range(20)))
    assert said.count("done") == 1
    assert set(said) - {"done"} == {
        "Handoff 1 was accepted by Bo on Mon 2 Mar 2026 10:30 (Europe/Berlin). Nothing was changed."
    }


def test_rejecting_recycles_and_stops_everything(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        session.execute(update(EPISODE).where(EPISODE.c.id == 1).values(cause="sequence:trial"))
        answer = answers.reject(session, known, 1, reason=" No  Budget", by="bo", now=LATER)
        assert answer.text == "rejected by Bo: no budget"
        row = desk.rows(session, HANDOFF)[0]
        assert (row.state, row.outcome, row.closed_at) == ("rejected", "no budget", LATER)
        assert {c.stopped_at for c in desk.rows(session, CLOCK, handoff_id=1)} == {LATER}
        assert desk.rows(session, LEAD)[0].lifecycle == "recycled"
        assert desk.rows(session, EPISODE)[0].closed_at == LATER
        assert desk.rows(session, EPISODE)[1].closed_at is None
        assert [row.lead_id for row in desk.rows(session, TOUCH)] == [1]
        with pytest.raises(Conflict, match="rejected by Bo: no budget on Mon 2 .* It is closed"):
            answers.accept(session, known, 1, now=LATER)


HOSTILE = {
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0": "=cmd|' /C calc'!A0",
    "line\r\nBcc: x@example.test": "line Bcc: x@example.test",
    "nul\x00 byte": "nul byte",
    "lone \ud800 surrogate": "lone surrogate",
    "bidi \u202etxet": "bidi txet",
    "e\u0301te\u0301 trop tard": "été trop tard",
    "'; DROP TABLE handoff; --": "'; DROP TABLE handoff; --",
}


@pytest.mark.parametrize("text", list(HOSTILE))
def test_a_hostile_reason_is_kept_as_plain_words(
    ledger: Ledger, known: Definitions, text: str
) -> None:
    with ledger.begin() as session:
        answers.reject(session, known, 1, reason=text, by="bo\x00\u202e", now=LATER)
        assert desk.rows(session, HANDOFF)[0].outcome == HOSTILE[text]


SAYS_NOTHING = ["", "  ", "x", "-- !", "\u202e\u200b\u2066", "a" * 301, "z" * 10**6]


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_a_reason_that_says_nothing_or_too_much_is_refused(
    ledger: Ledger, known: Definitions, text: str
) -> None:
    with ledger.begin() as session:
        before = desk.everything(session)
        with pytest.raises(InputRefused, match="not a fit, no budget, wrong contact, bad timing"):
            answers.reject(session, known, 1, reason=text, now=LATER)
        assert desk.everything(session) == before


def test_touching_meets_both_clocks(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        answers.touch(session, known, 1, how="called", generation=1, now=LATER)
        assert {c.met_at for c in desk.rows(session, CLOCK, handoff_id=1)} == {LATER}
        row = desk.rows(session, HANDOFF)[0]
        assert (row.state, row.accepted_at, row.touched_at) == ("working", LATER, LATER)
        with pytest.raises(Conflict, match=r"touched by Bo \(called\)"):
            answers.touch(session, known, 1, now=LATER)


def test_won_makes_a_customer_and_lost_sends_back(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        outcomes.outcome(session, known, 1, result="won", by="bo", now=LATER)
        outcomes.outcome(session, known, 2, result="lost", reason="bad timing", now=LATER)
        with pytest.raises(InputRefused):
            outcomes.outcome(session, known, 3, result="lost", now=LATER)
        assert [r.state for r in desk.rows(session, HANDOFF)] == ["won", "lost", "offered"]
        assert [r.lifecycle for r in desk.rows(session, LEAD)] == ["customer", "recycled", "mql"]
        assert next(iter(desk.rows(session, HANDOFF))).touched_at == LATER


def test_a_customer_is_not_made_a_recycled_lead(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        session.execute(update(LEAD).where(LEAD.c.id == 1).values(lifecycle="customer"))
        answers.reject(session, known, 1, reason="is a customer already", now=LATER)
        assert desk.rows(session, LEAD)[0].lifecycle == "customer"


def test_giving_to_a_colleague_is_a_new_offer(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=LATER)
        answer = answers.give(session, known, 1, to="di", by="bo", now=LATER)
        assert answer.text == "given to Di by Bo"
        row = desk.rows(session, HANDOFF)[0]
        assert (row.rep, row.state, row.generation, row.accepted_at) == ("di", "offered", 2, None)
        running = [c for c in desk.rows(session, CLOCK, handoff_id=1) if c.stopped_at is None]
        assert [(c.kind, c.rep) for c in running if c.met_at is None] == [
            ("accept", "di"), ("first_touch", "di"),
        ]  # fmt: skip
        assert desk.rows(session, MESSAGE)[-1].notice_key == "offer:1:2"
        with pytest.raises(InputRefused, match="is not a rep of handoff.yaml; there is bo, cy, di"):
            answers.give(session, known, 1, to="nobody", now=LATER)
        with pytest.raises(Conflict, match="is with Di already"):
            answers.give(session, known, 1, to="di", now=LATER)
        with pytest.raises(NotFound, match="no handoff 99"):
            answers.accept(session, known, 99, now=LATER)


def test_a_rep_takes_a_lead_out_of_the_queue(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 1)
    sunday = NOW - timedelta(days=1)
    with ledger.begin() as session:
        assign(session, known, now=sunday)
        with pytest.raises(InputRefused, match="waits in the queue of smb"):
            answers.accept(session, known, 1, now=sunday)
        answers.accept(session, known, 1, by="cy", now=sunday)
        row = desk.rows(session, HANDOFF)[0]
        assert (row.rep, row.state, row.generation) == ("cy", "accepted", 1)
        clocks = desk.rows(session, CLOCK)
        assert [(c.generation, c.kind, bool(c.met_at), bool(c.stopped_at)) for c in clocks] == [
            (0, "accept", False, True), (1, "accept", True, False), (1, "first_touch", False, False)
        ]  # fmt: skip


def test_an_engagement_sales_touched_meets_the_clocks_when_it_happened(
    ledger: Ledger, known: Definitions
) -> None:
    with ledger.begin() as session:
        lead = session.get(t.Lead, 1)
        happened = NOW + timedelta(minutes=5)
        early = make_engagement(session, lead, "sales_touched", occurred_at=NOW - timedelta(days=1))
        event = make_engagement(session, lead, "sales_touched", occurred_at=happened)
        row = kept(session, t.Tick(now=LATER, owner="test"))
        for each in (early, event):
            kept(session, t.Touch(lead_id=1, engagement_id=each.id, tick_id=row.id))
        assert met_by_engagements(session, known, row.id, now=LATER).total("handoffs touched") == 1
        found = desk.rows(session, HANDOFF)[0]
        assert (found.state, found.touched_at, found.accepted_at) == ("working", happened, happened)
        assert {c.met_at for c in desk.rows(session, CLOCK, handoff_id=1)} == {happened}
        before = desk.everything(session)
        assert not met_by_engagements(session, known, row.id, now=LATER)
        assert desk.everything(session) == before
