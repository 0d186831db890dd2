"""Statements are built once for a set of definitions, and only for that one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event, select

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import begin_tick, end_tick
from nurture.scoring.rescore import rescore
from nurture.sequences.advance import advance
from nurture.sequences.enrol import enrol
from nurture.sequences.leave import leave
from nurture.sequences.standing import due_stages
from tests.sequences.play import Play, at
from tests.sequences.test_sets import EVERYTHING

SCORING = """
behaviour:
  - {rule: form, when: {event: form_submitted}, points: 5, limit: 20 per day}
  - {rule: poke, when: {event: poked}, points: 40}
fit:
  - {rule: large, when: {employees: {at_least: 500}}, points: 10}
thresholds:
  - {threshold: sales, at: 40, rearm: 10}
"""


@contextmanager
def executed(ledger: Ledger) -> Iterator[list[Any]]:
    """The statements executed meanwhile, as they were built."""
    found: list[Any] = []

    def note(_connection: Any, statement: Any, *_rest: Any) -> None:
        found.append(statement)

    event.listen(ledger.engine, "before_execute", note)
    yield found
    event.remove(ledger.engine, "before_execute", note)


def passes(play: Play, definitions: Definitions, now: datetime) -> list[Any]:
    """Score, leave, enter and walk at `now`; the statements of these passes."""
    with play.ledger.begin() as session:
        tick = begin_tick(session, now=now, owner="me").tick_id
    with executed(play.ledger) as statements, play.ledger.begin() as session:
        for verb in (rescore, leave, enrol):
            verb(session, definitions, tick=tick, now=now)
        for _ in range(3):
            for stage in due_stages(session, definitions, tick=tick, now=now):
                advance(session, definitions, stage, tick=tick, now=now)
    with play.ledger.begin() as session:
        end_tick(session, tick, now=now)
    return statements


def come(play: Play, *names: str) -> None:
    """Leads who send a form in, one of each kind the sequence tells apart."""
    for number, name in enumerate(names):
        play.lead(name, attributes={"employees": number * 500})
        play.event(name, "form_submitted")


def test_a_later_tick_builds_no_statement_anew(play: Play) -> None:
    definitions = play.apply(EVERYTHING, scoring=SCORING)
    built: dict[int, Any] = {}
    come(play, "ann", "bob")
    for instant in ("03-02 10:00", "03-02 15:00"):
        built |= {id(each): each for each in passes(play, definitions, at(instant))}
        play.event("ann", "poked")
    come(play, "cleo", "dan")
    play.event("dan", "poked")
    asked = passes(play, definitions, at("03-02 17:00"))
    assert len(asked) > 40
    assert [str(each) for each in asked if id(each) not in built] == []


def test_other_definitions_get_statements_of_their_own(play: Play) -> None:
    first = play.apply(EVERYTHING, scoring=SCORING)
    come(play, "ann")
    old = {id(each): each for each in passes(play, first, at("03-02 10:00"))}
    second = play.apply(EVERYTHING, scoring=SCORING.replace("points: 5", "points: 7"))
    come(play, "bob")
    new = passes(play, second, at("03-02 11:00"))
    assert second.statements is not first.statements
    assert any(id(each) not in old for each in new)
    entry = table_of(t.ScoreEntry).c
    points = select(entry.points).where(entry.rule == "form").order_by(entry.id)
    assert [row[0] for row in play.rows(points)] == [5.0, 7.0]
