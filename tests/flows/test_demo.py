"""The demo's story, played without Prefect: its figures from its rows, and what moves them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.demo.story import BEGIN, DAYS
from tests.flows.playing import Played, instant, play

pytestmark = [
    pytest.mark.timeout(400),  # a month of 300 ticks
    pytest.mark.xdist_group("demo"),  # played once, by one process
]
FEW = 5
"""Days the variants play: the first offers of both teams come on the fourth."""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo") / "month", DAYS)


@pytest.fixture(scope="module")
def few_days(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo") / "few", FEW)


# ---------------------------------------------------------------- figures from rows


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
    assert len(digests) > 2 * FEW
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


# ---------------------------------------------------------------- what moves the figures


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def teams(played: Played) -> dict[int, str]:
    return {row["lead_id"]: row["team"] for row in played.rows("SELECT * FROM handoff")}


def test_a_lead_of_another_territory_goes_to_the_other_team(
    few_days: Played, tmp_path: Path
) -> None:
    moving = few_days.rows(
        "SELECT lead.* FROM handoff JOIN lead ON lead.id = handoff.lead_id"
        " WHERE team = 'smb' ORDER BY handoff.id LIMIT 1"
    )[0]

    def move(folder: Path) -> None:
        with (folder / "leads.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        (row,) = [each for each in rows if each["external_id"] == moving["external_id"]]
        row["country"] = "AT"
        with (folder / "leads.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows(rows)

    moved = play(tmp_path / "moved", FEW, move)
    assert moving["country"] not in ("DE", "AT")
    assert teams(moved) == teams(few_days) | {moving["id"]: "enterprise"}
    before, after = (
        Counter({team: sum(row[2] for row in each.tables["Handoffs"] if row[0] == team)
                 for team in ("smb", "enterprise")})
        for each in (few_days, moved)
    )  # fmt: skip
    assert after == before + Counter(enterprise=1) - Counter(smb=1)


def deadline(start: datetime, hours: int, opens: str, closes: str, zone: str) -> datetime:
    """Business time by walking minute by minute: slow, and nothing of the engine's in it."""
    at, left = start, hours * 60
    while left:
        local = at.astimezone(ZoneInfo(zone))
        working = local.isoweekday() < 6 and opens <= f"{local:%H:%M}" < closes
        left -= working
        at += timedelta(minutes=1)
    return at


def accepts_of(played: Played, rep: str) -> list[tuple[datetime, datetime]]:
    rows = played.rows("SELECT * FROM clock WHERE rep = ? AND kind = 'accept'", rep)
    return [(instant(row["started_at"]), instant(row["due_at"])) for row in rows]


def test_a_reps_hours_move_when_offers_come_and_are_due(few_days: Played, tmp_path: Path) -> None:
    """An offer to alicia waits from the night for her morning, and its deadline for the next."""
    narrow = replaced(
        "handoff.yaml",
        'hours: "08:30-17:00"\n      - rep: theo',
        'hours: "10:30-12:30"\n      - rep: theo',
    )
    later = play(tmp_path / "later", FEW, narrow)
    new_york = ZoneInfo("America/New_York")
    for played, opens, closes in ((few_days, "08:30", "17:00"), (later, "10:30", "12:30")):
        clocks = accepts_of(played, "alicia")
        assert clocks
        for started, due in clocks:
            assert f"{started.astimezone(new_york):%H:%M}" >= opens
            assert due == deadline(started, 4, opens, closes, "America/New_York")
    starts = [f"{start.astimezone(new_york):%H:%M}" for start, _ in accepts_of(few_days, "alicia")]
    assert min(starts) < "10:30"


def test_a_holiday_shuts_the_office_for_mail_and_sales(few_days: Played, tmp_path: Path) -> None:
    day = date(2026, 3, 5)
    shut = play(
        tmp_path / "shut", FEW,
        replaced("nurture.yaml", '["2026-03-13",', f'["{day}", "2026-03-13",'),
    )  # fmt: skip

    def on_the_day(played: Played) -> tuple[int, int]:
        mails = played.rows(
            "SELECT handed_at, coalesce(lead.timezone, 'Europe/Berlin') AS zone FROM message"
            " JOIN lead ON lead.id = message.lead_id WHERE kind = 'nurture' AND state = 'sent'"
        )
        zones = [(row["handed_at"], row["zone"]) for row in mails]
        due = [
            (row["due_at"], row["zone"]) for row in played.rows(
                "SELECT clock.* FROM clock JOIN handoff ON handoff.id = clock.handoff_id"
                " WHERE team = 'enterprise' AND clock.rep != ''")
        ]  # fmt: skip
        return tuple(  # type: ignore[return-value]
            sum(instant(at).astimezone(ZoneInfo(zone)).date() == day for at, zone in found)
            for found in (zones, due)
        )

    before = on_the_day(few_days)
    assert min(before) > 0
    assert on_the_day(shut) == (0, 0)
