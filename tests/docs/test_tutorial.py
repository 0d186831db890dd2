"""Pages that tell a story are true: their commands are run, and show what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import PREFIX, process_environment
from tests.commands import invoke

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"tutorial": 15, "changing": 10}
"""The pages, and how many commands of ours each has at least."""
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
Step = tuple[str, list[str]]


def steps(page: str) -> Iterator[Step]:
    """Each command (with what it is fed) and the lines shown below it."""
    for block in CONSOLE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")):
        command, shown, feeding = "", [], False
        for line in block.splitlines():
            if feeding:
                command += f"\n{line}"
                feeding = line != "END"
            elif line.startswith("$ "):
                if command:
                    yield command, shown
                command, shown, feeding = line[2:], [], "<<" in line
            else:
                shown.append(line)
        yield command, shown


def missing(shown: list[str], said: list[str]) -> list[str]:
    """Shown lines the command did not say, in order; `…` stands for what is left out.

    How wide a column is hangs on how long ago the page's days are: blanks count as one.
    """
    lines, lost = iter([_narrow(line) for line in said]), []
    for line in shown:
        if line.strip() in ("", "…"):
            continue
        start, cut, _ = _narrow(line).partition("…")
        if not any(real.startswith(start) if cut else real == start for real in lines):
            lost.append(line)
            lines = iter([_narrow(line) for line in said])
    return lost


def _narrow(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_its_commands_say(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in process_environment() if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    ran = 0
    for command, shown in steps(page):
        if command.startswith("cd "):
            monkeypatch.chdir(Path.cwd() / command[3:])
            said = ""
        elif command.startswith("nurture "):
            said = invoke(*shlex.split(command)[1:]).output
        else:
            done = subprocess.run(
                command, shell=True, capture_output=True, text=True, check=True, timeout=20
            )
            said = done.stdout
        assert missing(shown, [line.rstrip() for line in said.splitlines()]) == [], (
            f"$ {command}\n{said}"
        )
        ran += command.startswith("nurture ")
    assert ran >= PAGES[page]
