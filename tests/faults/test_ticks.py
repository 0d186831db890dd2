"""Ticks that are killed, doubled, late, or told a wrong time: rows as if nothing had happened."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.pool import Pool

from flows import tick
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, open_ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import LEASE
from nurture.sequences import entering
from tests.faults import ticker
from tests.fixtures_ledger import empty
from tests.processes import CHILDREN, Child, ended
from tests.properties.rows import everything
from tests.properties.sequences import FLOW, ORDERS, SLOW
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, SCORING, WORKSPACE

KILLED = -signal.SIGKILL
MONDAY = at("03-02 10:00")
LATER = ("03-03 10:30", "03-04 15:00", "03-07 12:00")
ENROLMENT = table_of(t.Enrolment).c


class Company:
    """A play with a few leads in different places, ticked in this process or in others."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        self.children: list[Child] = []
        self.begin()

    def begin(self) -> None:
        """From the beginning: the same leads, the same engagements, no tick yet."""
        empty(self.ledger)
        self.play = Play(self.ledger, self.folder, at("03-02 09:30"))
        self.play.apply(FLOW, SLOW, ORDERS, nurture=WORKSPACE, scoring=SCORING, handoff=HANDOFF)
        with self.play.at_once():
            for n in range(12):
                self.play.lead(f"l{n}", attributes={"employees": n * 100})
                for _ in range(n % 4):
                    self.play.event(f"l{n}", "page_viewed")
                self.play.event(f"l{n}", "form_submitted")
                if n % 3 == 0:
                    self.play.event(f"l{n}", "ordered", order_id=str(n))

    def child(self, *nows: datetime, owner: str = "child", crash_at: str = "") -> Child:
        """A process that ticks at these instants."""
        url = self.ledger.engine.url.render_as_string(hide_password=False)
        child = CHILDREN.Process(target=ticker.run, args=(url, self.folder, nows, owner, crash_at))
        child.start()
        self.children.append(child)
        return child

    def later(self, *instants: str) -> None:
        for instant in instants:
            self.play.tick(instant)

    def rows(self) -> Rows:
        return everything(self.play)


@pytest.fixture
def company(ledger: Ledger, tmp_path: Path) -> Iterator[Company]:
    made = Company(ledger, tmp_path / "workspace")
    try:
        yield made
    finally:
        for child in made.children:
            child.kill()
            child.join(10)


Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def on_tuesday(migrated_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows after the tick of Monday and one a day later, when both come to their end."""
    company = Company(migrated_ledger, tmp_path_factory.mktemp("undisturbed") / "workspace")
    company.play.tick(MONDAY)
    company.later(LATER[0])
    rows = company.rows()
    assert len(rows["enrolments"]) >= 16
    assert rows["handoffs"]
    empty(migrated_ledger)
    return rows


@pytest.fixture(scope="module")
def undisturbed(migrated_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows when every tick comes to its end, up to the end of the week."""
    company = Company(migrated_ledger, tmp_path_factory.mktemp("undisturbed") / "workspace")
    company.play.tick(MONDAY)
    company.later(*LATER)
    rows = company.rows()
    empty(migrated_ledger)
    return rows


@pytest.mark.parametrize(
    "where",
    [
        "rescore:before",
        "rescore:after",
        "leave:after",
        "enrol:before",
        "enrol:after",
        "advance:before",
        "advance:after",
        "advance:after:3",
        "open_handoffs:after",
        "assign:after",
        "write_notices:after",
        "deliver:before",
        "deliver:after",
        "look_again:after",
    ],
)
def test_a_tick_killed_anywhere_is_made_up_for_by_the_next(
    company: Company, on_tuesday: Rows, where: str
) -> None:
    """Later ticks go on from the rows of Tuesday alone: what is right in them stays right."""
    assert ended(company.child(MONDAY, crash_at=where)) == KILLED
    company.play.wrap = _impatient
    company.play.tick(MONDAY)
    company.later(LATER[0])
    found = company.rows()
    for table, rows in on_tuesday.items():
        assert found[table] == rows, table


@pytest.mark.parametrize("where", ["run_clocks:after", "climb:before", "climb:after"])
def test_a_tick_killed_on_the_ladder_is_made_up_for_by_the_next(
    company: Company, undisturbed: Rows, where: str
) -> None:
    company.play.tick(MONDAY)
    assert ended(company.child(at(LATER[0]), crash_at=where)) == KILLED
    company.play.wrap = _impatient
    company.later(*LATER)
    found = company.rows()
    assert [row for row in found["rungs"] if row[4] == "fired"]
    for table, rows in undisturbed.items():
        assert found[table] == rows, table


def _impatient(runtime: Any) -> Any:
    """Knows that the child is dead, as `app.processes.alive` does in life."""
    runtime.alive = lambda owner: owner != "child"
    return runtime


def test_a_dead_process_nobody_can_ask_about_holds_the_turn_for_its_lease_only(
    company: Company,
) -> None:
    assert ended(company.child(MONDAY, crash_at="enrol:after")) == KILLED
    assert company.play.tick(MONDAY + LEASE / 2).busy
    assert not company.play.tick(MONDAY + LEASE).busy
    assert company.play.rows(select(func.count(ENROLMENT.id)))[0][0] >= 16


def test_without_the_takeover_of_touches_a_kill_loses_leads(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the protection is for: with it taken out, the killed tick's leads never enter."""
    assert ended(company.child(MONDAY, crash_at="enrol:after")) == KILLED
    from nurture.ledger import ticks

    nothing = select(table_of(t.Tick).c.id).where(table_of(t.Tick).c.id < 0)
    monkeypatch.setattr(ticks, "_TAKE_BACK", nothing)
    monkeypatch.setattr(tick, "ROUNDS", 3)  # a tick looks so often at what it cannot take
    company.play.wrap = _impatient
    company.play.tick(MONDAY)
    company.later(LATER[0])
    assert company.play.rows(select(func.count(ENROLMENT.id)))[0][0] < 16


def test_the_same_tick_twice_changes_nothing(
    company: Company, undisturbed: Rows
) -> None:
    for instant in (MONDAY, *map(at, LATER)):
        company.play.tick(instant)
        rows = company.rows()
        assert not company.play.tick(instant).tally
        assert company.rows() == rows
    assert company.rows() == undisturbed


OTHER_PLANS = {
    "sqlite": "PRAGMA reverse_unordered_selects = ON",
    "postgresql": "SET enable_hashjoin = off; SET enable_nestloop = off",
}


def test_the_order_in_which_rows_come_makes_no_difference(
    ledger: Ledger, tmp_path: Path, undisturbed: Rows
) -> None:
    """Whatever plan the database finds: whose turn it is, and what is first, is said in words."""
    def plan_otherwise(connection: Any, _record: Any) -> None:
        connection.execute(OTHER_PLANS[ledger.dialect])
        if ledger.dialect == "postgresql":
            connection.commit()

    event.listen(Pool, "connect", plan_otherwise)
    try:
        other = open_ledger(ledger.engine.url.render_as_string(hide_password=False))
        company = Company(other, tmp_path / "workspace")
        company.play.tick(MONDAY)
        company.later(*LATER)
        assert company.rows() == undisturbed
        other.close()
    finally:
        event.remove(Pool, "connect", plan_otherwise)


def test_two_processes_ticking_at_once_give_one_result(
    company: Company, undisturbed: Rows
) -> None:
    both = [company.child(MONDAY, MONDAY, MONDAY, owner=name) for name in ("one", "two")]
    assert [ended(child, 100) for child in both] == [0, 0]
    company.play.tick(MONDAY)
    company.later(*LATER)
    assert company.rows() == undisturbed


def test_without_unique_turns_two_processes_would_enrol_twice(company: Company) -> None:
    """What the unique keys are for: the plain insert they stand behind doubles everybody."""
    company.play.tick(MONDAY)
    columns = ", ".join(entering.COLUMNS)
    rows = company.play.rows(select(func.count(ENROLMENT.id)))[0][0]
    doubled = f"INSERT INTO enrolment ({columns}) SELECT {columns} FROM enrolment"
    from sqlalchemy import text
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError):
        company.play.do(lambda s: s.execute(text(doubled)))
    assert company.play.rows(select(func.count(ENROLMENT.id)))[0][0] == rows


def test_three_days_of_outage_lose_nobody_and_double_nothing(company: Company) -> None:
    company.play.tick(MONDAY)
    outcome = company.play.tick(MONDAY + timedelta(days=3))
    assert outcome.next_due is None or outcome.next_due > company.play.now
    assert not company.play.tick().tally
    expired = [row for row in company.rows()["messages"] if row[4] == "expired"]
    assert all("could not go in the time" in row[7] for row in expired)
    firsts = [row for row in company.rows()["decisions"] if row[2] == "entered"]
    assert len(firsts) == len({(row[0], row[5]) for row in firsts})
    company.play.until(MONDAY + timedelta(days=20))
    standing = {row[4] for row in company.rows()["enrolments"]}
    assert "active" not in standing


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=40)])
def test_a_clock_that_jumps_forward_and_back_sends_nothing_twice(
    company: Company, ahead: timedelta
) -> None:
    for instant in (MONDAY, MONDAY + ahead, MONDAY + timedelta(minutes=5)):
        outcome = company.play.tick(instant)
        assert outcome.next_due is None or outcome.next_due > instant
    company.play.until(MONDAY + ahead + timedelta(days=20))
    sent = [row for row in company.rows()["messages"] if row[4] == "sent"]
    assert len(sent) == len(
        {(row[0], row[1], row[2], row[8]) for row in sent if row[0] == "nurture"}
        | {row for row in sent if row[0] != "nurture"}
    )
    assert "active" not in {row[4] for row in company.rows()["enrolments"]}
