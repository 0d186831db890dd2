"""The pass: late answers, dead callers, two at once, hosts that do not answer, no secret."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from flows.tick import run_tick
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.asking import soonest, together
from nurture.ledger.statements.upsert import table_of
from nurture.webhooks import passes
from nurture.webhooks.claim import LEASE, MOST_OF_HOST, QUESTIONS
from nurture.webhooks.http import UNSIGNED
from nurture.webhooks.passes import Calling, call_out
from nurture.webhooks.port import Answer, Call
from nurture.webhooks.settle import FIRST_PAUSE, LONGEST_PAUSE, pause
from tests.fixtures_ledger import counting, ledger, migrated_ledger
from tests.sequences.play import Play
from tests.sequences.test_sets import crowd, walk
from tests.sequences.texts import sequence

__all__ = ["ledger", "migrated_ledger"]
C, G, E = (table_of(model).c for model in (t.WebhookCall, t.Engagement, t.Enrolment))
FLOW = sequence('- webhook: {name: crm, url: "https://crm.example.test/"}\n- send: tips')
DONE = Answer("done", 200, "answered 200")


@dataclass
class Slow:
    """Answers when it is told to."""

    asked: list[tuple[Call, Future[Answer]]] = field(default_factory=list)
    trouble: str = ""

    def call(self, call: Call) -> Future[Answer]:
        self.asked.append((call, Future()))
        return self.asked[-1][1]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    monkeypatch.setattr(passes, "PATIENCE", 0.0)
    made = Play(ledger, tmp_path / "workspace")
    made.apply(FLOW)
    return made


def calling(play: Play, caller: Slow, *, dies_at: str = "") -> Calling:
    def crash(point: str) -> None:
        if point == dies_at:
            raise Killed

    return Calling(
        play.ledger, play.definitions(), caller, "me", lambda: play.now, lambda: False, crash=crash
    )


def states(play: Play) -> dict[str, int]:
    rows = select(C.state, func.count()).group_by(C.state)
    return dict(map(tuple, play.rows(rows)))


def due(play: Play) -> object:
    return play.do(lambda session: soonest(session, together(QUESTIONS)))


def test_a_late_answer_is_settled_by_itself_and_wakes_its_lead(play: Play) -> None:
    crowd(play, 1)
    walk(play, play.now)
    slow = Slow()
    assert not call_out(calling(play, slow)).more
    assert states(play) == {"claimed": 1}
    assert due(play) == play.now + LEASE
    play.now += timedelta(seconds=9)
    slow.asked[0][1].set_result(DONE)
    assert states(play) == {"done": 1}
    assert play.rows(select(G.kind).where(G.kind.like("webhook%"))) == [("webhook_succeeded",)]
    assert play.rows(select(E.due_at)) == [(play.now,)]
    play.tick()
    assert play.rows(select(E.state)) == [("completed",)]


@pytest.mark.parametrize("answer", [DONE, Answer("again", 503, "answered 503")])
def test_every_late_answer_is_word_that_there_is_room_again(play: Play, answer: Answer) -> None:
    """On SQLite whoever waits sees that the file changed."""
    crowd(play, 1)
    walk(play, play.now)
    slow = Slow()
    call_out(calling(play, slow))
    with counting(play.ledger) as said:
        slow.asked[0][1].set_result(answer)
    assert any(each.startswith("NOTIFY") for each in said) is (play.ledger.dialect != "sqlite")


@pytest.mark.parametrize("point", ["claimed", "called"])
def test_a_caller_that_dies_leaves_a_call_that_is_made_once_more_under_its_number(
    play: Play, point: str
) -> None:
    crowd(play, 1)
    walk(play, play.now)
    first, second = Slow(), Slow()
    with pytest.raises(Killed):
        call_out(calling(play, first, dies_at=point))
    assert not call_out(calling(play, second)).counts  # its lease holds
    play.now += LEASE
    call_out(calling(play, second))
    ((again, answered),) = second.asked
    assert all(call == again for call, _ in first.asked)
    answered.set_result(DONE)
    for _, late in first.asked:  # the dead one was alive after all: nobody hears of it
        late.set_result(Answer("failed", 500, "too late"))
    assert states(play) == {"done": 1}
    assert play.rows(select(C.attempts)) == [(2,)]
    assert play.rows(select(func.count()).where(G.kind.like("webhook%"))) == [(1,)]


def test_an_answer_to_a_claim_that_was_taken_over_changes_nothing(play: Play) -> None:
    crowd(play, 1)
    walk(play, play.now)
    first, second = Slow(), Slow()
    call_out(calling(play, first))
    play.now += LEASE
    call_out(calling(play, second))
    first.asked[0][1].set_result(Answer("failed", 404, "refused"))
    assert states(play) == {"claimed": 1}
    second.asked[0][1].set_result(DONE)
    assert states(play) == {"done": 1}


def test_a_host_that_does_not_answer_has_few_in_hand_and_nothing_is_due_for_it(play: Play) -> None:
    crowd(play, MOST_OF_HOST + 9)
    walk(play, play.now)
    slow = Slow()
    call_out(calling(play, slow))
    call_out(calling(play, Slow()))
    assert states(play) == {"claimed": MOST_OF_HOST, "due": 9}
    assert due(play) == play.now + LEASE  # the tick does not turn round and round for it
    slow.asked[0][1].set_result(DONE)
    assert due(play) == play.now
    call_out(calling(play, other := Slow()))
    assert len(other.asked) == 1


def test_without_a_secret_calls_wait_and_no_try_is_counted(play: Play) -> None:
    crowd(play, 2)
    play.caller.trouble = UNSIGNED
    outcome = run_tick(play.runtime(), now=play.now)
    assert outcome.failures == [f"call webhooks: {UNSIGNED}"]
    assert play.rows(select(C.state, C.attempts, C.reason).distinct()) == [("due", 0, UNSIGNED)]
    play.caller.trouble = ""
    play.now += timedelta(minutes=5)
    play.tick()
    assert states(play) == {"done": 2}


def test_the_erased_are_not_told_of(play: Play) -> None:
    crowd(play, 2)
    walk(play, play.now)
    with play.ledger.begin() as session:
        session.add(t.Suppression(email_key="l0@example.test", kind="erased", since=play.now))
    call_out(calling(play, slow := Slow()))
    assert len(slow.asked) == 1
    assert play.rows(select(C.state, C.reason).where(C.lead_id == 1)) == [
        ("cancelled", "the lead is erased")
    ]


def test_pauses_grow_are_spread_and_hear_what_is_asked_for() -> None:
    first = [pause(1, str(n), None) for n in range(200)]
    assert FIRST_PAUSE * 0.75 <= min(first) < FIRST_PAUSE * 0.8
    assert FIRST_PAUSE * 1.2 < max(first) < FIRST_PAUSE * 1.25
    assert pause(1, "7", None) == pause(1, "7", None)
    assert pause(9, "7", None) <= LONGEST_PAUSE * 1.25
    assert pause(1, "7", timedelta(hours=2)) == timedelta(hours=2)
