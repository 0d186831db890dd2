"""What starts, stops or ends for good after an outcome, at once or later, once, or not at all."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, literal, select

from app.changes.applying import plan_workspace
from handoff.answering import follow_ups
from handoff.tables import CHANGE, FOLLOW_UP, HANDOFF
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.timeline import timeline
from nurture.ledger.types import Instant
from tests.faults import ticker
from tests.fixtures_ledger import NOW, counting, empty
from tests.handoff import sales_desk as desk
from tests.processes import CHILDREN, ended
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF as TEAMS
from tests.sequences.texts import sequence

ASKED = "enter: {by: command}\n"
POKED = "enter: {when: {event: poked}, again: always}\n"
BACK = sequence("- wait: 1 day\n- send: news", name="back", head=ASKED)
AGAIN = sequence("- wait: 1 day\n- send: offer", name="again", head=ASKED)
SECOND = sequence("- hand_off: smb", name="second", head=POKED)
FIRST = sequence("- hand_off: smb\n- wait: 300 days", name="flow", head="with_sales: send\n")
RULES = """
recycle: {sequence: back, at_most: 2, reasons: [not a fit, bad timing, wrong contact]}
outcomes:
  rejected:
    - {reason: wrong contact, suppress: true}
    - {reason: [bad timing], start: again, after: 90 days}
    - {reason: not a fit, nothing: true}
  lost: [{start: again, after: 30 days}]
  won: [{start: again, stop: flow}]
  meeting: [{start: again}]
  contacted: [{stop: flow}]
"""
SUPPRESSION, DECISION = table_of(t.Suppression), table_of(t.Decision)


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    """Ann is with sales."""
    made = Play(ledger, tmp_path / "workspace")
    made.apply(FIRST, SECOND, BACK, AGAIN, handoff=TEAMS + RULES)
    made.lead()
    made.event("ann", "form_submitted")
    made.tick("03-02 10:00")
    return made


def reject(play: Play, reason: str) -> None:
    play.sales("ann", "reject", reason=reason)
    play.tick()


def planned(play: Play) -> list[tuple[str, str, str]]:
    f = FOLLOW_UP.c
    return [tuple(row) for row in play.rows(select(f.sequence, f.state, f.dropped).order_by(f.id))]


def told(play: Play) -> list[tuple[str, str]]:
    """The last lines of the story that are about sequences."""
    with play.ledger.begin() as session:
        number = session.execute(select(HANDOFF.c.lead_id).limit(1)).scalar_one()
        lines = timeline(session, number)
    return [(line.text, line.reason) for line in lines if line.what == "sequence"][-2:]


def test_a_reason_with_an_entry_starts_its_sequence_when_its_time_has_come(play: Play) -> None:
    reject(play, "Bad Timing: call in May")
    assert planned(play) == [("again", "waiting", "")]
    why = "rejected by Bo: bad timing: call in May"
    assert told(play)[-1] == ("is to start again on 2026-05-31 09:00 UTC", why)
    play.until("05-31 10:59")
    assert play.enrolments("ann", "again") == []
    play.until("06-02 12:00")
    (entered,) = play.rows(select(DECISION).where(DECISION.c.reason == why))
    assert (entered.kind, entered.path) == ("entered", "handoff/outcomes/rejected/2")
    assert entered.at == at("05-31 11:00")
    assert play.sent()[-1] == ("offer", "06-01 11:00")
    assert planned(play) == [("again", "started", "")]
    assert play.enrolments("ann", "back") == []


def test_a_reason_without_an_entry_goes_where_recycling_sends_it(play: Play) -> None:
    reject(play, "we know them")
    assert play.state("ann", "back") == "active"
    assert planned(play) == []


def test_nothing_follows_where_nothing_is_said_to(play: Play) -> None:
    reject(play, "not a fit")
    assert (play.state("ann", "back"), planned(play)) == ("", [])
    assert play.lead_row().lifecycle == "recycled"


def test_a_suppressed_lead_gets_no_mail_any_more(play: Play) -> None:
    reject(play, "wrong contact")
    row = play.rows(select(SUPPRESSION))[0]
    assert (row.email_key, row.kind) == ("ann@example.test", "unsubscribed")
    assert row.reason == "rejected by Bo: wrong contact"
    play.do(lambda s: follow_ups.start_in(
        s, play.definitions().active["back"], select(HANDOFF.c.lead_id), now=play.now,
        reason="x", path="x",
    ))  # fmt: skip
    play.until("03-05 12:00")
    assert play.mails()[-1][:2] == ("news", "suppressed")


def test_a_customer_is_taken_on_board_and_out_of_the_trial(play: Play) -> None:
    play.sales("ann", "outcome", result="won", amount=500.0)
    play.tick()
    assert play.state("ann", "again") == "active"
    (left,) = play.enrolments("ann", "flow")
    assert (left.state, left.reason) == ("exited", "won (500) by Bo")
    assert left.path == "handoff/outcomes/won/1"
    assert "exited: won (500) by Bo" in play.decisions("ann", "exited")


def test_an_outcome_told_again_starts_nothing_again(play: Play) -> None:
    for day in (3, 6, 9):
        play.until(f"03-0{day} 10:00")
        play.sales("ann", "outcome", result="meeting")
        play.tick()
    assert [each.state for each in play.enrolments("ann", "again")] == ["completed"]
    assert play.state("ann", "flow") == "active"


def test_a_touch_told_by_an_engagement_stops_a_sequence_too(play: Play) -> None:
    play.event("ann", "sales_touched")
    play.tick("03-02 11:00")
    assert play.state("ann", "flow") == "exited"


def customer(play: Play) -> None:
    play.change("ann", "lifecycle", "customer")


def disqualified(play: Play) -> None:
    play.change("ann", "lifecycle", "disqualified")


def offered_again(play: Play) -> None:
    play.event("ann", "poked")
    play.tick()
    reject(play, "not a fit")


def enters(play: Play) -> None:
    definitions = play.definitions()
    leads = select(HANDOFF.c.lead_id)
    said: dict[str, Any] = {"now": play.now, "reason": "asked in", "path": ""}
    play.do(lambda s: follow_ups.start_in(s, definitions.active["again"], leads, **said))


def gone(play: Play) -> None:
    (play.folder / "sequences/again.yaml").unlink()
    play.write("handoff.yaml", TEAMS + "recycle: {sequence: back}\n")
    plan = plan_workspace(play.ledger, play.folder, now=play.now)
    assert {each.name: each.starts for each in plan.changes} == {"again": 1, "handoff": 0}
    play.apply()


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (customer, "it is a customer by now"),
        (disqualified, "it is disqualified by now"),
        (lambda play: play.opt_out("ann"), "it gets no mail any more: unsubscribed"),
        (offered_again, "sales had the lead again"),
        (enters, "it is in again already"),
        (gone, "again is not applied any more"),
    ],
    ids=["customer", "disqualified", "opted out", "with sales again", "inside", "gone"],
)
def test_a_start_is_dropped_with_its_reason(
    play: Play, meanwhile: Callable[[Play], None], why: str
) -> None:
    reject(play, "bad timing")
    play.tick("05-31 10:00")
    meanwhile(play)
    play.tick("05-31 11:00")
    assert planned(play)[0] == ("again", "dropped", why)
    assert ("does not start again", why) in told(play)


def test_a_lead_that_left_the_topic_starts_and_gets_no_mail_of_it(play: Play) -> None:
    reject(play, "bad timing")
    play.opt_out("ann", "tips")
    play.until("06-02 12:00")
    assert planned(play) == [("again", "started", "")]
    assert play.mails()[-1] == ("offer", "suppressed", "not subscribed to the topic")
    assert "end" in [text for text, _ in told(play)]


def test_at_most_counts_what_entries_and_recycling_send_back(play: Play) -> None:
    for reason in ("we know them", "bad timing", "we know them", "bad timing"):
        reject(play, reason)
        play.until(play.now + timedelta(days=100))
        play.event("ann", "poked")
        play.tick()
    entered = [len(play.enrolments("ann", name)) for name in ("back", "again")]
    assert entered == [1, 1]
    assert planned(play) == [("again", "started", "")]
    worn = play.rows(select(CHANGE.c.reason).where(CHANGE.c.new == "no more"))
    assert worn == [("sales sent it back 2 times already: it stays recycled",)] * 2


def many(ledger: Ledger, count: int) -> None:
    """That many leads whose start is due."""
    desk.queue(ledger, count)
    with ledger.begin() as session:
        due = literal(NOW, Instant())
        row = (HANDOFF.c.id, HANDOFF.c.lead_id, literal("lost"), literal("back"), due, due,
               literal("lost by Bo"), literal("handoff/outcomes/lost/1"))  # fmt: skip
        names = ["handoff_id", "lead_id", "outcome", "sequence", "planned_at", "due_at", "reason",
                 "path"]  # fmt: skip
        session.execute(insert(FOLLOW_UP).from_select(names, select(*row)))


def test_ten_and_a_thousand_starts_take_the_same_statements(
    ledger: Ledger, tmp_path: Path
) -> None:
    counts = []
    for count in (10, 1000):
        empty(ledger)
        definitions = Play(ledger, tmp_path / str(count)).apply(BACK, handoff=TEAMS)
        many(ledger, count)
        with counting(ledger) as statements, ledger.begin() as session:
            tally = follow_ups.start_due(session, definitions, now=NOW)
        assert tally.total("started after an outcome") == count
        counts.append(desk.told(statements))
    assert counts[0] == counts[1]


def test_two_ticks_at_once_start_each_once(ledger: Ledger, tmp_path: Path) -> None:
    definitions = Play(ledger, tmp_path).apply(BACK, handoff=TEAMS)
    many(ledger, 50)

    def start(_: int) -> int:
        with ledger.begin() as session:
            tally = follow_ups.start_due(session, definitions, now=NOW)
        return tally.total("started after an outcome")

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(start, range(4))) == 50
    with ledger.begin() as session:
        states = session.execute(select(FOLLOW_UP.c.state).distinct()).scalars().all()
        entered = select(func.count()).select_from(t.Enrolment)
        assert (states, session.execute(entered).scalar_one()) == (["started"], 50)


def test_a_start_survives_a_tick_that_is_killed(ledger: Ledger, play: Play) -> None:
    reject(play, "bad timing")
    url = ledger.engine.url.render_as_string(hide_password=False)
    due = at("05-31 11:00")
    for side in ("before", "after"):
        said = (url, play.folder, [due], "child", f"start_due:{side}")
        child = CHILDREN.Process(target=ticker.run, args=said)
        child.start()
        assert ended(child) == -signal.SIGKILL
        assert planned(play) == [("again", "waiting", "")]
    play.tick("05-31 11:10")
    play.tick("05-31 11:20")
    assert planned(play) == [("again", "started", "")]
    assert len(play.enrolments("ann", "again")) == 1
