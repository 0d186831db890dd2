"""`nurture route`: who would get a lead, and what another routing would have done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.cli.conftest import Run, document, ledger_of
from tests.handoff.sales_desk import everything


def test_it_says_where_a_lead_goes_and_why_and_changes_nothing(run: Run, folder: Path) -> None:
    def rows() -> object:
        ledger = ledger_of(folder)
        with ledger.looking() as session:
            found = everything(session)
        ledger.close()
        return found

    before = rows()
    told = run("route", "--explain", "id:X-2")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[:3] == [
        "team        smb", "decided by  handoff/routing/3", "because     smb: no other route fits",
    ]  # fmt: skip
    assert "Everybody of smb" in lines
    assert [line.split()[0] for line in lines[-2:]] == ["alicia", "theo"]
    found = document(run("route", "--explain", "ann@example.test", "--json"))
    assert (found["handoff"], found["holder"], found["team"]) == (1, "bo", "enterprise")
    assert [each["rep"] for each in found["candidates"]] == ["bo", "mareike", "owen"]
    assert run("route", "--explain", "ann@example.test").stdout.startswith(
        "It is with sales already, as handoff 1. If it were given on:\n"
    )
    assert rows() == before


def test_what_another_file_would_have_done(run: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "new.yaml"
    text = (folder / "handoff.yaml").read_text()
    other.write_text(text.replace("team: enterprise", "team: smb"))
    since = ("--since", "2026-01-01")
    assert run("handoffs", "list").exit_code == 0
    found = document(run("route", "--what-if", other, *since, "--json"))
    assert (found["handoffs"], found["elsewhere"]) == (0, 0)  # its team was not routing's choice
    ledger = ledger_of(folder)
    with ledger.begin() as session:
        session.connection().exec_driver_sql("UPDATE handoff SET path = 'handoff/routing/1'")
    ledger.close()
    told = run("route", "--what-if", other, *since)
    assert told.stdout.splitlines() == [
        "Of 1 handoff that routing decided since 2026-01-01 00:00, 1 would have gone elsewhere.",
        "handoffs  from team   to team  to rep  by                 which says",
        "       1  enterprise  smb              handoff/routing/1  smb: a large company",
    ]
    whole = Path(shutil.copytree(folder, tmp_path / "other"))
    (whole / "handoff.yaml").write_text(other.read_text())
    assert document(run("route", "--what-if", whole, *since, "--json"))["elsewhere"] == 1
    assert run("route", "--what-if", folder, *since).stdout.endswith("Nothing would change.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "say one of --explain LEAD and --what-if PATH"),
        (("--explain", "nobody@example.test"), 1, "no lead with the address"),
        (("--what-if", "missing.yaml"), 1, "missing.yaml cannot be read: No such file"),
        (("--what-if", ".", "--since", "yesterday"), 2, "'yesterday' is no instant"),
        (("--explain", "id:X-1", "--what-if", "."), 2, "say one of"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    done = run("route", *words)
    assert done.exit_code == code
    assert said in done.stderr


def test_a_file_with_errors_is_not_compared(run: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "new.yaml"
    text = (folder / "handoff.yaml").read_text()
    other.write_text(text.replace("otherwise: smb", "otherwise: smbs"))
    done = run("route", "--what-if", other)
    assert done.exit_code == 1
    assert 'unknown team "smbs"' in done.stderr
