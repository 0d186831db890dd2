"""The rules of dependency hold because `make lint` fails when they are broken: break each once."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import size_gate

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "flows", "insight", "handoff", "nurture")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"

CLOCK = [
    "from datetime import datetime, UTC\n\nNOW = datetime.now(UTC)\n",
    "import datetime\n\nNOW = datetime.datetime.now(tz=datetime.UTC)\n",
    "import datetime\n\nTODAY = datetime.date.today()\n",
    "import time\n\nNOW = time.time()\n",
    "from time import time as seconds\n\nNOW = seconds()\n",
    "from sqlalchemy import func\n\nNOW = func.now()\n",
    "import sqlalchemy as sa\n\nNOW = sa.func.current_timestamp()\n",
    "from sqlmodel import func\n\nNOW = func.now()\n",
]
ENVIRONMENT = [
    'import os\n\nHOME = os.environ["HOME"]\n',
    'import os\n\nHOME = os.getenv("HOME")\n',
    "from os import environ\n\nHOME = environ\n",
    "from pydantic_settings import BaseSettings\n\nKIND = BaseSettings\n",
]
SESSIONS = [
    "from sqlalchemy.orm import sessionmaker\n\nMAKE = sessionmaker()\n",
    'from sqlalchemy import create_engine\n\nENGINE = create_engine("sqlite://")\n',
]
STATEMENTS = [
    "from sqlalchemy import select\n\nFOUND = select(1)\n",
    "from sqlmodel import select\n\nFOUND = select(1)\n",
    "from sqlmodel import col\n\nFOUND = col(1)\n",
    'import sqlalchemy as sa\n\nFOUND = sa.text("SELECT 1")\n',
    "import sqlalchemy as sa\n\nCOUNT = sa.func.count()\n",
    "from sqlalchemy import delete, insert, update\n\nKINDS = (insert, update, delete)\n",
    "from sqlalchemy.sql import select\n\nFOUND = select(1)\n",
    "from sqlalchemy.sql.expression import exists\n\nFOUND = exists()\n",
    "from sqlalchemy.dialects.sqlite import insert\n\nKIND = insert\n",
]
BELOW_APP = ("nurture/scoring/x.py", "handoff/x.py", "insight/x.py", "flows/x.py")


TIMED = re.compile(r"assert .*\b(monotonic|perf_counter|process_time)\(\)")


def test_no_test_asserts_a_time() -> None:
    """Machines are slow and shared; how fast things are is for `make bench`."""
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in sorted(ROOT.glob("tests/**/*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if TIMED.search(line) and "deadline" not in line and ".until" not in line
    ]
    assert not found


def ruff(source: str, name: str) -> str:
    """What the project's ruff says of `source` if it stood in the file `name`."""
    program = Path(sys.executable).with_name("ruff")  # `-m ruff` costs a Python each time
    command = [program, "check", "--no-cache", "--output-format=concise"]
    done = subprocess.run(
        [*command, "--stdin-filename", name, "-"],
        input=source,
        text=True,
        capture_output=True,
        timeout=30,
        cwd=ROOT,
    )
    return done.stdout


@pytest.mark.parametrize("room", BELOW_APP)
@pytest.mark.parametrize("source", CLOCK)
def test_a_clock_below_app_fails_lint(room: str, source: str) -> None:
    assert "TID251" in ruff(source, room)


@pytest.mark.parametrize("source", CLOCK[:5])
def test_app_may_read_the_clock(source: str) -> None:
    assert "TID251" not in ruff(source, "app/x.py")


@pytest.mark.parametrize("room", ["app/x.py", *BELOW_APP])
@pytest.mark.parametrize("source", ENVIRONMENT)
def test_the_environment_outside_settings_fails_lint(room: str, source: str) -> None:
    assert "TID251" in ruff(source, room)


@pytest.mark.parametrize("source", ENVIRONMENT)
def test_settings_may_read_the_environment(source: str) -> None:
    assert "TID251" not in ruff(source, "app/settings.py")


@pytest.mark.parametrize("source", STATEMENTS)
@pytest.mark.parametrize("name", ["app/x.py", "app/web/x.py", "app/demo/x.py"])
def test_app_builds_no_statement(name: str, source: str) -> None:
    assert "app/ holds no SQL" in ruff(source, name)


@pytest.mark.parametrize("source", STATEMENTS)
def test_below_app_statements_may_be_built(source: str) -> None:
    assert "TID251" not in ruff(source, "insight/x.py")


@pytest.mark.parametrize("room", ["app/x.py", "nurture/ledger/x.py", *BELOW_APP])
@pytest.mark.parametrize("source", SESSIONS)
def test_engines_and_sessions_outside_the_ledger_fail_lint(room: str, source: str) -> None:
    assert "TID251" in ruff(source, room)


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """The rooms without content, under the project's real contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in (*ROOMS, *parts(tmp_path / "pyproject.toml")):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    return tmp_path


def parts(file: Path) -> Iterator[str]:
    """What the contracts order inside the rooms, as folders."""
    linter = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["importlinter"]
    for contract in linter["contracts"]:
        for container in contract.get("containers", ()):
            for part in re.split("[|:]", "|".join(contract["layers"])):
                yield f"{container}/{part.strip()}".replace(".", "/")


def contracts(root: Path) -> tuple[int, str]:
    """Run import-linter in `root`; its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root), "COLUMNS": "200"},
        text=True,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_rooms_without_a_forbidden_import_pass(skeleton: Path) -> None:
    (skeleton / "app" / "x.py").write_text("import flows, nurture.ledger, prefect, fastapi\n")
    predicates = skeleton / "nurture" / "language" / "sql" / "x.py"
    predicates.write_text("import nurture.calendar, sqlalchemy\n")
    code, said = contracts(skeleton)
    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(
    ("place", "imported", "contract"),
    [
        ("flows", "app", "Rooms"),
        ("insight", "flows", "Rooms"),
        ("handoff", "insight", "Rooms"),
        ("nurture/scoring", "handoff", "Rooms"),
        ("nurture/scoring", "nurture.sequences", "Inside nurture"),
        ("nurture/delivery", "nurture.scoring", "Inside nurture"),
        ("nurture/language", "nurture.delivery", "Inside nurture"),
        ("nurture/calendar", "nurture.language", "Inside nurture"),
        ("nurture/language/files", "nurture.language.checks", "Inside the language"),
        ("nurture/language/grammar", "nurture.language.sql", "Inside the language"),
        ("nurture/ledger", "nurture.calendar", "Inside nurture"),
        ("nurture/ledger/statements", "nurture.ledger.intake", "Inside the ledger"),
        ("nurture/delivery/mails", "nurture.delivery.claim", "Inside delivery"),
        ("handoff/sla", "handoff.routing", "Inside handoff"),
        ("handoff/routing", "handoff.answering", "Inside handoff"),
        ("handoff/answering", "handoff.crm", "Inside handoff"),
        ("nurture/delivery", "prefect", "The core knows"),
        ("handoff", "apscheduler", "The core knows"),
        ("insight", "fastapi", "The core knows"),
        ("nurture/calendar", "sqlalchemy", "Calendars are pure"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    skeleton: Path, place: str, imported: str, contract: str
) -> None:
    (skeleton / place / "planted.py").write_text(f"import {imported}\n")
    code, said = contracts(skeleton)
    assert code == 1, said
    broken = [line for line in said.splitlines() if line.endswith("BROKEN")]
    assert [line for line in broken if line.startswith(contract)], said


@pytest.mark.parametrize(
    "room", ["nurture", "nurture/delivery", "nurture/language", "nurture/ledger", "handoff"]
)
def test_a_new_part_of_a_room_needs_a_place_in_the_layers(skeleton: Path, room: str) -> None:
    (skeleton / room / "extras.py").touch()
    code, said = contracts(skeleton)
    assert code == 1, said
    broken = [line for line in said.splitlines() if line.endswith("BROKEN")]
    assert broken, said


def sized(lines: int) -> str:
    return "x = 1\n" * lines


def test_a_file_above_300_lines_is_named_and_above_400_fails() -> None:
    assert not list(size_gate.judge(sized(300), "a.py"))
    (warned,) = size_gate.judge(sized(301), "a.py")
    assert not warned.fails
    assert "301 lines" in str(warned)
    assert not next(size_gate.judge(sized(400), "a.py")).fails
    assert next(size_gate.judge(sized(401), "a.py")).fails


def test_a_function_above_60_lines_fails_decorators_included() -> None:
    body = "    x = 1\n"
    assert not list(size_gate.judge(f"def long():\n{body * 59}", "a.py"))
    deep = "        x = 1\n"
    (found,) = size_gate.judge(f"class A:\n    async def long(self):\n{deep * 60}", "a.py")
    assert found.fails
    assert "a.py:2: long has 61 lines" in str(found)
    assert list(size_gate.judge(f"@mark\ndef long():\n{body * 59}", "a.py"))


def test_the_size_gate_covers_tests_and_benchmarks_and_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "benchmarks").mkdir()
    assert size_gate.main([str(tmp_path)]) == 0
    (tmp_path / "tests" / "deep" / "test_a.py").write_text(sized(401))
    (tmp_path / "benchmarks" / "b.py").write_text("def broken(:\n")
    assert size_gate.main([str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "test_a.py" in said
    assert "benchmarks/b.py:1: not Python" in said


# ---------------------------------------------------------------- tests in several processes


@pytest.mark.xdist_group("together")
def test_a_group_of_tests_keeps_to_one_process(request: pytest.FixtureRequest) -> None:
    """By the end of their names; without it every process would make what a group shares."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@together")
