"""Turns are fair over any history: round robin, by weight, by load, with hours, room and pauses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlmodel import Session

from handoff.routing.assignment import assign
from handoff.tables import CLOCK, EPISODE, HANDOFF, LEAD, MEMBER, MESSAGE, REP, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from tests.handoff import sales_desk as desk

NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
COUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=9)
SOME = settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def some(ledger: Ledger) -> settings:
    """Turns are whole numbers in SQL: PostgreSQL plays the first few of SQLite's histories."""
    return SOME if ledger.dialect == "sqlite" else settings(SOME, max_examples=5)


def team(reps: list[dict[str, Any]], assign: str) -> Any:
    said = desk.rules(reps)
    smb = said.teams["smb"].model_copy(update={"assign": assign})
    return said.model_copy(update={"teams": {"smb": smb}})


def arrive(ledger: Ledger, known: Definitions, count: int, *, first: int, now: datetime) -> None:
    desk.queue(ledger, count, first=first)
    with ledger.begin() as session:
        assign(session, known, now=now)


def opened(session: Session) -> dict[str, int]:
    """Every rep and how many they were given."""
    found = {str(row[0]): 0 for row in session.execute(select(REP.c.rep))}
    return found | desk.held(session)


def cleared(ledger: Ledger) -> None:
    """The desk before its first lead."""
    with ledger.begin() as session:
        for table in (RUNG, CLOCK, MESSAGE, HANDOFF, EPISODE, LEAD):
            session.execute(delete(table))
        session.execute(update(REP).values(turn_at=None, taken=0, paused_at=None))
        session.execute(update(MEMBER).values(passed=0))


@pytest.mark.parametrize(
    "weights", [(1, 1, 1), (3, 2, 1), (100, 1, 1, 1, 1, 1), (7, 5, 3, 2), (1, 0, 1)]
)
def test_by_weight_nobody_is_ever_further_than_one_from_the_share(
    ledger: Ledger, weights: tuple[int, ...]
) -> None:
    reps = [desk.rep(f"r{n}", weight=each, room=900) for n, each in enumerate(weights)]
    known = desk.set_up(ledger, team(reps, "weighted"))

    @some(ledger)
    @given(COUNTS)
    def check(counts: list[int]) -> None:
        cleared(ledger)
        total = 0
        for count in counts:
            arrive(ledger, known, count, first=total + 1, now=NINE)
            total += count
            with ledger.begin() as session:
                found = opened(session)
            for n, weight in enumerate(weights):
                share = total * weight / sum(weights)
                assert abs(found[f"r{n}"] - share) <= 1, (found, counts)

    check()


@pytest.mark.parametrize("way", ["round_robin", "weighted"])
def test_equals_differ_by_at_most_one_whoever_else_comes_and_goes(
    ledger: Ledger, way: str
) -> None:
    """bo and cy are equals; di works mornings, ed is soon full, flo pauses as she likes."""
    reps = [
        desk.rep("bo", room=900), desk.rep("di", hours="09:00-11:00", room=900),
        desk.rep("cy", room=900), desk.rep("ed", room=3), desk.rep("flo", room=900, weight=2),
    ]  # fmt: skip
    known = desk.set_up(ledger, team(reps, way))

    @some(ledger)
    @given(st.lists(st.tuples(st.integers(1, 7), st.booleans(), st.integers(0, 30)), max_size=8))
    def check(history: list[tuple[int, bool, int]]) -> None:
        cleared(ledger)
        first = 1
        for count, paused, hours in history:
            now = NINE + timedelta(hours=hours)
            with ledger.begin() as session:
                at = now if paused else None
                session.execute(update(REP).where(REP.c.rep == "flo").values(paused_at=at))
                before = opened(session)["flo"]
            arrive(ledger, known, count, first=first, now=now)
            first += count
            with ledger.begin() as session:
                found = opened(session)
            assert abs(found["bo"] - found["cy"]) <= 1, history
            assert found["ed"] <= 3
            assert not paused or found["flo"] == before

    check()


def test_by_load_who_gets_one_had_the_fewest_of_those_with_room(ledger: Ledger) -> None:
    reps = [desk.rep(name, room=room) for name, room in (("bo", 40), ("cy", 40), ("di", 4))]
    known = desk.set_up(ledger, team(reps, "least_loaded"))

    @some(ledger)
    @given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), max_size=8))
    def check(history: list[tuple[int, int]]) -> None:
        cleared(ledger)
        first = 1
        for count, closed in history:
            with ledger.begin() as session:
                done = select(func.min(HANDOFF.c.id)).where(HANDOFF.c.state == "offered")
                for _ in range(closed):
                    session.execute(
                        update(HANDOFF)
                        .where(HANDOFF.c.id == done.scalar_subquery())
                        .values(state="won", closed_at=NINE)
                    )
                before = loads(session)
            arrive(ledger, known, count, first=first, now=NINE)
            first += count
            with ledger.begin() as session:
                after = loads(session)
            got = [rep for rep in after if after[rep] > before[rep]]
            free = [rep for rep in after if after[rep] < (4 if rep == "di" else 40)]
            assert all(after[one] - after[other] <= 1 for one in got for other in free), history

    check()


def loads(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(HANDOFF.c.rep, func.count())
        .where(HANDOFF.c.state == "offered")
        .group_by(HANDOFF.c.rep)
    )
    return {"bo": 0, "cy": 0, "di": 0} | {str(row[0]): int(row[1]) for row in rows}


def test_who_comes_back_is_owed_nothing(ledger: Ledger) -> None:
    """A fortnight away is no debt of fifty leads: from the first hour on turns are as before."""
    reps = [desk.rep(name, room=900) for name in ("bo", "cy", "di")]
    known = desk.set_up(ledger, team(reps, "weighted"))
    with ledger.begin() as session:
        session.execute(update(REP).where(REP.c.rep == "di").values(paused_at=NINE))
    arrive(ledger, known, 60, first=1, now=NINE)
    with ledger.begin() as session:
        session.execute(update(REP).values(paused_at=None))
        assert desk.held(session) == {"bo": 30, "cy": 30}
    arrive(ledger, known, 30, first=100, now=NINE)
    with ledger.begin() as session:
        found = desk.held(session)
    assert found["di"] in (10, 11, 12)
    assert abs(found["bo"] - found["cy"]) <= 1
