"""`nurture simulate`: the same seed the same bytes, figures that rows bear out, nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from nurture.delivery import deliver
from tests.app.cli.conftest import document
from tests.app.cli.simulating import MODEL, TINY, told

pytestmark = pytest.mark.xdist_group("simulate")  # its figures are made once, by one process


@pytest.fixture(scope="module")
def plain(starter: Path) -> str:
    """What the small cohort comes to, as JSON text."""
    result = told(starter, "--json")
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def figures(plain: str) -> dict[str, Any]:
    return dict(json.loads(plain)["figures"])


def test_the_same_seed_says_the_same_bytes_whatever_the_batches(
    starter: Path, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "CLAIM", 3)
    monkeypatch.setattr(deliver, "WINDOW", 1)
    monkeypatch.setattr("app.simulation.play.BATCH", 5)
    assert told(starter, "--json").stdout == plain


def test_another_seed_says_something_else(starter: Path, figures: dict[str, Any]) -> None:
    assert document(told(starter, "--json", "--seed", "2"))["figures"] != figures


def test_the_figures_add_up(figures: dict[str, Any]) -> None:
    mail = figures["mail"]
    assert figures["leads"] == 24
    assert mail["sent"] > 24
    assert sum(mail["days"].values()) == mail["sent"]
    assert sum(line["sent"] for line in mail["by_mail"]) == mail["sent"]
    assert mail["per_lead"] == round(mail["sent"] / 24, 2)
    assert mail["most_per_day"] == 1, "caps.per_day"
    assert mail["at_cap"] == mail["leads_written_to"]
    welcome = next(line for line in mail["by_mail"] if line["mail"] == "welcome")
    assert 0 < welcome["clicked"] <= welcome["opened"] <= welcome["sent"]


def test_sales_is_told_against_its_room(figures: dict[str, Any]) -> None:
    enterprise = next(team for team in figures["teams"] if team["team"] == "enterprise")
    assert enterprise["room"] == 25 + 15 + 25
    assert enterprise["opened"] > 0
    assert sum(enterprise["states"].values()) == enterprise["opened"]
    assert sum(day["opened"] for day in enterprise["days"].values()) == enterprise["opened"]
    for clock in figures["clocks"]:
        ended = ("in_time", "late", "lapsed", "running", "stopped")
        assert clock["started"] == sum(clock[each] for each in ended)


def test_nothing_is_written_to_the_workspace_or_its_ledger(folder: Path) -> None:
    (folder / "simulation.yaml").write_text(MODEL)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = told(folder, "--ledger", *TINY)
    assert result.exit_code == 0
    assert result.stdout.startswith("the leads of the ledger, ")
    assert " of 3 leads" in result.stdout
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    changed = {path.name for path in before if after.get(path) != before[path]}
    assert changed | {path.name for path in after.keys() - before.keys()} <= {"nurture.db-shm"}


@pytest.fixture(scope="module")
def readable(starter: Path) -> str:
    """The same as people read it."""
    result = told(starter)
    assert result.exit_code == 0
    return result.stdout


def test_people_read_it_in_eighty_columns(readable: str) -> None:
    assert readable.startswith("24 made-up leads, from 2026-03-02 00:00 to 2026-03-11 00:00\n")
    assert max(len(line) for line in readable.splitlines()) <= 80


def test_the_parts_its_page_shows_are_those_it_tells(readable: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "simulation.md"
    shown = page.read_text().partition("$ nurture simulate")[2].partition("\n\nDays are")[0]
    said = {" ".join(line.split()) for line in readable.splitlines()}
    titles = {" ".join(line.split()) for line in shown.splitlines()[1:] if line.strip()}
    titles = {line for line in titles if not re.search(r"\d", line)}
    assert "mail sent opened clicked replied unsubscribed" in titles
    assert titles - said - {"None was."} == set()


Change = Callable[[str, str], Result]


@pytest.fixture
def with_model(starter: Path, tmp_path: Path) -> Change:
    """Simulate with a model of behaviour in which one thing is another."""

    def changed(old: str, new: str) -> Result:
        assert old in MODEL
        (tmp_path / "mine.yaml").write_text(MODEL.replace(old, new))
        return told(starter, "--behaviour", tmp_path / "mine.yaml")

    return changed


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (
            "open: 50%", "open: often",
            "14:9: simulation/mail",
            '"often" is no share: write it as 40%, from 0% to 100%',
        ),
        (
            "unsubscribe: 5%", "unsubscribes: 5%",
            "16:3: simulation/mail",
            'unknown key "unsubscribes"; did you mean "unsubscribe"? Allowed: open, click,',
        ),
        (
            "of: {welcome:", "of: {welcom:",
            "18:8: simulation/mail/of/welcom",
            'there is no mail "welcom"; did you mean "welcome"? Allowed: ',
        ),
        (
            "{lead_source: trade fair}", "{lead_sauce: trade fair}",
            "11:14: simulation/leads/fair/fields",
            'unknown field "lead_sauce"; did you mean "lead_source"? Allowed: ',
        ),
        (
            "timezone: Europe/Berlin", "timezone: Europe/Berln",
            "5:39: simulation/leads/trial/fields",
            "timezone “Europe/Berln” is not known; did you mean Europe/Berlin?",
        ),
        (
            "between: [200, 900]", "between: [900, 200]",
            "5:85: simulation/leads/trial/fields/employees/between",
            "two whole numbers are expected here, as in [5, 500]",
        ),
        (
            "{DE: 3, US: 1}", "{DE: 0, US: 1}",
            "5:28: simulation/leads/trial/fields/country",
            'the weight of "DE" must be above 0',
        ),
        (
            "page_viewed, with: {url: /blog}", "page_vewed, with: {url: /blog}",
            "12:18: simulation/events/1",
            'unknown event "page_vewed"; did you mean "page_viewed"? Allowed: ',
        ),
        (
            "reject: 20%", "reject: 60%",
            "19:8: simulation/sales",
            '"accept" and "reject" are more than 100% together',
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_model_is_named_with_its_place(
    with_model: Change, old: str, new: str, place: str, said: str
) -> None:
    result = with_model(old, new)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"nurture: mine.yaml:{place}: {said}")


def test_a_model_that_is_not_there_is_asked_for(starter: Path, tmp_path: Path) -> None:
    result = told(starter, "--behaviour", tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert re.search(r"none\.yaml cannot be read .* Name one with --behaviour", result.stderr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--step", "2 days"), "a step is a minute to a day long"),
        (("--step", "often"), '"often" is no duration'),
        (("--begin", "monday"), "'monday' is no date"),
    ],
)
def test_wrong_usage(starter: Path, words: tuple[str, str], said: str) -> None:
    result = told(starter, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_recording_alone_brings_its_leads_and_what_happened_before(
    starter: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "recording.jsonl"
    happened = {
        "source": "web", "key": "1", "kind": "form_submitted", "lead": "ann@example.test",
        "occurred_at": "2026-03-01T20:00:00+01:00", "properties": {"form": "trial"},
    }  # fmt: skip
    recording.write_text(json.dumps(happened))
    figures = document(told(starter, "--replay", recording, "--json"))["figures"]
    assert figures["leads"] == 1
    assert [line["mail"] for line in figures["mail"]["by_mail"]][-1] == "welcome"
    assert all(line["opened"] == 0 for line in figures["mail"]["by_mail"]), "nothing is drawn"


def test_the_leads_of_a_file_and_what_was_recorded_of_them(starter: Path, tmp_path: Path) -> None:
    leads, recording = tmp_path / "leads.csv", tmp_path / "recording.jsonl"
    leads.write_text("E-Mail,country\nann@example.test,DE\nben@example.test,US\n")
    happened = [
        {"source": "web", "key": "2", "kind": "email_clicked", "lead": "ann@example.test",
         "occurred_at": "2026-03-03T09:00:00+01:00", "properties": {"email": "welcome"}},
        {"source": "web", "key": "1", "kind": "form_submitted", "lead": "ann@example.test",
         "occurred_at": "2026-03-02T09:00:00+01:00", "properties": {"form": "trial"}},
    ]  # fmt: skip
    recording.write_text("\n".join(map(json.dumps, happened)))
    words = ("--from", leads, "--map", "email=E-Mail", "--replay", recording, "--json")
    found = document(told(starter, *words))
    assert found["cohort"] == "the leads of leads.csv"
    assert found["figures"]["leads"] == 2
    sent = {line["mail"]: line["sent"] for line in found["figures"]["mail"]["by_mail"]}
    assert sent["welcome"] == 1, "of ann alone, who filled in the form"
    (trial,) = (each for each in found["figures"]["funnel"] if each["entered"])
    assert (trial["sequence"], trial["entered"]) == ("trial-welcome", 1)


def test_a_recording_that_is_none_is_named_line_by_line(starter: Path, tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    recording.write_text('\n{"source": \n{"source": "web", "key": "1"}\n')
    result = told(starter, "--replay", recording)
    assert result.exit_code == 1
    assert "recording.jsonl:2:12: is no JSON" in result.stderr
    assert "recording.jsonl:3: kind is missing" in result.stderr
