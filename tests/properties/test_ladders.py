"""Invariant 6 over random histories: each rung once, in its own time, never after its clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.answering import answers
from handoff.escalation.ladder import climb
from handoff.routing.assignment import assign
from handoff.sla.clocks import run_clocks
from handoff.sla.pauses import end_waits
from handoff.tables import CLOCK, HANDOFF, RUNG
from nurture.calendar.business import Schedule, elapsed
from nurture.calendar.zones import zone
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.copies.memory import Image, open_memory, take_image
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NurtureError
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

HOUR = timedelta(hours=1)
OFFICE = Schedule(desk.calendar(), zone(desk.BERLIN))
LADDER = (
    {"at": "50%", "remind": "rep", "repeat": "every 1 business hour, at most 2"},
    {"at": "100%", "tell": "manager"},
    {"after": "2 business hours", "give": "next rep"},
    {"after": "12 business hours", "recycle": "win-back"},
)
POLICY = {
    "accept": "4 business hours", "first_touch": "8 business hours",
    "next_step": "6 business hours", "close": {"within": "40 business hours", "hours": "team"},
    "ladder": "usual",
}  # fmt: skip
AFTER = {2: timedelta(), 3: 2 * HOUR, 4: 12 * HOUR}
"""Behind the end of the window, by rung."""

deeds = st.lists(
    st.tuples(
        st.sampled_from(["tick"] * 5 + ["accept", "touch", "pause", "resume", "give", "back"]),
        st.sampled_from([0, 1, 2, 5, 17, 30, 80]),
        st.integers(1, 3),
    ),
    min_size=6,
    max_size=24,
)


@dataclass
class Desk:
    """Three handoffs, played on a clock of their own."""

    ledger: Ledger
    known: Definitions
    now: datetime = NOW
    fired: dict[int, datetime] = field(default_factory=dict)
    held: dict[int, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    """By handoff: the times in which it waited for its lead."""

    def tick(self, now: datetime) -> None:
        for verb in (
            lambda s: end_waits(s, now=now),
            lambda s: run_clocks(s, self.known, now=now),
            lambda s: climb(s, self.known, now=now),
            lambda s: assign(s, self.known, now=now),
        ):
            with self.ledger.begin() as session:
                verb(session)

    def answer(self, kind: str, number: int) -> None:
        said: dict[str, Any] = {"give": {"to": ("bo", "cy", "di")[number - 1]}}.get(kind, {})
        if kind == "pause":
            said = {"until": self.now + 9 * number * HOUR}
        with contextlib.suppress(NurtureError), self.ledger.begin() as session:
            getattr(answers, kind)(session, self.known, number, by="bo", now=self.now, **said)

    def note(self) -> None:
        """Remember since when each handoff waits, and until when it did."""
        with self.ledger.begin() as session:
            rows = desk.rows(session, HANDOFF)
        for row in rows:
            waits = self.held.setdefault(row.id, [])
            if waits and waits[-1][1] > self.now and row.held_at != waits[-1][0]:
                waits[-1] = (waits[-1][0], self.now)
            if row.held_at is not None and (not waits or waits[-1][0] != row.held_at):
                waits.append((row.held_at, row.held_until))

    def check(self, *, ticked: bool) -> None:
        with self.ledger.begin() as session:
            clocks = {row.id: row for row in desk.rows(session, CLOCK)}
            rungs = desk.rows(session, RUNG)
        for rung in rungs:
            clock = clocks[rung.clock_id]
            ended = clock.met_at or clock.stopped_at
            if rung.state == "fired":
                assert self.fired.setdefault(rung.id, rung.fired_at) == rung.fired_at, "once"
                assert rung.fired_at >= rung.due_at, "early"
                assert clock.met_at is None or rung.fired_at <= clock.met_at, "after it was met"
                self._in_its_own_time(clock, rung)
            else:
                assert rung.id not in self.fired, "it fired before"
            if rung.state in ("waiting", "held"):
                assert ended is None, "a clock that has ended climbs on"
            if rung.state == "collapsed":
                own = (r for r in rungs if r.clock_id == rung.clock_id)
                assert any(r.due_at >= rung.due_at and r.id != rung.id for r in own)
                assert rung.reason
            if ticked and rung.state == "waiting":
                assert rung.due_at > self.now, "left behind"

    def _in_its_own_time(self, clock: Any, rung: Any) -> None:
        """As much open time had passed as its rung says, what was waited for the lead left out."""
        passed = elapsed(OFFICE, clock.started_at, rung.fired_at)
        for begin, end in self.held[clock.handoff_id]:
            first, last = max(begin, clock.started_at), min(end, rung.fired_at)
            if first < last and clock.due_at > begin:
                passed -= elapsed(OFFICE, first, last)
        if rung.rung == 1:
            wanted = clock.allowed / 2 + (rung.repetition - 1) * HOUR
        else:
            wanted = clock.allowed + AFTER[rung.rung]
        assert passed >= wanted, (clock.kind, rung.rung, passed, wanted)


@pytest.fixture(scope="module")
def fresh() -> Iterator[tuple[Ledger, Definitions, Image]]:
    """A desk with three handoffs just opened, and its image."""
    with open_memory() as ledger:
        known = desk.set_up(ledger, desk.rules(ladder=LADDER, sla={"standard": POLICY}))
        desk.queue(ledger, 3)
        yield ledger, known, take_image(ledger)


@given(history=deeds)
@settings(max_examples=20, deadline=None)
def test_each_rung_fires_once_in_its_own_time_and_never_behind_its_clock(
    fresh: tuple[Ledger, Definitions, Image], history: list[tuple[str, int, int]]
) -> None:
    ledger, known, image = fresh
    image.put_back()
    played = Desk(ledger, known)
    played.tick(NOW)
    for kind, hours, number in history:
        played.now += hours * HOUR
        if kind == "back":
            played.tick(played.now - 3 * HOUR)
        elif kind == "tick":
            played.tick(played.now)
        else:
            played.answer(kind, number)
        played.note()
        played.check(ticked=kind == "tick")
