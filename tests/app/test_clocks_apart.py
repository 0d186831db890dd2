"""Machines whose clocks differ, or jump: each leaves to the other what the other has in hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app import clocks
from app.health import ledger as ledger_health
from app.settings import read_settings
from app.wiring import open_workspace
from flows.runtime import Runtime
from flows.tick import Outcome, jobs, run_tick
from nurture.delivery.claim import claim
from nurture.delivery.sweep import sweep
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.statements.upsert import table_of
from tests.app.cli.conftest import invoke
from tests.fixtures_ledger import make_lead, make_message

pytestmark = pytest.mark.postgres
MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)
LOCK = table_of(t.Lock)


@dataclass
class Machine:
    """A machine's own clock, so far ahead of what it is."""

    ahead: timedelta

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Opened:
    """Opens one workspace, on one database, on a machine."""

    folder: Path
    patch: pytest.MonkeyPatch

    @contextmanager
    def __call__(self, machine: Machine) -> Iterator[Runtime]:
        self.patch.setattr(clocks, "wall_clock", machine)
        with open_workspace(self.folder, read_settings()) as runtime:
            yield runtime


@pytest.fixture
def on(tmp_path: Path, own_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setenv("NURTURE_DATABASE", own_postgres_url)
    assert invoke("init", tmp_path / "company").exit_code == 0
    assert invoke("apply", "-w", tmp_path / "company").exit_code == 0
    return Opened(tmp_path / "company", monkeypatch)


def begun(runtime: Runtime) -> Iterator[object]:
    """A tick that has the turn and is at work."""
    with runtime.ledger.begin() as session:
        make_lead(session, f"lead{runtime.clock()}@example.test")
        ticks.touch_everybody(session)
    tick = jobs(runtime, Outcome(runtime.clock()))
    assert next(tick).name == "score"
    return tick


def ticked(runtime: Runtime) -> Outcome:
    return run_tick(runtime, now=runtime.clock())


@pytest.mark.parametrize("ahead", [MINUTES, -MINUTES])
def test_a_machine_minutes_ahead_or_behind_leaves_the_turn_to_whoever_has_it(
    on: Opened, ahead: timedelta
) -> None:
    with on(Machine(timedelta())) as right, on(Machine(ahead)) as wrong:
        for one, other in ((right, wrong), (wrong, right)):
            tick = begun(one)
            assert ticked(other).busy
            list(tick)
            assert not ticked(other).busy


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_while_its_machine_has_the_turn_neither_loses_nor_keeps_it(
    on: Opened, jump: timedelta
) -> None:
    machine = Machine(timedelta())
    with on(machine) as one, on(Machine(timedelta())) as other:
        tick = begun(one)
        machine.ahead += jump
        assert ticked(other).busy
        assert prolonged(one)
        assert ticked(other).busy
        with other.ledger.begin() as session:  # as if it had died, and its lease had passed
            session.execute(update(LOCK).values(until=LOCK.c.until - ticks.LEASE))
        assert not ticked(other).busy
        list(tick)


def prolonged(runtime: Runtime) -> bool:
    return ticks.take_turn(runtime.ledger, owner=runtime.owner, clock=runtime.clock)


@pytest.mark.parametrize("ahead", [MINUTES, -MINUTES])
def test_a_machine_minutes_ahead_or_behind_takes_no_claim_from_a_living_sender(
    on: Opened, ahead: timedelta
) -> None:
    with on(Machine(timedelta())) as right, on(Machine(ahead)) as wrong:
        for one, other in ((right, wrong), (wrong, right)):
            with one.ledger.begin() as session:
                now = one.clock()
                lead = make_lead(session, f"lead{now}@example.test")
                make_message(session, lead, kind="notice", notice_key=f"{now}", due_at=now)
                taken = claim(
                    session, one.definitions(), owner="sender", now=now, size=9, kind="notice"
                )
                assert taken.tickets
            with other.ledger.begin() as session:
                assert not sweep(session, now=other.clock())


@pytest.mark.parametrize("ahead", [MINUTES, -MINUTES])
def test_a_machine_whose_clock_is_wrong_finds_due_what_is_due(
    on: Opened, ahead: timedelta
) -> None:
    with on(Machine(timedelta())) as right, on(Machine(ahead)) as wrong:
        for number, (due, sent) in enumerate(((-MINUTES / 2, 1), (MINUTES / 2, 0))):
            with right.ledger.begin() as session:
                lead = make_lead(session, f"lead{number}@example.test")
                at = right.clock() + due
                make_message(session, lead, kind="notice", notice_key=f"{number}", due_at=at)
                now = wrong.clock()
                found = claim(
                    session, wrong.definitions(), owner="x", now=now, size=9, kind="notice"
                )
                assert len(found.tickets) == sent


@pytest.mark.parametrize(
    ("ahead", "state", "found"),
    [
        (timedelta(), "ok", "that of the database"),
        (MINUTES, "warn", "300 s ahead of the database's"),
        (-MINUTES, "warn", "300 s behind the database's"),
    ],
)
def test_doctor_says_how_far_the_clocks_are_apart(
    on: Opened, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, state: str, found: str
) -> None:
    machine = Machine(ahead)
    monkeypatch.setattr(ledger_health, "wall_clock", machine)
    with on(machine) as runtime:
        assert ticks.take_turn(runtime.ledger, owner="elsewhere:1:1/1", clock=runtime.clock)
        told = invoke("doctor", "--json", "-w", on.folder)
    checks = {each["check"]: each for each in json.loads(told.stdout)["checks"]}
    assert (checks["clock"]["state"], checks["clock"]["found"]) == (state, found)
    assert ("NTP" in checks["clock"]["advice"]) == (state == "warn")
    assert checks["lease"]["found"] == "a tick of elsewhere:1:1/1 is running"
