"""People answer the same leads while ticks give them on, in processes of their own: some die."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from handoff.tables import CHANGE, CLOCK, HANDOFF, MESSAGE, RUNG
from nurture.ledger.engine import Ledger
from tests.faults import answerer, ticker
from tests.handoff import sales_desk as desk
from tests.processes import CHILDREN, Child, ended
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF as RULES

KILLED = -signal.SIGKILL
MANY = 24
OFFERED = at("03-02 10:00")
GIVEN_ON = OFFERED + timedelta(hours=6)
"""Four business hours to accept have run out, and two more."""


class Desk:
    """Leads offered to two people."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.play = Play(ledger, folder, OFFERED)
        self.play.apply(handoff=RULES)
        desk.queue(ledger, MANY)
        self.play.tick()
        assert {row.generation for row in self.rows(HANDOFF)} == {1}
        self.children: list[Child] = []

    def rows(self, table: Table, **where: Any) -> list[Any]:
        return list(self.play.do(lambda session: desk.rows(session, table, **where)))

    def answerer(self, verb: str, numbers: Sequence[int], *, die_at: int = 0) -> Child:
        url = self.ledger.engine.url.render_as_string(hide_password=False)
        return self._started(answerer.run, url, verb, numbers, GIVEN_ON, die_at)

    def ticker(self) -> Child:
        url = self.ledger.engine.url.render_as_string(hide_password=False)
        return self._started(ticker.run, url, self.play.folder, (GIVEN_ON,), "child", "")

    def _started(self, target: Callable[..., None], *args: Any) -> Child:
        child = CHILDREN.Process(target=target, args=args)
        child.start()
        self.children.append(child)
        return child


@pytest.fixture
def sales(ledger: Ledger, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(ledger, tmp_path / "workspace")
    try:
        yield made
    finally:
        for child in made.children:
            child.kill()
            child.join(10)


def test_each_lead_is_answered_once_or_given_on_once(sales: Desk) -> None:
    there, back = range(1, MANY + 1), range(MANY, 0, -1)
    children = [
        sales.answerer("accept", there, die_at=13), sales.answerer("reject", back, die_at=9),
        sales.answerer("accept", back), sales.ticker(), sales.ticker(),
    ]  # fmt: skip
    ends = [ended(child) for child in children]
    assert set(ends[:2]) <= {0, KILLED}  # who comes too late to 13, or to 9, is not killed there
    assert ends[2:] == [0, 0, 0]
    sales.play.tick(GIVEN_ON)
    told: dict[str, list[str]] = {}
    for row in sales.rows(CHANGE):
        if row.field.startswith("handoff ") and not row.reason.startswith("too late"):
            told.setdefault(row.field, []).append(row.new)
    found = sales.rows(HANDOFF)
    assert {row.state for row in found} <= {"offered", "accepted", "rejected"}
    for row in found:
        said = told.get(f"handoff {row.id}", [])
        running = [
            clock.kind
            for clock in sales.rows(CLOCK, handoff_id=row.id)
            if clock.met_at is None and clock.stopped_at is None
        ]
        if row.state == "offered":  # nobody was in time
            assert (row.generation, running) == (3, ["accept", "first_touch"]), row
        elif row.state == "accepted":
            assert (row.generation, running, said) == (1, ["first_touch"], ["accepted"]), row
        else:
            assert (row.generation, running) == (1, []), row
            assert said in (["rejected"], ["accepted", "rejected"]), row

    over = {clock.id for clock in sales.rows(CLOCK) if clock.met_at or clock.stopped_at}
    assert not [rung for rung in sales.rows(RUNG, state="waiting") if rung.clock_id in over]
    whose = {clock.id: clock.handoff_id for clock in sales.rows(CLOCK)}
    fired = [whose[rung.clock_id] for rung in sales.rows(RUNG, action="give", state="fired")]
    assert sorted(fired) == [row.id for row in found if row.state == "offered"]
    keys = [row.notice_key for row in sales.rows(MESSAGE)]
    assert len(keys) == len(set(keys))
