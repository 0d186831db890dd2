"""The business time of other libraries, as published questions and answers; see business-time.md.

The data stays where it is: without NURTURE_SHARED_DATA these tests are reported as left out, and
`test_cases.py` holds cases of our own for every kind of question asked here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.calendar.business import Schedule, add, elapsed
from nurture.calendar.errors import ZoneUnknown
from nurture.calendar.hours import DAYS, Calendar, Minutes, parse_hours, weekly
from nurture.calendar.zones import zone

pytestmark = pytest.mark.shared

Case = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> Path:
    return shared_data / "sla_vectors"


def minutes(times: list[str]) -> Minutes:
    start, end = (int(time[:2]) * 60 + int(time[3:5]) for time in times)
    return start, end


def schedule(calendar: Case) -> Schedule:
    week = tuple(tuple(map(minutes, calendar["week"].get(day, []))) for day in DAYS)
    days_off = frozenset(map(date.fromisoformat, calendar["holidays"]))
    return Schedule(Calendar(week, days_off), zone(calendar["time_zone"]))


def instant_or_number(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def answer(case: Case) -> Any:
    """What we say to a case, None to an operation we do not have."""
    hours, start = schedule(case["calendar"]), datetime.fromisoformat(case["start"])
    match case["op"]:
        case "add":
            return add(hours, start, timedelta(seconds=case["amount_s"]))
        case "elapsed" | "elapsed_signed" | "elapsed_whole_hours":
            return elapsed(hours, start, datetime.fromisoformat(case["end"])).total_seconds()
        case "next_open":
            return add(hours, start, timedelta())
        case "is_open":
            return add(hours, start, timedelta()) == start
    return None


def lines(file: Path) -> Iterator[Case]:
    return map(json.loads, file.read_text("utf-8").splitlines())


def test_every_case_on_which_three_libraries_agree_is_answered_alike(vectors: Path) -> None:
    cases = list(lines(vectors / "consensus_3way.share.jsonl"))
    wrong = [case["id"] for case in cases if answer(case) != instant_or_number(case["expected"])]
    assert wrong == []
    assert Counter(case["op"] for case in cases) == {"add": 1152, "elapsed": 389}


def test_where_libraries_disagree_we_decide_as_documented(vectors: Path) -> None:
    agreed: dict[str, Counter[str]] = {}
    for case in lines(vectors / "convention_cases.jsonl"):
        tally = agreed.setdefault(case["class"], Counter())
        ours = answer(case)
        tally["cases"] += 1
        tally.update(
            who for who, said in case["answers"].items() if instant_or_number(said) == ours
        )
    walk, zendesk, rails = "plain_utc_interval_walk", "zendesk/biz", "Intrepidd/working_hours"
    assert agreed == {
        "closing_edge": {"cases": 126, walk: 126, rails: 98},
        "dst_wall_vs_elapsed": {"cases": 12, walk: 12, zendesk: 12},
        "dst_or_24h": {"cases": 5, walk: 5, zendesk: 4},
    }


def why_not(case: Case, ours: Any) -> str:
    expected = instant_or_number(case["expected"])
    if ours == expected:
        return "alike"
    if "date_overrides" in case["calendar"]:
        return "special hours of one date"
    if case["op"] == "elapsed_whole_hours" and ours == -expected:
        return "sign"
    if case["op"] == "is_open" and expected is True and ours is False:
        return "closing is open"
    if case["op"] == "elapsed_signed" and abs(ours - expected) < 1:
        return "whole seconds"
    if case["op"] == "elapsed_signed" and ours == case.get("audit_reference"):
        return "wall clock over DST"
    return f"unexplained: {case['id']}"


@pytest.mark.parametrize(
    ("file", "tally"),
    [
        ("bokmann_business_time.json", {"alike": 42}),
        ("hughgrigg_php-business-time.json", {"alike": 86, "sign": 35}),
        ("lennym_moment-business-time.json", {"alike": 42, "closing is open": 2}),
        (
            "Intrepidd_working_hours.json",
            {
                "alike": 61,
                "whole seconds": 20,
                "special hours of one date": 11,
                "wall clock over DST": 1,
            },
        ),
    ],
)
def test_the_tests_of_other_libraries_differ_only_for_named_reasons(
    vectors: Path, file: str, tally: dict[str, int]
) -> None:
    cases = json.loads((vectors / "upstream" / file).read_text("utf-8"))
    asked = [(case, ours) for case in cases if (ours := answer(case)) is not None]
    assert Counter(why_not(case, ours) for case, ours in asked) == tally


def padded(time: str) -> str:
    return time.zfill(5)


def test_send_windows_of_mautic_give_the_same_local_time_but_for_two_named_cases(
    vectors: Path,
) -> None:
    listed = json.loads((vectors / "mautic_send_window.json").read_text("utf-8"))["vectors"]
    windows = [each for each in listed if each["window_start"] and each["window_end"]]
    differing = []
    for each in windows:
        hours = parse_hours(f"{padded(each['window_start'])}-{padded(each['window_end'])}")
        sundays_first = each["days_of_week_0sun"] or range(7)
        window = weekly([(day - 1) % 7 for day in sundays_first], hours)
        day, _, time = each["scheduled_at"].partition(" ")
        start = datetime.fromisoformat(f"{day} {padded(time)}").replace(tzinfo=UTC)
        try:
            place = zone(each["contact_timezone"])
        except ZoneUnknown:
            differing.append(each["name"])
            continue
        local = add(Schedule(window, place), start, timedelta()).astimezone(place)
        if f"{local:%Y-%m-%d %H:%M}" != each["expected_local"]:
            differing.append(each["name"])
    assert len(windows) == 11
    assert differing == ["test in between wrong start/end time order", "test invalid timezone"]
