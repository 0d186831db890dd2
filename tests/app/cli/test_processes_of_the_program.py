"""The program as its users start it: quick, quiet pipes, clean interrupts, readable terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

START = "from app.cli import main; main()"
MANY = 120_000
HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""Tests that run in the background were started with Ctrl-C switched off, and hand that on."""
END = "(end)"
SEVERAL = f"""
import json, sys
from app.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["nurture", *words]
    try:
        main()
    except SystemExit:
        pass
    print({END!r}, flush=True)
"""
"""Commands one after the other in one process: each start of a Python costs a second."""
PLAIN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def nurture(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    given: dict[str, object] = {"timeout": 60, "text": True, "capture_output": True, "env": PLAIN}
    return subprocess.run([sys.executable, "-c", START, *words], **given | options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("words", [["--help"], ["validate", "--workspace"]])
def test_a_quick_command_imports_neither_prefect_nor_a_web_server(
    folder: Path, words: list[str]
) -> None:
    words = [*words, str(folder)] if words[-1] == "--workspace" else words
    script = (
        "import sys\nfrom app.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'prefect', 'fastapi', 'uvicorn', 'apscheduler'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, env=PLAIN, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_json_on_standard_output_is_one_document_and_nothing_else(folder: Path) -> None:
    done = nurture("tick", "--now", "2033-01-01T00:00Z", "--json", "-w", str(folder))
    assert json.loads(done.stdout)["now"] == "2033-01-01T00:00:00+00:00"
    assert "rehearsal" in done.stderr


def test_a_reader_who_leaves_early_is_no_error(folder: Path) -> None:
    shell = f'"{sys.executable}" -c "{START}" lead timeline id:X-1 -w "{folder}" | head -c 1'
    done = subprocess.run(shell, shell=True, text=True, capture_output=True, env=PLAIN, timeout=60)
    assert done.stderr.strip() in ("", "Times in Europe/Berlin.")


def test_ctrl_c_ends_an_import_cleanly_and_the_next_one_finishes_it(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "many.csv"
    rows = "".join(f"p{number}@example.test\n" for number in range(MANY))
    file.write_text("email\n" + rows)
    import_it = ["leads", "import", str(file), "-w", str(folder)]
    command = [sys.executable, "-c", HEARS + START, *import_it]
    running = subprocess.Popen(
        command, env=PLAIN, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wal = folder / ".nurture" / "nurture.db-wal"
    deadline = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < deadline:
        if wal.exists() and wal.stat().st_size > 500_000:
            break
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130, errors
    assert errors.splitlines()[-1] == "nurture: interrupted"
    assert "Traceback" not in errors
    assert 0 < known(folder) < MANY
    assert subprocess.run(command, env=PLAIN, capture_output=True, timeout=60).returncode == 0
    assert known(folder) == MANY


def known(folder: Path) -> int:
    """How many of the file's leads the ledger has."""
    with closing(sqlite3.connect(folder / ".nurture" / "nurture.db")) as ledger:
        found = ledger.execute("SELECT count(*) FROM lead WHERE email_key LIKE 'p%@example.test'")
        return int(found.fetchone()[0])


def test_tables_fit_a_terminal_of_eighty_columns(folder: Path) -> None:
    commands = (["handoffs", "list"], ["lead", "timeline", "id:X-1"], ["sequences", "list"],
                ["messages", "list"], ["doctor"])  # fmt: skip
    *told, rest = _on_a_terminal([[*words, "-w", str(folder)] for words in commands]).split(END)
    assert (len(told), rest.strip()) == (len(commands), "")
    for shown in told:
        wide = [line for line in shown.splitlines() if len(line) > 80 and ":" not in line[:8]]
        assert not wide
        assert "─" in shown or "━" in shown


def _on_a_terminal(commands: list[list[str]]) -> str:
    """What is read of these commands, `END` behind each, on a pseudo terminal of 80 columns.

    Without colours; bold is left out.
    """
    ours, theirs = pty.openpty()
    environment = PLAIN | {"COLUMNS": "80", "LINES": "40", "TERM": "xterm", "NO_COLOR": "1"}
    running = subprocess.Popen(
        [sys.executable, "-c", SEVERAL, json.dumps(commands)],
        stdout=theirs, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the other end is closed: the program has ended
        pass
    finally:
        os.close(ours)
        running.wait(30)
    assert b"\x1b[3" not in shown
    return re.sub(r"\x1b\[\d*m", "", shown.decode()).replace("\r\n", "\n")
