"""Round robin: fair, within hours and room, once, in few statements."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from handoff.desk import board
from handoff.routing.assignment import assign
from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.tables import CLOCK, HANDOFF, MESSAGE, REP, RUNG
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk

SUNDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONDAY_NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BIG = [desk.rep(name, room=100_000) for name in ("bo", "cy", "di")]


def test_handoffs_go_round_in_the_order_of_the_team(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 5)
    with ledger.begin() as session:
        tally = assign(session, known, now=NOW)
    assert tally.total("handoffs assigned") == 5
    with ledger.begin() as session:
        given = [row.rep for row in desk.rows(session, HANDOFF)]
        assert given == ["bo", "cy", "di", "bo", "cy"]
        assert {row.generation for row in desk.rows(session, HANDOFF)} == {1}
        turns = {row.rep: row.turn_at for row in desk.rows(session, REP)}
    assert turns["di"] < turns["bo"] < turns["cy"]


def test_the_round_goes_on_where_it_stopped(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules())
    for first in range(1, 8):
        desk.queue(ledger, 1, first=first)
        with ledger.begin() as session:
            assign(session, known, now=NOW)  # always the same instant: the order holds all the same
    with ledger.begin() as session:
        assert [row.rep for row in desk.rows(session, HANDOFF)] == [
            "bo", "cy", "di", "bo", "cy", "di", "bo",
        ]  # fmt: skip


def test_among_equals_counts_differ_by_at_most_one_whatever_the_others_do(ledger: Ledger) -> None:
    """di works mornings only, ed is soon full; bo and cy are equals."""
    team = [
        desk.rep("bo", room=500), desk.rep("cy", room=500),
        desk.rep("di", hours="09:00-11:00", room=500), desk.rep("ed", room=3),
    ]  # fmt: skip
    known = desk.set_up(ledger, desk.rules(team))
    first = 1
    for hour, count in enumerate((5, 1, 7, 2, 3, 1, 4)):
        desk.queue(ledger, count, first=first)
        first += count
        with ledger.begin() as session:
            assign(session, known, now=MONDAY_NINE + timedelta(hours=hour))
        with ledger.begin() as session:
            found = desk.held(session)
        assert abs(found["bo"] - found["cy"]) <= 1
    assert found["ed"] == 3
    assert found["di"] < found["bo"]
    assert sum(found.values()) == first - 1


def test_room_is_never_exceeded_and_the_rest_waits_with_its_reason(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules([desk.rep("bo", room=2), desk.rep("cy", room=1)]))
    desk.queue(ledger, 5)
    with ledger.begin() as session:
        tally = assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 2, "cy": 1, "": 2}
        waiting = desk.rows(session, CLOCK, rep="")
        assert tally.total("handoffs queued") == 2
        assert [row.kind for row in waiting] == ["accept", "accept"]
        assert {row.reason for row in waiting} == {
            "everybody of smb at work has as many open leads as they take"
        }
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() is None
        session.execute(
            update(HANDOFF).where(HANDOFF.c.id == 1).values(state="won", closed_at=NOW)
        )
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() == NOW
        assign(session, known, now=NOW + timedelta(minutes=1))
        assert desk.held(session) == {"bo": 3, "cy": 1, "": 1}


def test_out_of_hours_the_queue_has_a_clock_and_wakes_when_the_first_rep_comes(
    ledger: Ledger,
) -> None:
    team = [desk.rep("bo", hours="10:00-17:00"), desk.rep("cy", zone="Europe/London")]
    known = desk.set_up(ledger, desk.rules(team))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        assign(session, known, now=SUNDAY)
        clock = desk.rows(session, CLOCK)[0]
        assert (clock.kind, clock.generation, clock.rep) == ("accept", 0, "")
        assert clock.reason == "nobody of smb is at work before Mon 10:00"
        assert clock.due_at == MONDAY_NINE + timedelta(hours=4)  # the team's hours, from nine
        opens = session.execute(NEXT_ASSIGNMENT, {"now": SUNDAY}).scalar()
        assert opens == MONDAY_NINE + timedelta(hours=1)
        assert board.next_due(session, now=SUNDAY) == opens
        assert not desk.rows(session, MESSAGE)
        assert "remind" not in {row.action for row in desk.rows(session, RUNG)}
        before = desk.everything(session)
        assign(session, known, now=SUNDAY)
        assert desk.everything(session) == before
    with ledger.begin() as session:
        assign(session, known, now=opens)
        stopped, *new = desk.rows(session, CLOCK)
        assert stopped.stopped_at == opens
        assert [(c.kind, c.generation, c.rep) for c in new] == [
            ("accept", 1, "bo"), ("first_touch", 1, "bo"),
        ]  # fmt: skip
        assert new[0].due_at == opens + timedelta(hours=4)
        assert new[1].due_at == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)  # 7 h today, 1 from ten
        assert {row.state for row in desk.rows(session, RUNG, clock_id=stopped.id)} == {"void"}


def test_each_offer_has_one_notice_and_one_set_of_rungs(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 2)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        notices = desk.rows(session, MESSAGE)
        assert [(m.notice_key, m.recipient, m.template) for m in notices] == [
            ("offer:1:1", "bo@example.test", "offered"),
            ("offer:2:1", "cy@example.test", "offered"),
        ]  # fmt: skip
        clock = desk.rows(session, CLOCK, handoff_id=1, kind="accept")[0]
        assert clock.reason == "next in turn; 4 business hours to accept"
        rungs = desk.rows(session, RUNG, clock_id=clock.id)
        assert [(r.action, r.due_at - NOW) for r in rungs] == [
            ("remind", timedelta(hours=2)), ("tell", timedelta(hours=4)),
            ("give", timedelta(hours=6)), ("recycle:win-back", timedelta(hours=28)),
        ]  # fmt: skip
        assert rungs[3].path == "handoff/ladders/usual/4"


def test_a_tick_repeated_changes_nothing(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules([desk.rep("bo", room=2)]))
    desk.queue(ledger, 4)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        before = desk.everything(session)
        assign(session, known, now=NOW)
        assert desk.everything(session) == before


def test_an_inactive_rep_gets_nothing(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules())
    with ledger.begin() as session:
        session.execute(update(REP).where(REP.c.rep == "cy").values(active=False))
    desk.queue(ledger, 4)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 2, "di": 2}


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_take_as_many_statements_as_ten(ledger: Ledger, count: int) -> None:
    known = desk.set_up(ledger, desk.rules(BIG))
    desk.queue(ledger, 10)
    with counting(ledger) as few, ledger.begin() as session:
        assign(session, known, now=NOW)
    desk.queue(ledger, count, first=1000)
    with counting(ledger) as many, ledger.begin() as session:
        assign(session, known, now=NOW)
    assert desk.told(many) == desk.told(few)
    with ledger.begin() as session:
        found = desk.held(session)
        assert max(found.values()) - min(found.values()) <= 1
        assert sum(found.values()) == count + 10
        assert len(desk.rows(session, CLOCK, "id")) == 2 * (count + 10)
        assert len(desk.rows(session, RUNG, "id")) == 8 * (count + 10)


def test_processes_that_assign_at_once_give_one_result(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules(BIG))
    desk.queue(ledger, 300)

    def work(_: int) -> int:
        with ledger.begin() as session:
            return assign(session, known, now=NOW).total("handoffs assigned")

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 300
    with ledger.begin() as session:
        assert desk.held(session) == {"bo": 100, "cy": 100, "di": 100}
        assert len(desk.rows(session, MESSAGE, "id")) == 300
        assert len(desk.rows(session, CLOCK, "id")) == 600


def test_a_rep_in_two_teams_has_one_room(ledger: Ledger) -> None:
    said = desk.rules([desk.rep("bo", room=3)])
    both = desk.rules([desk.rep("bo", room=3)]).model_copy(
        update={"teams": {"smb": said.teams["smb"], "east": said.teams["smb"]}}
    )
    known = desk.set_up(ledger, both)
    desk.queue(ledger, 2)
    desk.queue(ledger, 4, team="east", first=10)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 3, "": 3}
        assert session.execute(select(REP.c.turn_at)).scalar() > NOW
