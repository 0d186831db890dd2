"""The groups of tests that need something of the machine, and the account of which of them ran.

A group is a marker.  Without what it needs its tests are skipped, and the last lines of the run say
how many and how to switch them on.  `NURTURE_TEST_REQUIRE=postgres,redis` turns that into a
failure: a group named there must have run, whole.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Group:
    """What a group needs: an environment variable, or a program on the path."""

    needs: str
    switch: str
    variable: str = ""
    programs: tuple[str, ...] = ()


GROUPS = {
    "postgres": Group(
        "PostgreSQL",
        "NURTURE_TEST_POSTGRES=postgresql://postgres@127.0.0.1:5432/postgres",
        variable="NURTURE_TEST_POSTGRES",
    ),
    "redis": Group(
        "Redis", "NURTURE_TEST_REDIS=redis://127.0.0.1:6379/0", variable="NURTURE_TEST_REDIS"
    ),
    "shared": Group(
        "the shared data sets", "NURTURE_SHARED_DATA=<folder>", variable="NURTURE_SHARED_DATA"
    ),
    "web": Group(
        "a browser",
        "install chromium",
        programs=("chromium", "chromium-browser", "google-chrome"),
    ),
}
SWITCHES = {
    *(group.variable for group in GROUPS.values() if group.variable),
    "NURTURE_TEST_REQUIRE",
}


def group_of(item: pytest.Item) -> list[str]:
    """The groups a test belongs to, by its markers."""
    return [name for name in GROUPS if item.get_closest_marker(name)]


def why_left_out(name: str, environ: Mapping[str, str]) -> str:
    """Why a group cannot run here; empty when it can."""
    group = GROUPS[name]
    if group.variable:
        here = bool(environ.get(group.variable))
    else:
        here = any(shutil.which(program) for program in group.programs)
    return "" if here else f"needs {group.needs}; switch on with {group.switch}"


class Account:
    """Counts what ran and what was left out; works in the one process that prints the result."""

    def __init__(self, required: str) -> None:
        self.required = [name.strip() for name in required.split(",") if name.strip()]
        self.ran: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.other_skips: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        groups = [str(value) for key, value in report.user_properties if key == "group"]
        if report.when == "call" and not report.skipped:
            self.ran.update(groups)
        elif report.skipped and not hasattr(report, "wasxfail"):
            if groups:
                self.left_out.update(groups)
            else:
                self.other_skips[f"{report.nodeid}: {_reason(report)}"] += 1

    def missing(self) -> list[str]:
        """What a required group lacks, one sentence each."""
        sentences = []
        for name in self.required:
            if name not in GROUPS:
                sentences.append(f"NURTURE_TEST_REQUIRE names {name}; known: {', '.join(GROUPS)}")
            elif self.left_out[name]:
                sentences.append(f"{name}: required, but {self.left_out[name]} tests were left out")
            elif not self.ran[name]:
                sentences.append(f"{name}: required, but no test of it ran")
        return sentences

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        selecting = session.config.option.collectonly
        on_worker = hasattr(session.config, "workerinput")
        if self.missing() and not selecting and not on_worker and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.left_out or self.other_skips:
            terminalreporter.section("left out")
        for name, count in self.left_out.items():
            group = GROUPS[name]
            terminalreporter.line(
                f"{name}: {count} not run, for want of {group.needs}; {group.switch}"
            )
        for what in self.other_skips:
            terminalreporter.line(f"skipped: {what}")
        for sentence in self.missing():
            terminalreporter.line(f"FAILED {sentence}", red=True)


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
