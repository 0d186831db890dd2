"""Who takes leads: days away, pauses, leads of the day; and what a queue wakes by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from handoff.answering import answers
from handoff.routing.assignment import assign
from handoff.routing.people import sync_people
from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.routing.roster import pause, resume, roster
from handoff.tables import CLOCK, HANDOFF, MEMBER, REP
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, InputRefused
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_days_away_are_free_of_new_leads_and_their_clocks_go_on(ledger: Ledger) -> None:
    away = ["2026-03-03..2026-03-04", "2026-03-06"]
    known = desk.set_up(ledger, desk.rules([desk.rep("bo", away=away)]))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        assign(session, known, now=MONDAY + 7 * HOUR)
        clock = desk.rows(session, CLOCK, kind="accept")[0]
        assert clock.due_at == MONDAY + timedelta(days=1) + 3 * HOUR  # no pause: it is given on
    desk.queue(ledger, 1, first=2)
    with ledger.begin() as session:
        tuesday = MONDAY + timedelta(days=1)
        assign(session, known, now=tuesday)
        waits = desk.rows(session, CLOCK, rep="")[0]
        assert waits.reason == "nobody of smb is at work before Thu 09:00"
        thursday = MONDAY + timedelta(days=3)
        assert session.execute(NEXT_ASSIGNMENT, {"now": tuesday}).scalar() == thursday
        assert [row.said(now=tuesday) for row in roster(session, now=tuesday)] == [
            "away until Thu 09:00"
        ]
        assign(session, known, now=thursday)
        assert desk.held(session) == {"bo": 2}


def test_leads_of_a_day_are_counted_in_the_reps_own_days(ledger: Ledger) -> None:
    """Tokyo's Tuesday begins at 15:00 UTC on Monday."""
    team = [desk.rep("bo", per_day=2, zone="Asia/Tokyo", hours="00:00-24:00", days="mon-sun")]
    known = desk.set_up(ledger, desk.rules(team))
    desk.queue(ledger, 5)
    with ledger.begin() as session:
        assign(session, known, now=MONDAY)
        assert desk.held(session) == {"bo": 2, "": 3}
        why = {row.reason for row in desk.rows(session, CLOCK, rep="")}
        assert why == {"everybody of smb at work had as many leads today as they take"}
        midnight = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() == midnight
        assert roster(session, now=MONDAY)[0].said(now=MONDAY) == "had 2 of 2 today"
        assign(session, known, now=midnight - timedelta(seconds=1))
        assert desk.held(session)["bo"] == 2
        assign(session, known, now=midnight)
        assert desk.held(session) == {"bo": 4, "": 1}


def test_a_pause_holds_until_its_end_and_no_apply_undoes_it(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules([desk.rep("bo"), desk.rep("cy")]))
    desk.queue(ledger, 3)
    with ledger.begin() as session:
        until = MONDAY + 2 * HOUR
        assert pause(session, "bo", until=until, reason="ill", now=MONDAY)
        assert not pause(session, "bo", until=until, reason="ill", now=MONDAY)
        sync_people(session, known)
        assign(session, known, now=MONDAY)
        assert desk.held(session) == {"cy": 3}
        assert roster(session, now=MONDAY, rep="bo")[0].said(now=MONDAY) == (
            "paused until Mon 11:00 (ill)"
        )
    desk.queue(ledger, 1, first=9)
    with ledger.begin() as session:
        pause(session, "cy", until=None, reason="", now=MONDAY)
        assign(session, known, now=MONDAY)
        waits = desk.rows(session, CLOCK, rep="")[0]
        assert waits.reason == "everybody of smb is paused before Mon 11:00"
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() == until
        assign(session, known, now=until)
        assert desk.held(session) == {"cy": 3, "bo": 1}
        assert resume(session, "cy", now=until)
        assert not resume(session, "cy", now=until)
        with pytest.raises(InputRefused, match="is over"):
            pause(session, "cy", until=until, reason="", now=until)
        with pytest.raises(InputRefused, match="'bob' is not a rep"):
            pause(session, "bob", until=None, reason="", now=until)


def test_everybody_paused_for_good_is_said_and_wakes_nobody(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules([desk.rep("bo")]))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        pause(session, "bo", until=None, reason="", now=NOW)
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() == NOW  # no clock yet
        assign(session, known, now=NOW)
        assert desk.rows(session, CLOCK)[0].reason == "everybody of smb is paused"
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() is None


def test_a_lead_of_a_named_rep_who_takes_no_turns_wakes_when_the_rep_is_back(
    ledger: Ledger,
) -> None:
    reps = [desk.rep("bo", weight=0, skills=["a"]), desk.rep("cy")]
    known = desk.set_up(ledger, desk.rules(reps))
    desk.queue(ledger, 2)
    back = MONDAY + 3 * HOUR
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(skills="a"))
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 1).values(named="bo"))
        pause(session, "bo", until=back, reason="ill", now=MONDAY)
        assign(session, known, now=MONDAY)
        assert desk.held(session) == {"": 2}
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() == back
        assign(session, known, now=back)
        assert desk.held(session) == {"bo": 1, "": 1}
        assert session.execute(NEXT_ASSIGNMENT, {"now": back}).scalar() is None


def test_a_rep_in_two_teams_has_one_day_and_turns_of_weight_in_each(ledger: Ledger) -> None:
    team = desk.rules([desk.rep("bo", per_day=3), desk.rep("cy", weight=0)]).teams["smb"]
    both = desk.rules().model_copy(update={"teams": {"smb": team, "east": team}})
    known = desk.set_up(ledger, both)
    desk.queue(ledger, 2)
    desk.queue(ledger, 4, team="east", first=10)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 3, "": 3}


@pytest.mark.parametrize("way", ["weighted", "least_loaded"])
def test_processes_that_assign_at_once_keep_the_shares(ledger: Ledger, way: str) -> None:
    reps = [desk.rep("bo", weight=2, room=500), desk.rep("cy", room=500)]
    smb = desk.rules(reps).teams["smb"].model_copy(update={"assign": way})
    known = desk.set_up(ledger, desk.rules(reps).model_copy(update={"teams": {"smb": smb}}))

    def work(_: int) -> int:
        with ledger.begin() as session:
            return assign(session, known, now=NOW).total("handoffs assigned")

    for first in (1, 101):
        desk.queue(ledger, 75, first=first)
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(work, range(4))) == 75
    with ledger.begin() as session:
        found = desk.held(session)
        assert found == ({"bo": 100, "cy": 50} if way == "weighted" else {"bo": 75, "cy": 75})
        passed = {row.passed for row in desk.rows(session, MEMBER)}
        assert passed == ({50_000_000_000} if way == "weighted" else {0})


def test_a_full_day_counts_what_was_given_not_what_is_open(ledger: Ledger) -> None:
    known = desk.set_up(ledger, desk.rules([desk.rep("bo", per_day=2)]))
    desk.queue(ledger, 3)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        session.execute(update(HANDOFF).where(HANDOFF.c.rep == "bo").values(state="won"))
        assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 2, "": 1}
        row = roster(session, now=NOW)[0]
        assert (row.state, row.open, row.today) == ("full", 0, 2)
        assert desk.rows(session, REP)[0].taken == 2


def test_a_lead_given_or_taken_out_of_turn_counts_for_the_day(ledger: Ledger) -> None:
    """Nobody keeps a manager from giving more; but no more come by turn then."""
    known = desk.set_up(ledger, desk.rules([desk.rep("bo", per_day=2), desk.rep("cy", weight=0)]))
    desk.queue(ledger, 4)
    with ledger.begin() as session:
        answers.give(session, known, 1, to="bo", now=NOW)
        answers.accept(session, known, 2, by="bo", now=NOW)
        assign(session, known, now=NOW)
        assert desk.held(session) == {"bo": 2, "": 2}
        assert roster(session, now=NOW)[0].said(now=NOW) == "had 2 of 2 today"
        answers.give(session, known, 1, to="cy", now=NOW)
        answers.give(session, known, 3, to="bo", now=NOW)
        assert [row.taken for row in desk.rows(session, REP)] == [3, 1]
        with pytest.raises(Conflict):
            answers.accept(session, known, 3, by="bo", generation=99, now=NOW)
        assert [row.taken for row in desk.rows(session, REP)] == [3, 1]


def test_who_cannot_have_it_does_not_wake_the_queue(ledger: Ledger) -> None:
    """bo let it lapse, cy lacks the skill, di comes at two: it is di's, at two, and not before."""
    reps = [desk.rep("bo", skills=["a"]), desk.rep("cy"),
            desk.rep("di", skills=["a", "b_c"], hours="14:00-17:00")]  # fmt: skip
    known = desk.set_up(ledger, desk.rules(reps))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(skills="a"))
        assign(session, known, now=MONDAY)
        assert desk.held(session) == {"bo": 1}
        session.execute(update(CLOCK).values(lapsed_at=MONDAY, stopped_at=MONDAY))
        session.execute(update(HANDOFF).values(rep="", generation=2))
        assign(session, known, now=MONDAY)
        assert desk.held(session) == {"": 1}
        two = MONDAY + 5 * HOUR
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() == two
        session.execute(update(HANDOFF).values(skills="a,b_c"))
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() == two
        session.execute(update(HANDOFF).values(skills="a,bxc"))
        assert session.execute(NEXT_ASSIGNMENT, {"now": MONDAY}).scalar() is None
        session.execute(update(HANDOFF).values(skills="b_c"))
        assign(session, known, now=two)
        assert desk.held(session) == {"di": 1}
