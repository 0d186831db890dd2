"""Benchmarks measure the same work on both sides, or say that they do not.  No time is asserted."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks import __main__ as program
from benchmarks import advance, ledgers, routing
from benchmarks.figures import Figure, Unequal, same, table
from benchmarks.workspaces import STARTER
from nurture.ledger.engine import Ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.mark.parametrize("name", program.ALL)
def test_each_can_be_imported_and_measures(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").measure)


def test_bare_sql_and_the_engine_write_the_same_rows(url: str) -> None:
    ratios, _, _ = advance.compared(url, 100)
    assert len(ratios) == advance.PAIRS


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        ("DELETE FROM message WHERE lead_id = 7", "message"),
        ("UPDATE message SET topic = 'other' WHERE lead_id = 7", "message.topic"),
        ("UPDATE message SET expires_at = NULL WHERE lead_id = 7", "message.expires_at"),
        ("UPDATE enrolment SET step_at = step_at + 1 WHERE lead_id = 7", "enrolment.step_at"),
    ],
)
def test_one_row_written_otherwise_is_noticed(
    url: str, wrong: str, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = advance.bare

    def lazy(ledger: Ledger) -> None:
        by_hand(ledger)
        with ledger.begin() as session:
            session.execute(text(wrong))

    monkeypatch.setattr(advance, "bare", lazy)
    with pytest.raises(Unequal, match=f"{column} "):
        advance.compared(url, 100)


def test_a_ledger_is_filled_from_nothing(url: str) -> None:
    for leads in (20, 10):
        ledger = ledgers.fresh(url)
        ledgers.fill(ledger, leads)
        with ledger.looking() as session:
            assert ledgers.sums(session, "enrolment")["enrolment"] == leads
        ledger.close()


def test_sums_differ_when_one_side_lacks_a_column() -> None:
    with pytest.raises(Unequal, match="there: .*touch None / 3"):
        same({"engagement": 3}, {"engagement": 3, "touch": 3}, where="there")


def test_many_differences_are_counted_and_few_named() -> None:
    theirs = {f"lead {number:02}": 1 for number in range(20)}
    with pytest.raises(Unequal, match=r"lead 04 1 / None \(20 in all\)$"):
        same(theirs, {}, where="here")


def test_no_brake_holds_what_is_to_be_routed(tmp_path: Path) -> None:
    said = (routing.folder_with(tmp_path / "workspace") / "handoff.yaml").read_text()
    assert said.count("territory") == routing.RULES
    assert "\nbrake:" in (STARTER / "handoff.yaml").read_text()
    assert "\nbrake:" not in said


def test_targets_are_met_or_not() -> None:
    rows = [
        ("a", Figure("a ratio", 0.49, at_least=0.5)),
        ("b", Figure("runs", 0, "flow runs", at_most=0)),
        ("c", Figure("a rate", 1234.5, "leads/s")),
    ]
    assert [figure.met for _, figure in rows] == [False, True, None]
    assert [line.split()[-1] for line in table(rows).splitlines()] == [
        "met",
        "NO",
        "yes",
        "leads/s",
    ]


@pytest.mark.parametrize(("given", "meant"), [("advence", "advance"), ("intakes", "intake")])
def test_an_unknown_name_is_answered_with_the_nearest(
    given: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main([given])
    assert ended.value.code == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_what_cannot_run_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from benchmarks import __main__ as program, children\n"
        "def lines(module, name, *, seconds):\n"
        "    if name == 'mail':\n"
        "        raise children.Failed('smtp-sink is not installed', 3)\n"
        "    if name == 'flow':\n"
        "        raise children.Failed('boom', 1)\n"
        '    yield \'{"what": "w", "seen": 2.0, "at_least": 1.0, "met": true}\'\n'
        "children.lines = lines\n"
        "sys.exit(program.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "mail", "flow", "idle", "--json"],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert said["not_run"]["mail"] == "smtp-sink is not installed"
    assert said["failed"] == {"flow": "boom"}
    assert [row["benchmark"] for row in said["figures"]] == ["idle"]
