"""The demo's story, played without Prefect: its figures from its rows."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.demo.story import BEGIN, DAYS
from tests.flows.playing import Played, instant, play

pytestmark = [
    pytest.mark.timeout(400),  # a month of 300 ticks
    pytest.mark.xdist_group("demo"),  # played once, by one process
]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo") / "month", DAYS)


def test_the_funnel_is_what_the_rows_say(month: Played) -> None:
    runs = {row["id"]: row for row in month.rows("SELECT * FROM enrolment")}
    came = {
        (runs[row["enrolment_id"]]["sequence"], row["stage"], row["enrolment_id"])
        for row in month.rows("SELECT * FROM decision WHERE kind = 'stage'")
    }
    reached = Counter((sequence, stage) for sequence, stage, _ in came)
    stands = Counter(
        (run["sequence"], run["stage"]) for run in runs.values() if run["state"] == "active"
    )
    told = {row[:2]: row[2:] for row in month.tables["Funnel"]}
    assert told == {place: (reached[place], stands[place]) for place in told}
    assert set(reached) | set(stands) == set(told)
    assert all(count for count in reached.values())


def test_sequences_and_messages_are_what_the_rows_say(month: Played) -> None:
    states = Counter(
        (row["sequence"], row["state"]) for row in month.rows("SELECT * FROM enrolment")
    )
    for sequence, entered, active, goal, completed, left, later in month.tables["Sequences"]:
        counts = {state: count for (name, state), count in states.items() if name == sequence}
        assert entered == sum(counts.values()) == active + goal + completed + left
        assert (active, goal) == (counts.get("active", 0), counts.get("goal", 0))
        assert completed == counts.get("completed", 0)
        assert later <= completed + left
    rows = month.rows("SELECT kind, state, reason FROM message")
    told = {tuple(row[:3]): row[3] for row in month.tables["Messages"]}
    assert told == Counter(tuple(row) for row in rows)
    digests = month.rows("SELECT * FROM post WHERE state = 'sent' AND message_id IS NULL")
    assert len(digests) > 10
    assert sum(row["state"] == "sent" for row in rows) + len(digests) == month.mails()


def test_handoffs_and_ladders_are_what_the_rows_say(month: Played) -> None:
    handoffs = Counter(tuple(row) for row in month.rows("SELECT team, state FROM handoff"))
    assert {row[:2]: row[2] for row in month.tables["Handoffs"]} == handoffs
    rungs = Counter(
        tuple(row) for row in month.rows("SELECT action, state FROM rung")
        if row["state"] in ("fired", "collapsed")
    )  # fmt: skip
    assert {row[:2]: row[2] for row in month.tables["Ladders"]} == rungs


def test_every_clock_stands_in_the_column_its_row_says(month: Played) -> None:
    end = BEGIN + timedelta(days=DAYS)
    counts: dict[tuple[str, str], Counter[str]] = {}
    lateness: dict[tuple[str, str], list[float]] = {}
    for row in month.rows(
        "SELECT clock.*, handoff.team FROM clock JOIN handoff ON handoff.id = clock.handoff_id"
    ):
        key = (row["team"], row["kind"])
        if row["met_at"] is not None:
            column = "late" if row["met_at"] > row["due_at"] else "in time"
            if column == "late":
                late = instant(row["met_at"]) - instant(row["due_at"])
                lateness.setdefault(key, []).append(late.total_seconds())
        else:
            ends = end if row["stopped_at"] is None else instant(row["stopped_at"])
            stopped = "running" if row["stopped_at"] is None else "stopped"
            column = "lapsed" if instant(row["due_at"]) < ends else stopped
        counts.setdefault(key, Counter())[column] += 1
    columns = ("in time", "late", "lapsed", "running", "stopped")
    for row in month.tables["SLA clocks"]:
        key, told, mean = row[:2], row[2:7], row[7]
        assert told == tuple(counts[key][column] for column in columns)
        late = lateness.get(key)
        seconds = None if mean is None else mean.total_seconds()
        assert seconds == (pytest.approx(sum(late) / len(late), abs=1) if late else None)
    assert {row[:2] for row in month.tables["SLA clocks"]} == set(counts)


# ---------------------------------------------------------------- a story worth telling
def test_the_story_reaches_every_stage_state_and_rung(month: Played) -> None:
    assert month.failures == []
    assert all(reached for _, _, reached, _ in month.tables["Funnel"])
    states = {state for _, state, _ in month.tables["Handoffs"]}
    assert {"accepted", "rejected", "won", "lost", "lapsed"} <= states
    fired = {action.partition(":")[0] for action, state, _ in month.tables["Ladders"]}
    assert fired == {"remind", "tell", "give", "recycle"}
    sent = {row["template"] for row in month.rows("SELECT * FROM message WHERE state = 'sent'")}
    assert {"welcome", "first-plan", "live-session", "travel-time", "talk-to-us"} <= sent
    assert {"pick-up-again", "offered", "given", "reminder", "manager-late", "recycled"} <= sent
    assert {"getting-started", "invite-technicians"} <= sent


def test_the_lead_shown_goes_from_first_click_to_a_customer_on_board(month: Played) -> None:
    lines = month.told[0].lines
    whats = [what for _, what, _ in lines]
    assert {"engagement", "score", "message", "handoff", "clock", "escalation"} <= set(whats)
    texts = [text for _, _, text in lines]
    after = texts[texts.index("won") :]
    assert any(text.startswith("entered onboarding: first-day: won by ") for text in texts)
    assert any(text.startswith("getting-started “") and text.endswith(": sent") for text in after)


def test_a_customer_is_in_no_sequence_but_its_own(month: Played) -> None:
    inside = month.rows(
        "SELECT DISTINCT sequence FROM enrolment JOIN lead ON lead.id = enrolment.lead_id"
        " WHERE lifecycle = 'customer' AND enrolment.state = 'active'"
    )
    assert [row["sequence"] for row in inside] == ["onboarding"]
    won = month.rows("SELECT * FROM handoff WHERE state = 'won'")
    started = month.rows("SELECT * FROM enrolment WHERE sequence = 'onboarding'")
    assert {row["lead_id"] for row in started} == {row["lead_id"] for row in won}


def test_the_lead_nobody_calls_climbs_the_whole_ladder_and_goes_back(month: Played) -> None:
    lines = month.told[1].lines
    climbed = [text.split(": ")[1] for _, what, text in lines if what == "escalation"]
    assert {"remind", "tell", "give", "recycle"} <= {each.split(":")[0] for each in climbed}
    offered = [text for _, what, text in lines if what == "clock" and "accept clock" in text]
    assert len({text.split(" of ")[1].split()[0] for text in offered if " runs" in text}) > 1
    assert any(text.startswith("lapsed") for _, what, text in lines if what == "handoff")


def test_the_lead_sales_rejects_comes_back_when_its_time_has_come(month: Played) -> None:
    lines = month.told[2].lines
    ((day, _, why),) = [line for line in lines if line[2].startswith("rejected")]
    assert why == "rejected: bad timing"
    (planned,) = [text for _, _, text in lines if text.startswith("is to start win-back on")]
    back = next(line for line in lines if line[2].startswith("entered win-back: pause"))
    began, ended = (
        datetime.strptime(f"2026 {at} +0000", "%Y %d %b %H:%M %z") for at in (day, back[0])
    )
    assert timedelta(days=7) <= ended - began < timedelta(days=8)
    assert f"{began + timedelta(days=7):%Y-%m-%d %H:%M}" in planned


def test_what_was_rejected_or_lost_comes_back_as_its_reason_says(month: Played) -> None:
    """Every planned start is of an answer, so long after it as the file says, or in no time."""
    waits = {"bad timing": 7, "no budget this year": 90}
    closed = month.rows("SELECT * FROM handoff WHERE state IN ('rejected', 'lost')")
    planned = {row["handoff_id"]: row for row in month.rows("SELECT * FROM follow_up")}
    for row in closed:
        days = 180 if row["state"] == "lost" else waits.get(row["outcome"])
        found = planned.pop(row["id"], None)
        assert (found is None) == (days is None), row["outcome"]
        if found is not None:
            assert instant(found["due_at"]) - instant(row["closed_at"]) == timedelta(days=days)
    assert planned == {}


def test_nothing_is_offered_to_who_is_away(month: Played) -> None:
    ((name, days, got, others),) = month.tables["Away"]
    assert (name, days, got) == ("Mareike Thoms", "16 Mar to 20 Mar", 0)
    assert others > 5


def test_the_people_of_the_story_live_nowhere(month: Played) -> None:
    everybody = month.rows("SELECT * FROM lead")
    leads = [row for row in everybody if row["external_id"]]  # the others came by the website
    assert len(leads) == 500
    assert len({row["country"] for row in leads}) == 10
    zones = {ZoneInfo(row["timezone"] or "Europe/Berlin") for row in leads}
    assert len({BEGIN.astimezone(zone).utcoffset() for zone in zones}) == 8
    assert all((row["email"] or "@example.test").endswith("@example.test") for row in everybody)
    with (month.folder / "engagements.jsonl").open(encoding="utf-8") as lines:
        days = {json.loads(line)["occurred_at"][:10] for line in lines}
    assert len(days) >= DAYS
