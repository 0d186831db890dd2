"""Applying a workspace: versions, what a bad file keeps back, what a tick is given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from nurture.language.applied.loading import load_definitions
from nurture.language.applied.versions import Applied, apply
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Send
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NotFound
from tests.fixtures_ledger import counting, make_enrolment, make_lead
from tests.language.conftest import Edit

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TRIAL = "sequences/trial-welcome.yaml"


def applied(ledger: Ledger, folder: Path) -> tuple[Applied, Definitions]:
    with ledger.begin() as session:
        done = apply(session, folder, now=NOW)
    with ledger.begin() as session:
        return done, load_definitions(session)


def statuses(done: Applied) -> dict[str, str]:
    return {change.name: change.status for change in done.changes}


def enrol(session: Session, number: int) -> None:
    definition = session.get(t.Definition, number)
    assert definition is not None
    make_enrolment(session, make_lead(session), definition)


def test_the_first_apply_stores_every_file_and_the_second_changes_nothing(
    ledger: Ledger, workspace: Path
) -> None:
    first, definitions = applied(ledger, workspace)
    assert set(statuses(first).values()) == {"new"}
    assert {"nurture", "scoring", "handoff", "trial-welcome", "welcome.html"} <= set(
        statuses(first)
    )
    assert sorted(definitions.active) == ["long-nurture", "trial-welcome", "win-back"]
    second, again = applied(ledger, workspace)
    assert set(statuses(second).values()) == {"same"}
    assert again is definitions, "compiled once, kept by ids and hashes"


def test_without_an_applied_workspace_the_person_is_told_to_apply(ledger: Ledger) -> None:
    with ledger.begin() as session, pytest.raises(NotFound, match="nurture apply"):
        load_definitions(session)


def test_an_edit_is_a_new_version_and_running_enrolments_keep_theirs(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    _, before = applied(ledger, workspace)
    old = before.active["trial-welcome"].definition_id
    with ledger.begin() as session:
        enrol(session, old)
    edit(TRIAL, "wait: 2 days", "wait: 3 days")
    done, after = applied(ledger, workspace)
    assert statuses(done)["trial-welcome"] == "changed"
    new = after.active["trial-welcome"].definition_id
    assert new != old
    assert {old, new} <= set(after.programs)
    assert str(after.programs[old].steps[3].span) == "2 days"  # type: ignore[attr-defined]
    assert str(after.programs[new].steps[3].span) == "3 days"  # type: ignore[attr-defined]


def test_an_edit_of_a_story_is_no_new_version_and_no_stored_version_holds_one(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    applied(ledger, workspace)
    edit(TRIAL, "name: a demo ends", "name: a booked demo ends")
    done, definitions = applied(ledger, workspace)
    assert statuses(done)["trial-welcome"] == "same"
    assert "trial-welcome" in definitions.active
    with ledger.begin() as session:
        stored = session.exec(select(t.Definition).where(t.Definition.name == "trial-welcome"))
        assert "demo ends" not in stored.one().source


def test_an_old_version_nobody_is_in_is_not_loaded(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    applied(ledger, workspace)
    edit(TRIAL, "wait: 2 days", "wait: 3 days")
    _, after = applied(ledger, workspace)
    assert len(after.programs) == 3


def test_a_bad_sequence_keeps_its_last_good_version_and_stops_no_other(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    _, before = applied(ledger, workspace)
    edit(TRIAL, "- send: welcome", "- sned: welcome")
    edit("sequences/win-back.yaml", "wait: 7 days", "wait: 8 days")
    done, after = applied(ledger, workspace)
    assert statuses(done)["trial-welcome"] == "kept"
    assert statuses(done)["win-back"] == "changed"
    assert [str(problem.found) for problem in done.errors] == ["sned"]
    assert after.active["trial-welcome"] == before.active["trial-welcome"]


def test_a_sequence_file_too_broken_to_say_its_name_removes_nothing(
    ledger: Ledger, workspace: Path
) -> None:
    applied(ledger, workspace)
    (workspace / TRIAL).write_bytes(b"\xff\xfe{[")
    done, after = applied(ledger, workspace)
    assert "removed" not in statuses(done).values()
    assert "trial-welcome" in after.active


def test_an_error_in_a_head_file_refuses_everything(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    _, before = applied(ledger, workspace)
    edit("scoring.yaml", "points: 10", "points: ten")
    edit("sequences/win-back.yaml", "wait: 7 days", "wait: 8 days")
    done, after = applied(ledger, workspace)
    assert done.refused
    assert done.changes == ()
    assert [problem.file for problem in done.errors] == ["scoring.yaml"]
    assert after.active == before.active


def test_a_removed_sequence_is_inactive_and_who_is_in_it_finishes(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    _, before = applied(ledger, workspace)
    old = before.active["trial-welcome"].definition_id
    with ledger.begin() as session:
        enrol(session, old)
    (workspace / TRIAL).unlink()
    edit("sequences/long-nurture.yaml", "    not: {sequence: trial-welcome}\n", "")
    done, after = applied(ledger, workspace)
    assert statuses(done)["trial-welcome"] == "removed"
    assert "trial-welcome" not in after.active
    assert after.programs[old].sequence == "trial-welcome"
    assert "welcome" in after.templates


def test_a_template_whose_file_is_gone_is_still_there_for_versions_in_use(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    _, before = applied(ledger, workspace)
    with ledger.begin() as session:
        enrol(session, before.active["trial-welcome"].definition_id)
    (workspace / "templates/welcome.html").unlink()
    (workspace / "templates/welcome.txt").unlink()
    edit(TRIAL, "      - send: welcome\n", "")
    done, after = applied(ledger, workspace)
    assert statuses(done)["welcome.html"] == "removed"
    assert after.templates["welcome"] == before.templates["welcome"]


def test_a_new_sequence_that_sends_a_mail_never_good_is_kept_back(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    edit("templates/welcome.html", "{{ unsubscribe_url }}", "https://example.test/")
    done, after = applied(ledger, workspace)
    assert "trial-welcome" not in after.active
    assert "welcome" not in after.templates
    assert {"win-back", "long-nurture"} <= set(after.active)
    assert {problem.file for problem in done.errors} == {"templates/welcome.html"}


def test_a_stored_version_this_program_cannot_read_is_left_out_and_named(
    ledger: Ledger, workspace: Path
) -> None:
    applied(ledger, workspace)
    with ledger.begin() as session:
        row = session.exec(select(t.Definition).where(t.Definition.name == "win-back")).one()
        row.source, row.hash = f"{row.source}old_word: 1\n", "0" * 64
    with ledger.begin() as session:
        definitions = load_definitions(session)
    assert "win-back" not in definitions.active
    assert "trial-welcome" in definitions.active
    assert "old_word" in " ".join(definitions.unreadable)


def test_loading_takes_two_statements_and_the_topic_comes_from_the_step_or_the_template(
    ledger: Ledger, workspace: Path
) -> None:
    _, definitions = applied(ledger, workspace)
    with counting(ledger) as statements, ledger.begin() as session:
        load_definitions(session)
    assert len([each for each in statements if each.lstrip().upper().startswith("SELECT")]) <= 2
    sends = [s for s in definitions.active["trial-welcome"].steps if isinstance(s, Send)]
    assert {(send.email, send.topic) for send in sends} >= {
        ("welcome", "product-tips"),
        ("live-session", "events"),
    }


def test_every_hours_key_in_use_has_its_calendar(ledger: Ledger, workspace: Path) -> None:
    _, definitions = applied(ledger, workspace)
    used = {program.window.hours for program in definitions.programs.values()}
    used |= {key for key, _ in definitions.sales_hours}
    assert used - {None} <= set(definitions.hours)
