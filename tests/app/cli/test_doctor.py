"""What is wrong, and what to do about it: `nurture doctor`, `nurture validate`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.app.cli.conftest import Run, document
from tests.app.cli.test_commands import ok


def test_doctor_names_what_is_wrong_and_what_to_do(run: Run, folder: Path) -> None:
    secret = folder / ".nurture" / "secret"
    secret.chmod(0o644)
    (folder / "scoring.yaml").write_text("nonsense: 1\n")
    told = run("doctor", "--json")
    assert told.exit_code == 1
    found = {each["check"]: each for each in document(told)["checks"]}
    assert found["link keys"]["state"] == "fail"
    assert "chmod 600" in found["link keys"]["advice"]
    assert found["definitions"]["state"] == "warn"
    assert found["mail"]["state"] == "warn"
    assert "resolve" in found["mail"]["advice"]
    assert found["schema"]["state"] == "ok"


def test_doctor_explains_an_old_sqlite(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    told = ok(run("doctor")).stdout
    assert "WAL-reset" in told
    assert "One process at a time is safe" in told
    assert "PostgreSQL" in told


def test_validate_apply_and_doctor_name_a_template_no_mail_could_be_made_of(
    run: Run, folder: Path
) -> None:
    """They try it as sending would: else it would come out with the first lead."""
    page = folder / "templates" / "welcome.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<body", "{{ brand | uper }}<body", 1))
    said = "no mail can be made of it: there is no filter “uper”; did you mean “upper”?"
    assert said in run("validate").stdout
    applied = run("apply", "--json")
    assert applied.exit_code == 1
    assert said in applied.stdout
    kept = [each["name"] for each in document(applied)["changes"] if each["status"] == "kept"]
    assert kept == ["welcome.html", "welcome.txt"]
    assert "1 errors in the files" in run("doctor").stdout


def test_validate_says_that_mails_need_https(run: Run, folder: Path) -> None:
    head = folder / "nurture.yaml"
    text = head.read_text(encoding="utf-8")
    head.write_text(text.replace("http://127.0.0.1:8080", "http://mail.example.test"))
    told = run("validate", "--json")
    assert told.exit_code == 1
    (problem,) = document(told)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("nurture.yaml", 10, 11)
    assert problem["found"] == "http://mail.example.test"
    assert problem["nearest"] == "https://mail.example.test"
