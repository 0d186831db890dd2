"""Every command once: what it says to people, and to programs."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.app.cli.conftest import NOW, Run, document, invoke

SOON = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
READ_ONLY = [
    "validate",
    "apply",
    "tick --now 2026-03-02T09:30Z",
    "lead show ann@example.test",
    "lead timeline id:X-1",
    "lead explain ann@example.test",
    "handoffs list",
    "handoffs show 1",
    "reps list",
    "sla due --within 2d",
    "sla recompute --since 2026-01-01",
    "route --explain ann@example.test",
    "sequences list",
    "graph trial-welcome",
    "graph trial-welcome --counts",
    "messages list",
    "crm show",
    "doctor",
    "tokens list",
    "db upgrade",
]
CHANGING = [
    "handoffs accept 1",
    "handoffs touch 1 --how called",
    f"handoffs pause 1 --until {SOON}",
    "handoffs give 1 mareike",
    "handoffs reject 1 --reason no-budget-at-all",
    "handoffs recycle 1 --reason bad-timing",
    "handoffs outcome 1 won",
    "sequences enter long-nurture ann@example.test --dry-run",
    "reps pause mareike",
    "reps resume mareike",
    "sequences pause win-back",
    "sequences resume win-back",
    "messages resolve 1 --sent",
    "messages resolve 1 --resend",
    "tokens create website",
]


def ok(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("command", [*READ_ONLY, *CHANGING])
def test_every_command_answers_in_words_and_in_one_json_document(run: Run, command: str) -> None:
    told = document(ok(run(*command.split(), "--json")))
    assert isinstance(told, dict)
    assert told


@pytest.mark.parametrize("command", [*READ_ONLY, *CHANGING])
def test_every_command_answers_people_in_plain_lines(run: Run, command: str) -> None:
    told = ok(run(*command.split()))
    assert told.stdout.strip()
    assert "\x1b" not in told.stdout
    assert not told.stdout.lstrip().startswith("{")


def test_init_copies_the_starter_which_validates_and_is_never_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "new"
    told = document(ok(invoke("init", place, "--json")))
    assert "nurture.yaml" in told["files"]
    assert ".nurture/" in (place / ".gitignore").read_text()
    assert document(ok(invoke("validate", "-w", place, "--json")))["valid"] is True
    again = invoke("init", place)
    assert again.exit_code == 1
    assert "not empty" in again.stderr


def test_apply_a_second_time_changes_nothing(run: Run) -> None:
    changes = document(ok(run("apply", "--json")))["changes"]
    assert {change["status"] for change in changes} == {"same"}


def test_an_edit_of_the_scoring_makes_every_lead_be_looked_at_again(run: Run, folder: Path) -> None:
    ok(run("tick", "--now", "2026-03-02T09:30Z"))
    scoring = folder / "scoring.yaml"
    text = scoring.read_text()
    assert "at: 60" in text
    scoring.write_text(text.replace("at: 60", "at: 61"))
    ok(run("apply"))
    with sqlite3.connect(folder / ".nurture" / "nurture.db") as database:
        (waiting,) = database.execute("SELECT count(DISTINCT lead_id) FROM touch").fetchone()
    assert waiting == 3


def test_apply_writes_the_people_of_handoff_yaml(folder: Path) -> None:
    with sqlite3.connect(folder / ".nurture" / "nurture.db") as database:
        reps = {rep for (rep,) in database.execute("SELECT rep FROM rep WHERE active")}
    assert reps == {"bo", "mareike", "owen", "alicia", "theo"}


def test_leads_import_answers_exactly_the_counts_and_is_repeatable(run: Run, folder: Path) -> None:
    file = folder / "more.csv"
    file.write_text("Mail,Id,plan\ndan@example.test,D-1,pro\nnobody,D-2,pro\n")
    asked = ("leads", "import", file, "--map", "email=Mail", "--map", "external_id=Id", "--json")
    first = run(*asked)
    assert first.exit_code == 1  # a row was rejected
    told = document(first)
    rejects = str(folder / "more.rejects.csv")
    assert told == {
        "read": 2, "imported": 1, "updated": 0, "unchanged": 0, "rejected": 1,
        "reject_file": rejects,
    }  # fmt: skip
    assert Path(rejects).read_text().splitlines()[1].startswith("3,")
    again = document(run(*asked))
    assert (again["imported"], again["unchanged"]) == (0, 1)


def test_a_map_may_be_a_template_over_columns(run: Run, folder: Path) -> None:
    file = folder / "ids.csv"
    file.write_text("id,city\n77,Bern\n")
    ok(run("leads", "import", file, "--map", "email={id}@example.test"))
    told = document(ok(run("lead", "show", "77@example.test", "--json")))
    assert told["attributes"]["city"] == "Bern"


def test_events_import_counts_what_is_new_once(run: Run, folder: Path) -> None:
    file = folder / "engagements.jsonl"
    first = document(ok(run("events", "import", file, "--json")))
    assert (first["read"], first["imported"], first["unchanged"]) == (1, 1, 0)
    assert document(ok(run("events", "import", file, "--json")))["unchanged"] == 1


def test_tick_says_what_it_did_and_when_it_is_needed_next(run: Run) -> None:
    told = document(ok(run("tick", "--now", "2026-03-02T09:30Z", "--json")))
    assert told["now"] == "2026-03-02T09:30:00+00:00"
    assert any(row["what"] == "fit gained" for row in told["did"])
    assert told["next_due"] is not None
    again = document(ok(run("tick", "--now", "2026-03-02T09:30Z", "--json")))
    assert again["did"] == []


def test_explain_adds_up_to_the_score_and_says_how_far_the_line_is(run: Run) -> None:
    ok(run("tick", "--now", "2026-03-02T09:30Z"))
    told = document(ok(run("lead", "explain", "ann@example.test", "--json")))
    assert told["score"] == pytest.approx(sum(line["worth"] for line in told["lines"]))
    assert told["sentences"]
    assert "below mql (60)" in ok(run("lead", "explain", "ann@example.test")).stdout


def test_explain_at_another_instant_counts_what_was_given_by_then_and_faded_since(
    run: Run, folder: Path
) -> None:
    ok(run("events", "import", folder / "engagements.jsonl"))
    ok(run("tick", "--now", "2026-03-02T09:30Z"))

    def at(instant: str) -> Any:
        return document(ok(run("lead", "explain", "ann@example.test", "--now", instant, "--json")))

    then, later = at("2026-03-02T09:30Z"), at("2026-05-02 11:30+02:00")
    assert later["now"] == "2026-05-02T09:30:00+00:00"
    assert 0 < later["behaviour"] < then["behaviour"]
    assert later["fit"] == then["fit"] > 0
    assert at("2026-03-02T07:59Z")["lines"] == []


def test_an_answer_moves_the_handoff_and_a_second_one_is_told_so(run: Run) -> None:
    assert document(ok(run("handoffs", "accept", "1", "--json")))["state"] == "accepted"
    again = run("handoffs", "accept", "1")
    assert again.exit_code == 1
    assert "was accepted by Bo Lindqvist" in again.stderr
    rows = document(ok(run("handoffs", "list", "--state", "accepted", "--json")))["handoffs"]
    assert [row["id"] for row in rows] == [1]
    assert document(ok(run("handoffs", "list", "--state", "won", "--json")))["handoffs"] == []


def test_a_paused_handoff_goes_on_and_what_runs_out_is_listed(run: Run) -> None:
    soon = document(ok(run("sla", "due", "--within", "30d", "--json")))
    assert {row["kind"] for row in soon["clocks"]} == {"first_touch"}
    assert [(each["team"], each["rep"]) for each in soon["people"]] == [("enterprise", "bo")]
    told = ok(run("handoffs", "pause", "1", "--until", SOON)).stdout
    assert "waits for the lead until" in told
    assert document(ok(run("sla", "due", "--within", "30d", "--json")))["clocks"] == []
    assert "waits until" in ok(run("handoffs", "show", "1")).stdout
    ok(run("handoffs", "resume", "1"))
    again = run("handoffs", "resume", "1")
    assert (again.exit_code, "does not wait" in again.stderr) == (1, True)
    wrong = run("sla", "due", "--within", "soon")
    assert (wrong.exit_code, "write 4h, 30min or 2d" in wrong.stderr) == (2, True)
    assert "enterprise" in run("sla", "due", "--team", "enterprize", "--within", "30d").stderr


def test_a_plan_says_how_many_clocks_keep_what_they_began_with(run: Run, folder: Path) -> None:
    file = folder / "handoff.yaml"
    text = file.read_text(encoding="utf-8")
    assert "accept: 2 business hours" in text
    changed = text.replace("accept: 2 b", "accept: 3 b")
    file.write_text(changed, encoding="utf-8")
    told = ok(run("plan")).stdout.splitlines()
    assert told[1:] == [
        "    ~ sla/fast/accept: 2 business hours → 3 business hours",
        "    clocks that run keep what they began with: 1 first touch",
    ]
    assert document(ok(run("plan", "--json")))["changes"][0]["clocks"] == {"first_touch": 1}


def test_a_paused_sequence_shows_its_reason_until_it_is_resumed(run: Run, folder: Path) -> None:
    assert document(ok(run("sequences", "pause", "long-nurture", "--json")))["changed"] is True
    assert document(ok(run("sequences", "pause", "long-nurture", "--json")))["changed"] is False
    assert "paused since" in ok(run("sequences", "list")).stdout
    ok(run("tick", "--now", "2026-03-02T09:30Z"))
    assert document(ok(run("sequences", "resume", "long-nurture", "--json")))["changed"] is True
    with sqlite3.connect(folder / ".nurture" / "nurture.db") as database:
        (touched,) = database.execute("SELECT count(*) FROM touch").fetchone()
    assert touched == 3  # its segment may hold for anybody by now


def test_an_unknown_mail_is_resolved_by_a_word(run: Run) -> None:
    listed = document(ok(run("messages", "list", "--state", "unknown", "--json")))
    assert [row["id"] for row in listed["messages"]] == [1]
    ok(run("messages", "resolve", "1", "--sent"))
    assert document(ok(run("messages", "list", "--json")))["states"] == {"sent": 1}


def test_a_token_is_shown_once_and_opens_nothing_when_revoked(run: Run) -> None:
    token = document(ok(run("tokens", "create", "website", "--days", "30", "--json")))["token"]
    listed = ok(run("tokens", "list", "--json")).stdout
    assert token not in listed
    assert token[:8] in listed
    assert document(ok(run("tokens", "revoke", token, "--json")))["changed"] is True
    assert document(ok(run("tokens", "list", "--json")))["tokens"][0]["state"] == "revoked"


def test_a_timeline_shows_what_a_stranger_wrote_without_moving_the_cursor(
    run: Run, folder: Path
) -> None:
    file = folder / "evil.jsonl"
    row = {
        "source": "website", "key": "e", "kind": "page_viewed", "lead": "ann@example.test",
        "occurred_at": NOW.isoformat(), "properties": {"url": "\x1b[2J[red]\u202eevil"},
    }  # fmt: skip
    file.write_text(json.dumps(row) + "\n")
    ok(run("events", "import", file))
    told = ok(run("lead", "timeline", "ann@example.test")).stdout
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "[red]" in told


def test_a_grade_is_shown_beside_the_fit_and_told_in_stories(run: Run, folder: Path) -> None:
    plain = document(ok(run("lead", "explain", "ann@example.test", "--json")))
    assert plain["grade"] is None
    scoring = folder / "scoring.yaml"
    scoring.write_text(scoring.read_text(encoding="utf-8") + "\ngrades: {A: 1, B-: -100}\n")
    told = folder / "sequences" / "long-nurture.yaml"
    fact = 'stage: awareness, waits_until: "2026-03-07 10:00"'
    text = told.read_text(encoding="utf-8")
    assert fact in text
    told.write_text(text.replace(fact, f"{fact}, grade: B-"), encoding="utf-8")
    ok(run("test", "long-nurture"))
    told.write_text(text.replace(fact, f"{fact}, grade: none"), encoding="utf-8")
    assert run("test", "long-nurture").exit_code == 1
    ok(run("apply"))
    ok(run("events", "import", folder / "engagements.jsonl"))
    ok(run("tick", "--now", "2026-03-02T09:30Z"))
    for command in ("show", "explain"):
        assert document(ok(run("lead", command, "ann@example.test", "--json")))["grade"] == "A"
    assert "grade A." in ok(run("lead", "explain", "ann@example.test")).output
    assert " A" in ok(run("lead", "show", "ann@example.test")).output
