"""Ladders: each rung once, in time, never after the clock was met; outages collapse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from handoff.answering import answers, outcomes
from handoff.desk import board
from handoff.escalation.ladder import climb
from handoff.routing.assignment import assign
from handoff.sla.clocks import run_clocks
from handoff.tables import CHANGE, CLOCK, HANDOFF, LEAD, MESSAGE, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict
from nurture.ledger.tally import Tally
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk

HOUR = timedelta(hours=1)


def tick(ledger: Ledger, known: Definitions, now: datetime) -> Tally:
    """The sales passes of one tick."""
    with ledger.begin() as session:
        tally = run_clocks(session, known, now=now)
    with ledger.begin() as session:
        tally += climb(session, known, now=now)
    with ledger.begin() as session:
        return tally + assign(session, known, now=now)


def offered(ledger: Ledger, count: int = 1, **values: object) -> Definitions:
    """A desk at NOW with handoffs just given."""
    known = desk.set_up(ledger, desk.rules(**values))  # type: ignore[arg-type]
    desk.queue(ledger, count)
    tick(ledger, known, NOW)
    return known


def fired(ledger: Ledger) -> list[tuple[str, str, int, str]]:
    with ledger.begin() as session:
        found = board.rungs_of(session, 1)
        return [(r.kind, r.action, r.generation, r.state) for r in found if r.state == "fired"]


def test_a_ladder_is_climbed_rung_by_rung_to_the_end(ledger: Ledger) -> None:
    """Whoever wakes at each next due instant fires every rung at its own instant."""
    known = offered(ledger, first_touch="100 business hours")
    now, seen = NOW, []
    for _ in range(60):
        with ledger.begin() as session:
            following = board.next_due(session, now=now)
        if following is None:
            break
        assert following > now, "the scheduler would spin"
        now = following
        seen.append(now)
        tick(ledger, known, now)
    with ledger.begin() as session:
        rungs = [r for r in desk.rows(session, RUNG) if r.state == "fired"]
        assert all(r.fired_at == r.due_at for r in rungs)
        assert not [r for r in desk.rows(session, RUNG) if r.state in ("waiting", "collapsed")]
        handoff = desk.rows(session, HANDOFF)[0]
        assert (handoff.state, handoff.closed_at) == ("lapsed", seen[-1])
        assert handoff.outcome == "nobody in sales acted in time: back to nurture"
        assert desk.rows(session, LEAD)[0].lifecycle == "recycled"
    # bo, cy and di each let it lapse; with nobody left it stays with di until it is recycled.
    each = ["remind", "tell", "give"]
    assert [action for _, action, _, _ in fired(ledger)] == [*each * 3, "recycle:win-back"]


def test_the_next_rep_is_never_one_who_let_it_lapse(ledger: Ledger) -> None:
    known = offered(ledger)
    holders = []
    for hours in range(0, 80, 1):
        tick(ledger, known, NOW + hours * HOUR)
        with ledger.begin() as session:
            row = desk.rows(session, HANDOFF)[0]
        if row.rep and (not holders or holders[-1] != row.rep):
            holders.append(row.rep)
    assert holders == ["bo", "cy", "di"]


def test_giving_restarts_the_clocks_and_tells_who_had_it(ledger: Ledger) -> None:
    known = offered(ledger)
    tick(ledger, known, NOW + 4 * HOUR)
    tick(ledger, known, NOW + 6 * HOUR)
    with ledger.begin() as session:
        row = desk.rows(session, HANDOFF)[0]
        assert (row.rep, row.state, row.offered_at) == ("cy", "offered", NOW + 6 * HOUR)
        old = desk.rows(session, CLOCK, generation=1)
        assert {clock.stopped_at for clock in old} == {NOW + 6 * HOUR}
        new = desk.rows(session, CLOCK, generation=row.generation)
        assert [(c.kind, c.rep) for c in new] == [("accept", "cy"), ("first_touch", "cy")]
        keys = [m.template for m in desk.rows(session, MESSAGE) if m.recipient == "bo@example.test"]
        assert keys == ["offered", "reminder"]
        assert [m.recipient for m in desk.rows(session, MESSAGE, template="manager-late")] == [
            "mia@example.test"
        ]
        offer = desk.rows(session, MESSAGE, template="given")[-1]
        assert (offer.recipient, offer.notice_key) == (
            "cy@example.test", f"offer:1:{row.generation}",
        )  # fmt: skip


def test_several_handoffs_are_given_on_each_to_somebody_else(ledger: Ledger) -> None:
    known = offered(ledger, 6)
    tick(ledger, known, NOW + 4 * HOUR)
    tick(ledger, known, NOW + 6 * HOUR)
    with ledger.begin() as session:
        now_with = [row.rep for row in desk.rows(session, HANDOFF)]
        assert all(new != old for new, old in zip(now_with, ["bo", "cy", "di"] * 2, strict=True))
        assert desk.held(session) == {"bo": 2, "cy": 2, "di": 2}


def test_three_days_of_outage_fire_only_the_last_rung_of_a_clock(ledger: Ledger) -> None:
    known = offered(ledger, first_touch="100 business hours")
    tally = tick(ledger, known, NOW + timedelta(days=3))
    with ledger.begin() as session:
        accept = desk.rows(session, CLOCK, kind="accept")[0]
        states = [(r.action, r.state) for r in desk.rows(session, RUNG, clock_id=accept.id)]
        assert states == [
            ("remind", "collapsed"), ("tell", "collapsed"), ("give", "collapsed"),
            ("recycle:win-back", "fired"),
        ]  # fmt: skip
        assert all(r.reason for r in desk.rows(session, RUNG, clock_id=accept.id))
        assert desk.rows(session, HANDOFF)[0].state == "lapsed"
    assert tally.total("rungs collapsed") == 3
    assert tally.total("rungs recycle:win-back") == 0
    assert tally.total("rungs recycle") == 1


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=-1)])
def test_no_rung_fires_before_its_instant(ledger: Ledger, late: timedelta) -> None:
    known = offered(ledger)
    tally = tick(ledger, known, NOW + 2 * HOUR + late)
    assert tally.total("rungs remind") == (1 if not late else 0)


def test_turns_are_held_before_any_rung_is(ledger: Ledger) -> None:
    """Else whoever has them, and waits for a rung, would wait for each other's."""
    known = offered(ledger)
    with counting(ledger) as sent, ledger.begin() as session:
        tally = climb(session, known, now=NOW + 6 * HOUR)
    assert tally.total("rungs collapsed")
    assert tally.total("rungs give")
    turns, rungs = (
        next(number for number, each in enumerate(sent) if each.startswith(begins))
        for begins in ("SELECT rep.turn_at", "UPDATE rung")
    )
    assert turns < rungs
    assert all("FOR UPDATE" not in each for each in sent[:turns])


def test_a_tick_repeated_changes_nothing(ledger: Ledger) -> None:
    known = offered(ledger, 3)
    for hours in (2, 4, 6, 29):
        tick(ledger, known, NOW + hours * HOUR)
        with ledger.begin() as session:
            before = desk.everything(session)
        tick(ledger, known, NOW + hours * HOUR)
        tick(ledger, known, NOW + hours * HOUR - 3 * HOUR)  # and a clock set back
        with ledger.begin() as session:
            assert desk.everything(session) == before


def test_a_met_clock_never_climbs(ledger: Ledger) -> None:
    known = offered(ledger)
    with ledger.begin() as session:
        answers.touch(session, known, 1, how="called", now=NOW + HOUR)
    tick(ledger, known, NOW + timedelta(days=20))
    assert fired(ledger) == []
    with ledger.begin() as session:
        assert {c.lapsed_at for c in desk.rows(session, CLOCK)} == {None}
        assert {r.state for r in desk.rows(session, RUNG)} == {"void"}


def test_accepting_stops_one_ladder_and_not_the_other(ledger: Ledger) -> None:
    known = offered(ledger)
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW + HOUR)
    for hours in (2, 4, 6, 8, 20, 30):
        tick(ledger, known, NOW + hours * HOUR)
    assert {kind for kind, _, generation, _ in fired(ledger) if generation == 1} == {"first_touch"}


def test_a_queue_nobody_takes_from_is_told_of_and_recycled(ledger: Ledger) -> None:
    known = offered(ledger, 1, smb=[desk.rep("bo", days="sat", hours="09:00-10:00")])
    for hours in (0, 2, 4, 6, 28):
        tick(ledger, known, NOW + hours * HOUR)
    assert [action for _, action, _, _ in fired(ledger)] == ["tell", "give", "recycle:win-back"]
    with ledger.begin() as session:
        assert {m.recipient for m in desk.rows(session, MESSAGE)} == {"mia@example.test"}
        assert desk.rows(session, HANDOFF)[0].state == "lapsed"


def test_a_hundred_climb_in_as_many_statements_as_one(ledger: Ledger) -> None:
    known = offered(ledger, 1, smb=[desk.rep("bo", room=9999), desk.rep("cy", room=9999)])
    with counting(ledger) as few:
        for hours in (2, 4, 6):
            tick(ledger, known, NOW + hours * HOUR)
    with ledger.begin() as session:
        outcomes.outcome(session, known, 1, result="won", now=NOW + 6 * HOUR)
    desk.queue(ledger, 200, first=100)
    later = NOW + timedelta(days=1)
    tick(ledger, known, later)
    with ledger.begin() as session:  # all with one rep, as the first was: one group
        session.execute(HANDOFF.update().where(HANDOFF.c.id > 1).values(rep="bo"))
        session.execute(CLOCK.update().where(CLOCK.c.handoff_id > 1).values(rep="bo"))
    with counting(ledger) as many:
        for hours in (2, 4, 6):
            tick(ledger, known, later + hours * HOUR)
    assert len(many) == len(few)
    with ledger.begin() as session:
        assert desk.held(session)["cy"] == 201


def test_recycling_is_in_the_leads_own_history(ledger: Ledger) -> None:
    known = offered(ledger)
    tick(ledger, known, NOW + timedelta(days=5))
    with ledger.begin() as session:
        told = [(c.field, c.old, c.new) for c in desk.rows(session, CHANGE)]
        assert told == [("handoff 1", "offered", "lapsed"), ("lifecycle", "mql", "recycled")]
        assert {c.path for c in desk.rows(session, CHANGE)} == {"handoff/routing/1"}


def test_summer_time_moves_a_rung_with_the_wall_clock(ledger: Ledger) -> None:
    """Offered on the Friday before the clocks change in Berlin (2026-03-29): Monday is UTC+2."""
    known = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 1)
    friday = datetime(2026, 3, 27, 14, 0, tzinfo=UTC)  # 15:00, two hours before closing
    with ledger.begin() as session:
        assign(session, known, now=friday)
        clock = desk.rows(session, CLOCK, kind="accept")[0]
        assert clock.due_at == datetime(2026, 3, 30, 9, 0, tzinfo=UTC)  # 11:00 in summer time
        remind = desk.rows(session, RUNG, clock_id=clock.id, rung=1)[0]
        assert remind.due_at == datetime(2026, 3, 27, 16, 0, tzinfo=UTC)  # exactly at closing


def test_processes_that_climb_at_once_fire_each_rung_once(ledger: Ledger) -> None:
    """Some climb while others answer: every rung once, every handoff with one holder."""
    team = [desk.rep(name, room=999) for name in ("bo", "cy", "di")]
    known = offered(ledger, 60, smb=team)
    tick(ledger, known, NOW + 4 * HOUR)
    now = NOW + 6 * HOUR

    def work(number: int) -> str:
        if number < 4:
            tick(ledger, known, now)
            return "climbed"
        try:
            with ledger.begin() as session:
                done = answers.accept(session, known, number, generation=1, now=now).done
            return "accepted" if done else "too late"
        except Conflict:
            return "too late"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(work, [20, 21, 0, 22, 1, 23, 2, 24, 3, *range(25, 40)]))
    tick(ledger, known, now)
    with ledger.begin() as session:
        rows = desk.rows(session, HANDOFF)
        accepted = {row.id for row in rows if row.state == "accepted"}
        assert len(accepted) == said.count("accepted")
        assert len(accepted) + said.count("too late") == 20
        for row in rows:
            assert row.generation == (1 if row.id in accepted else 3), row
        first = {c.id: c for c in desk.rows(session, CLOCK, generation=1, kind="accept")}
        gives = [r for r in desk.rows(session, RUNG, action="give") if r.clock_id in first]
        for rung in gives:
            met = first[rung.clock_id].handoff_id in accepted
            assert rung.state == ("void" if met else "fired")
        keys = [m.notice_key for m in desk.rows(session, MESSAGE, template="given")]
        assert len(keys) == len(set(keys)) == 60 - len(accepted)
        running = [c for c in desk.rows(session, CLOCK, kind="accept") if c.stopped_at is None]
        assert len([c for c in running if c.met_at is None]) == 60 - len(accepted)
