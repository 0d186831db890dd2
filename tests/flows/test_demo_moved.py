"""The demo's figures move with what moves them: a lead's country, a rep's hours, a holiday."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.flows.playing import Played, instant, play

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("demo-moved"),  # what was not moved is played once, by one process
]
FEW = 5
"""Days that are played: the first offers of both teams come on the fourth."""


@pytest.fixture(scope="module")
def few_days(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo") / "few", FEW)


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
