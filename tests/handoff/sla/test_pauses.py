"""Sales waits for the lead: clocks stand still and go on with what was left of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.answering import answers, outcomes
from handoff.answering.deciding import Answer
from handoff.desk import board
from handoff.escalation.ladder import release
from handoff.routing import roster
from handoff.sla.pauses import end_waits, heard_from_leads
from handoff.tables import CHANGE, CLOCK, HANDOFF, MESSAGE, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, InputRefused
from nurture.ledger.statements.batches import fill, filling
from tests.fixtures_ledger import NOW, kept, make_engagement
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import offered, tick
from tests.handoff.sla.test_clocks import DAY, HOUR, clock_of, four, running

LADDER = (
    {"at": "50%", "remind": "rep"},
    {"at": "100%", "tell": "manager"},
    {"after": "1 hour", "tell": "manager"},
)


def pausing(ledger: Ledger, known: Definitions, now: datetime, until: datetime) -> Answer:
    with ledger.begin() as session:
        return answers.pause(session, known, 1, until=until, by="bo", reason="on leave", now=now)


def rungs(ledger: Ledger, kind: str) -> list[tuple[str, datetime]]:
    with ledger.begin() as session:
        found = [r for r in board.rungs_of(session, 1) if r.kind == kind]
        return [(r.state, r.due_at) for r in sorted(found, key=lambda r: (r.rung, r.repetition))]


def end(ledger: Ledger, now: datetime) -> Any:
    with ledger.begin() as session:
        return end_waits(session, now=now)


def test_clocks_and_rungs_shift_by_what_was_left_of_them(ledger: Ledger) -> None:
    """Offered on Monday at 10:00 in Berlin; paused at 11:00 until Wednesday 16:00, found later."""
    known = offered(ledger, ladder=LADDER, accept="4 business hours", first_touch="30 hours")
    until = NOW + 2 * DAY + 6 * HOUR
    answer = pausing(ledger, known, NOW + HOUR, until)
    at = "Wed 4 Mar 2026 16:00 (Europe/Berlin)"
    assert answer.text == f"Bo waits for the lead until {at}: on leave"
    tick(ledger, known, NOW + DAY)
    assert {state for state, _ in rungs(ledger, "accept")} == {"held"}
    with ledger.begin() as session:
        (row,) = board.handoffs(session, now=NOW + DAY)
        assert [clock.state for clock in row.clocks] == ["waiting", "waiting"]
        assert board.next_due(session, now=NOW + DAY) == until
    assert not end(ledger, until - HOUR)
    assert end(ledger, until + 9 * HOUR).total("waits ended") == 1
    assert not end(ledger, until + 9 * HOUR)
    # Three of four hours of work are left: one on Wednesday, two on Thursday.
    thursday = NOW + 3 * DAY + HOUR
    assert running(ledger, NOW)["accept"][3] == thursday
    assert running(ledger, NOW)["first_touch"][3] == until + 29 * HOUR
    assert [at for _, at in rungs(ledger, "accept")] == [until + HOUR, thursday, thursday + HOUR]
    plain = until + 29 * HOUR
    assert [at for _, at in rungs(ledger, "first_touch")] == [
        plain - 15 * HOUR, plain, plain + HOUR,
    ]  # fmt: skip
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=thursday)
    clock = clock_of(ledger, "accept")
    assert (clock.took_open, clock.held_at, clock.remaining) == (4 * HOUR, None, None)


def test_a_late_clock_stays_late_and_its_ladder_waits(ledger: Ledger) -> None:
    known = offered(ledger, ladder=LADDER, accept="2 business hours", first_touch="60 hours")
    tick(ledger, known, NOW + 2 * HOUR)
    pausing(ledger, known, NOW + 2.5 * HOUR, NOW + 2 * DAY)
    with ledger.begin() as session:
        (row,) = board.handoffs(session, now=NOW + 4 * HOUR)
        assert [clock.state for clock in row.clocks] == ["late", "waiting"]
    end(ledger, NOW + 2 * DAY)
    assert running(ledger, NOW)["accept"][3] == NOW + 2 * HOUR
    assert rungs(ledger, "accept")[-1] == ("waiting", NOW + 2 * DAY + 0.5 * HOUR)


@pytest.mark.parametrize("way", ["touch", "resume", "give", "won", "reject", "engagement"])
def test_whatever_happens_ends_the_wait(ledger: Ledger, way: str) -> None:
    known = four(ledger)
    with ledger.begin() as session:
        answers.touch(session, known, 1, now=NOW)
    before = running(ledger, NOW)
    pausing(ledger, known, NOW + HOUR, NOW + 9 * DAY)
    now = NOW + HOUR + DAY
    with ledger.begin() as session:
        if way == "engagement":
            lead = session.get(t.Lead, 1)
            number = kept(session, t.Tick(now=now, owner="test")).id or 0
            for kind, expected in (("email_opened", 0), ("page_viewed", 1), ("page_viewed", 0)):
                event = make_engagement(session, lead, kind, occurred_at=now)
                kept(session, t.Touch(lead_id=1, engagement_id=event.id, tick_id=number))
                heard = heard_from_leads(session, number, now=now)
                assert heard.total("leads that are back") == expected
        else:
            verb = outcomes.outcome if way == "won" else getattr(answers, way)
            said: dict[str, Any] = {"reject": {"reason": "no budget"}, "give": {"to": "cy"},
                                    "won": {"result": "won"}}.get(way, {})  # fmt: skip
            verb(session, known, 1, now=now, **said)
        row = desk.rows(session, HANDOFF)[0]
        assert (row.held_at, row.held_until) == (None, None)
        assert {c.held_at for c in desk.rows(session, CLOCK)} == {None}
        assert "held" not in {r.state for r in desk.rows(session, RUNG)}
        whats = [c.reason for c in desk.rows(session, CHANGE, field="handoff 1")]
        assert len(whats) == 3, "touched, paused, and what ended it"
    after = running(ledger, NOW)
    if way in ("resume", "engagement"):
        assert after["close"][3] == before["close"][3] + DAY
    if way in ("won", "reject"):
        assert after == {}
        assert clock_of(ledger, "close").took_open is not None


def test_a_pause_is_refused_where_there_is_nothing_to_wait_for(ledger: Ledger) -> None:
    known = offered(ledger)
    for until in (NOW, NOW + 400 * DAY):
        with pytest.raises(InputRefused, match="an instant ahead, a year off at most"):
            pausing(ledger, known, NOW, until)
    with ledger.begin() as session, pytest.raises(Conflict, match="does not wait"):
        answers.resume(session, known, 1, now=NOW)
    pausing(ledger, known, NOW, NOW + DAY)
    pausing(ledger, known, NOW + HOUR, NOW + 2 * DAY)  # longer after all
    with ledger.begin() as session:
        assert desk.rows(session, HANDOFF)[0].held_until == NOW + 2 * DAY
        answers.touch(session, known, 1, now=NOW + 2 * HOUR)
    with pytest.raises(Conflict, match="nothing to pause"):
        pausing(ledger, known, NOW + 3 * HOUR, NOW + DAY)


def test_a_wait_does_not_undo_that_the_window_ran_out(ledger: Ledger) -> None:
    """Paused when late and before any tick saw it: the give waits too, and bo does not get back
    what he let lapse."""
    ladder = ({"at": "100%", "tell": "manager"}, {"after": "1 hour", "give": "next rep"})
    people = [desk.rep("bo"), desk.rep("cy", room=1)]
    known = desk.set_up(ledger, desk.rules(people, ladder=ladder))
    desk.queue(ledger, 2)
    tick(ledger, known, NOW)
    late = NOW + 6 * HOUR
    pausing(ledger, known, late, late + DAY)
    assert clock_of(ledger, "accept").lapsed_at == late
    tick(ledger, known, late)
    with ledger.begin() as session:
        assert desk.rows(session, HANDOFF)[0].generation == 1
    assert [state for state, _ in rungs(ledger, "accept")] == ["held", "held"]
    end(ledger, late + DAY)
    tick(ledger, known, late + DAY)
    with ledger.begin() as session:
        first = desk.rows(session, HANDOFF)[0]
        assert first.rep != "bo"


def test_who_gets_a_lead_next_does_not_wait_for_it(ledger: Ledger) -> None:
    known = offered(ledger)
    pausing(ledger, known, NOW + HOUR, NOW + 20 * DAY)
    with ledger.begin() as session:
        fill(session, filling(select(HANDOFF.c.id, HANDOFF.c.lead_id)))
        release(session, now=NOW + 2 * HOUR, reason="bo left")
        (row,) = desk.rows(session, HANDOFF)
        assert (row.rep, row.held_at, row.held_until) == ("", None, None)


def test_repetitions_that_were_missed_before_a_wait_collapse_into_one(ledger: Ledger) -> None:
    """Nothing ticked from the offer on, sales paused after three hours: they end at one instant."""
    ladder = ({"at": "25%", "remind": "rep", "repeat": "every 30 minutes, at most 3"},)
    known = offered(ledger, ladder=ladder, accept="4 business hours", first_touch="30 hours")
    pausing(ledger, known, NOW + 3 * HOUR, NOW + DAY)
    end(ledger, NOW + DAY)
    tick(ledger, known, NOW + DAY + HOUR / 10)
    assert [state for state, _ in rungs(ledger, "accept")] == ["collapsed"] * 3 + ["fired"]


def test_a_clock_that_went_on_into_the_queue_reminds_nobody(ledger: Ledger) -> None:
    policy = {"accept": "4 business hours", "first_touch": "8 business hours",
              "close": {"within": "10 hours", "ladder": "stale"}, "ladder": "usual"}  # fmt: skip
    ladders = {"usual": list(desk.LADDER), "stale": [{"at": "50%", "remind": "rep"}]}
    known = offered(ledger, smb=[desk.rep("bo")], sla={"standard": policy}, ladders=ladders)
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW)
        roster.pause(session, "bo", until=None, reason="ill", now=NOW)
        fill(session, filling(select(HANDOFF.c.id, HANDOFF.c.lead_id)))
        release(session, now=NOW + HOUR, reason="bo is ill")
    tick(ledger, known, NOW + 10 * HOUR)
    with ledger.begin() as session:
        (row,) = board.handoffs(session, now=NOW)
        assert row.rep == ""
        fired = [r.kind for r in board.rungs_of(session, 1) if r.state == "fired"]
        assert fired == ["close"]
        assert not desk.rows(session, MESSAGE, template="reminder")


def snoozing(ledger: Ledger, known: Definitions, now: datetime, length: timedelta) -> Answer:
    with ledger.begin() as session:
        return answers.snooze(session, known, 1, length=length, generation=1, now=now)


def test_a_lead_is_put_off_once_and_only_so_long(ledger: Ledger) -> None:
    known = offered(ledger, ladder=LADDER, accept="4 business hours", first_touch="30 hours")
    for length in (5 * HOUR, timedelta(0), -HOUR):
        with pytest.raises(InputRefused, match="for 4 hours at most"):
            snoozing(ledger, known, NOW + HOUR, length)
    answer = snoozing(ledger, known, NOW + HOUR, 2 * HOUR)
    assert answer.text == "put off by Bo until Mon 2 Mar 2026 13:00 (Europe/Berlin)"
    with pytest.raises(Conflict, match="put off once"):
        snoozing(ledger, known, NOW + HOUR, HOUR)
    assert end(ledger, NOW + 3 * HOUR).total("waits ended") == 1
    assert running(ledger, NOW)["accept"][3] == NOW + 6 * HOUR
    with pytest.raises(Conflict, match="put off once"):
        snoozing(ledger, known, NOW + 4 * HOUR, HOUR)


def test_whoever_gets_the_lead_next_may_put_it_off_again(ledger: Ledger) -> None:
    known = offered(ledger, ladder=LADDER, accept="4 business hours", first_touch="30 hours")
    snoozing(ledger, known, NOW, HOUR)
    with ledger.begin() as session:
        answers.give(session, known, 1, to="cy", now=NOW + HOUR)
        with pytest.raises(Conflict, match="is with Cy since"):
            answers.snooze(session, known, 1, length=HOUR, generation=1, now=NOW + HOUR)
        again = answers.snooze(session, known, 1, length=HOUR, generation=2, now=NOW + HOUR)
    assert again.text.startswith("put off by Cy")


def test_a_policy_may_say_never_and_a_closed_lead_is_not_put_off(ledger: Ledger) -> None:
    known = offered(ledger, ladder=LADDER)
    assert known.handoff is not None
    sla = known.handoff.sla["standard"].model_copy(update={"snooze": None})
    never = known.handoff.model_copy(update={"sla": {"standard": sla}})
    with pytest.raises(Conflict, match="snooze: never"):
        snoozing(ledger, replace(known, handoff=never), NOW, HOUR)
    with ledger.begin() as session:
        answers.reject(session, known, 1, reason="no budget", now=NOW)
    with pytest.raises(Conflict, match="was rejected by Bo"):
        snoozing(ledger, known, NOW, HOUR)


def test_of_two_who_put_it_off_at_once_one_does(ledger: Ledger) -> None:
    known = offered(ledger, ladder=LADDER)

    def put_off(_number: int) -> str:
        try:
            return snoozing(ledger, known, NOW, HOUR).state
        except Conflict as conflict:
            return str(conflict)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(put_off, range(8)))
    assert said.count("offered") == 1
    with ledger.begin() as session:
        noted = [row for row in desk.rows(session, CHANGE) if row.reason.startswith("put off")]
    assert len(noted) == 1
