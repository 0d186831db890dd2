"""Clocks of every kind: what starts them, what meets them, whose hours count, who restarts them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flows.due import waiting_flows
from handoff.answering import answers, outcomes
from handoff.answering.touches import KIND, met_by_engagements
from handoff.desk import board
from handoff.tables import CLOCK, HANDOFF, MESSAGE, REP, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.timeline import timeline
from tests.fixtures_ledger import NOW, kept, make_engagement
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import offered, tick

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FOUR: dict[str, Any] = {
    "accept": "2 business hours", "first_touch": "4 business hours",
    "next_step": {"within": "8 business hours", "ladder": "slow"},
    "close": {"within": "30 days", "hours": "team", "ladder": "slow"},
    "ladder": "usual",
}  # fmt: skip
SLOW = ({"at": "100%", "tell": "manager"}, {"after": "1 day", "recycle": "win-back"})


def four(ledger: Ledger, count: int = 1, **values: Any) -> Definitions:
    """A desk whose policy has every clock, with handoffs just given."""
    ladders = {"usual": [dict(rung) for rung in desk.LADDER], "slow": list(SLOW)}
    policy = FOUR | values
    return offered(ledger, count, sla={"standard": policy}, ladders=ladders)


def running(ledger: Ledger, now: datetime) -> dict[str, tuple[int, int, str, datetime]]:
    """By kind: generation, round, rep and deadline of the clocks that run."""
    with ledger.begin() as session:
        return {
            clock.kind: (clock.generation, clock.round, clock.rep, clock.due_at)
            for clock in board.clocks_of(session, [1], now=now)[1]
            if clock.running
        }


def clock_of(ledger: Ledger, kind: str, round_: int = 1) -> Any:
    with ledger.begin() as session:
        return desk.rows(session, CLOCK, kind=kind, round=round_, handoff_id=1)[-1]


def test_every_clock_starts_and_ends_with_what_it_is_about(ledger: Ledger) -> None:
    known = four(ledger)
    assert running(ledger, NOW).keys() == {"accept", "first_touch"}
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW + HOUR)
    assert running(ledger, NOW) == {
        "first_touch": (1, 1, "bo", NOW + 4 * HOUR),
        "close": (1, 1, "bo", NOW + HOUR + 30 * DAY),
    }
    with ledger.begin() as session:
        answers.touch(session, known, 1, how="called", now=NOW + 2 * HOUR)
    # Monday 12:00 in Berlin, five hours before closing: three are left for Tuesday.
    assert running(ledger, NOW)["next_step"] == (1, 1, "bo", NOW + DAY + 2 * HOUR)
    with ledger.begin() as session:
        again = answers.touch(session, known, 1, how="mailed", now=NOW + DAY + 3 * HOUR)
    assert again.text == "touched by Bo (mailed), 1 hour late"
    assert clock_of(ledger, "next_step").met_at == NOW + DAY + 3 * HOUR
    assert running(ledger, NOW)["next_step"] == (1, 2, "bo", NOW + 2 * DAY + 3 * HOUR)
    with ledger.begin() as session:
        row = desk.rows(session, HANDOFF)[0]
        assert (row.touched_at, row.last_touch_at) == (NOW + 2 * HOUR, NOW + DAY + 3 * HOUR)
        outcomes.outcome(session, known, 1, result="won", now=NOW + 2 * DAY)
    assert running(ledger, NOW) == {}
    assert clock_of(ledger, "close").met_at == NOW + 2 * DAY


def test_an_ended_clock_says_how_long_it_took_in_all_and_in_open_time(ledger: Ledger) -> None:
    known = four(ledger)
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW + DAY + HOUR)
    clock = clock_of(ledger, "accept")
    assert (clock.allowed, clock.took, clock.took_open) == (2 * HOUR, DAY + HOUR, 9 * HOUR)
    with ledger.begin() as session:
        (row,) = board.handoffs(session, now=NOW + DAY + 2 * HOUR)
        late = {each.kind: (each.state, each.late, each.late_open) for each in row.clocks}
    assert late["accept"] == ("met late", 23 * HOUR, 7 * HOUR)
    assert late["first_touch"] == ("late", 22 * HOUR, None)


def test_sending_a_lead_back_is_an_end_of_close_and_a_next_step(ledger: Ledger) -> None:
    known = four(ledger)
    with ledger.begin() as session:
        answers.touch(session, known, 1, now=NOW + HOUR)
        answers.reject(session, known, 1, reason="no budget", now=NOW + 2 * HOUR)
    with ledger.begin() as session:
        ended = {c.kind: c.met_at for c in desk.rows(session, CLOCK)}
    assert {ended["next_step"], ended["close"]} == {NOW + 2 * HOUR}
    tick(ledger, known, NOW + 60 * DAY)
    with ledger.begin() as session:
        assert {rung.state for rung in desk.rows(session, RUNG)} == {"void"}


def test_a_touch_reported_from_elsewhere_starts_the_next_step_anew(ledger: Ledger) -> None:
    known = four(ledger)
    with ledger.begin() as session:
        answers.touch(session, known, 1, now=NOW + HOUR)
        reported = NOW + 5 * HOUR
        lead = session.get(t.Lead, 1)
        number = kept(session, t.Tick(now=reported, owner="test")).id
        for hours in (2, 3):
            event = make_engagement(session, lead, KIND, occurred_at=NOW + hours * HOUR)
            kept(session, t.Touch(lead_id=1, engagement_id=event.id, tick_id=number))
    for expected in (1, 0):
        with ledger.begin() as session:
            tally = met_by_engagements(session, known, number or 0, now=reported)
        assert tally.total("handoffs touched") == expected
    assert clock_of(ledger, "next_step").met_at == NOW + 3 * HOUR
    assert running(ledger, NOW)["next_step"] == (1, 2, "bo", NOW + DAY + 3 * HOUR)


def test_another_rep_begins_anew_what_the_policy_names_and_the_rest_goes_on(
    ledger: Ledger,
) -> None:
    known = four(ledger, restart=["accept", "first_touch"])
    with ledger.begin() as session:
        answers.touch(session, known, 1, now=NOW + HOUR)
    before = running(ledger, NOW)
    with ledger.begin() as session:
        answers.give(session, known, 1, to="cy", now=NOW + 2 * HOUR)
    after = running(ledger, NOW)
    assert after.keys() == {"accept", "first_touch", "next_step", "close"}
    for kind in ("next_step", "close"):
        assert after[kind] == (2, 1, "cy", before[kind][3])
    with ledger.begin() as session:
        lines = timeline(session, 1)
    begun = [line.text.split(" runs")[0] for line in lines if line.at == NOW + HOUR]
    assert {each for each in begun if "clock of" in each and " met " not in each} == {
        "next step clock of bo", "close clock of bo",
    }  # fmt: skip
    assert [(line.at, line.text) for line in lines if line.what == "handoff"] == [
        (NOW, "offered to smb"),
        (NOW + HOUR, "sales was in touch"),
        (NOW + 2 * HOUR, "offered to cy of smb"),
    ]
    with ledger.begin() as session:  # and the first touch of cy is the next step of the lead
        answers.touch(session, known, 1, now=NOW + 3 * HOUR)
    assert running(ledger, NOW)["next_step"] == (2, 2, "cy", NOW + DAY + 3 * HOUR)


def test_a_clock_that_went_on_and_ran_out_is_its_new_reps(ledger: Ledger) -> None:
    ladder = [{"at": "100%", "give": "next rep"}]
    ladders = {"usual": [{"at": "100%", "tell": "manager"}], "slow": ladder}
    close = FOUR["close"] | {"within": "3 hours"}
    known = offered(ledger, sla={"standard": FOUR | {"close": close}}, ladders=ladders)
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW)
        answers.give(session, known, 1, to="cy", now=NOW + HOUR)
        answers.accept(session, known, 1, now=NOW + HOUR)
    assert running(ledger, NOW)["close"] == (2, 1, "cy", NOW + 3 * HOUR)
    tick(ledger, known, NOW + 3 * HOUR)
    with ledger.begin() as session:
        assert desk.rows(session, HANDOFF)[0].rep in ("bo", "di")
        late = [clock for clock in desk.rows(session, CLOCK) if clock.lapsed_at is not None]
        assert [(clock.kind, clock.rep) for clock in late] == [("close", "cy")]


def test_the_teams_hours_count_where_the_policy_says_so(ledger: Ledger) -> None:
    owen = desk.rep("bo", hours="13:00-17:00")
    accept = {"within": "2 business hours", "hours": "team"}
    known = offered(ledger, smb=[owen], sla={"standard": FOUR | {"accept": accept}},
                    ladders={"usual": [], "slow": []})  # fmt: skip
    tick(ledger, known, NOW + 3 * HOUR)  # 13:00 in Berlin
    assert running(ledger, NOW)["accept"][2:] == ("bo", NOW + 5 * HOUR)
    assert running(ledger, NOW)["first_touch"][2:] == ("bo", NOW + 7 * HOUR)


def test_a_rung_is_repeated_so_often_while_its_clock_runs(ledger: Ledger) -> None:
    ladder = ({"at": "50%", "remind": "rep", "repeat": "every 1 business hour, at most 3"},)
    known = offered(ledger, ladder=ladder, first_touch="30 days")
    fired = []
    for hours in range(1, 9):
        tick(ledger, known, NOW + hours * HOUR)
        with ledger.begin() as session:
            rungs = desk.rows(session, RUNG, state="fired")
        fired.append(sorted((r.rung, r.repetition) for r in rungs))
    assert fired[1] == [(1, 1)]
    assert fired[3] == [(1, 1), (1, 2), (1, 3)]
    assert fired[-1] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    with ledger.begin() as session:
        assert len(desk.rows(session, MESSAGE, template="reminder")) == 4


def test_an_outage_leaves_the_last_of_the_repetitions(ledger: Ledger) -> None:
    ladder = ({"at": "100%", "tell": "manager", "repeat": "every 2 hours, at most 5"},)
    known = offered(ledger, ladder=ladder, first_touch="30 days")
    tick(ledger, known, NOW + 3 * DAY)
    with ledger.begin() as session:
        accept = clock_of(ledger, "accept")
        states = [rung.state for rung in desk.rows(session, RUNG, clock_id=accept.id)]
    assert states == [*["collapsed"] * 5, "fired"]


def test_a_rung_that_names_a_channel_leaves_its_notice_to_it(ledger: Ledger) -> None:
    known = offered(ledger, ladder=({"at": "50%", "tell": "sales-chat"},), first_touch="30 days")
    tick(ledger, known, NOW + 2 * HOUR)
    with ledger.begin() as session:
        (rung,) = desk.rows(session, RUNG, state="fired")
        assert rung.action == "tell:sales-chat"
        (notice,) = desk.rows(session, MESSAGE, template="manager-late")
        assert notice.recipient == "mia@example.test", "mail, should the channel be down"


def test_who_lets_several_deadlines_in_a_row_run_out_takes_no_more_leads(ledger: Ledger) -> None:
    ladder = (
        {"at": "100%", "unavailable": {"after": "2 lapses"}},
        {"after": "1 business hour", "give": "next rep"},
    )
    known = offered(ledger, 3, ladder=ladder, first_touch="30 days")
    with ledger.begin() as session:  # of the three only bo and cy are late, bo twice
        session.execute(HANDOFF.update().where(HANDOFF.c.id == 3).values(rep="bo"))
        session.execute(CLOCK.update().where(CLOCK.c.handoff_id == 3).values(rep="bo"))
    for _ in range(2):
        tick(ledger, known, NOW + 4 * HOUR)
    with ledger.begin() as session:
        reps = {row.rep: row.pause_reason for row in session.execute(REP.select())}
        assert reps == {"bo": "let 2 deadlines in a row run out", "cy": "", "di": ""}
        said = [rung.reason for rung in desk.rows(session, RUNG, state="fired")]
        assert said == [
            "its rep takes no more leads: 2 deadlines in a row ran out",
            "its rep takes leads still: fewer than 2 deadlines in a row ran out",
            "its rep takes no more leads: 2 deadlines in a row ran out",
        ]
        answers.accept(session, known, 2, now=NOW + 4.5 * HOUR)
    tick(ledger, known, NOW + 5 * HOUR)
    with ledger.begin() as session:
        assert "bo" not in desk.held(session)


def test_without_a_handoff_yaml_no_clock_is_due(ledger: Ledger) -> None:
    known = offered(ledger)
    with ledger.begin() as session:
        assert waiting_flows(session, known, now=NOW)["escalate"] is not None
        nobody = replace(known, handoff=None)
        assert waiting_flows(session, nobody, now=NOW + 9 * DAY)["escalate"] is None
