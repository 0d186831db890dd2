"""Opening rows: there from two weeks ago to half a year ahead, and not reckoned twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant
from nurture.sequences.openings import AHEAD, BEHIND, MOST, keep_openings
from tests.fixtures_ledger import empty
from tests.sequences.play import Play

OPENING = table_of(t.Opening).c
DAILY = """
sequence: daily
topic: tips
enter: {when: {event: form_submitted}}
timing: {window: {days: mon-sun, hours: "09:00-17:00"}}
stages: [{stage: only, steps: [{send: welcome}]}]
"""


@pytest.fixture(autouse=True)
def without_any(play: Play) -> None:
    empty(play.ledger)


def keep(play: Play, at: datetime) -> tuple[int, datetime, datetime]:
    """How many rows were added; the first and the last closing there is."""
    added = play.do(lambda s: keep_openings(s, play.definitions(), now=at))
    closes = [func.min(OPENING.closes_at, type_=Instant()),
              func.max(OPENING.closes_at, type_=Instant())]  # fmt: skip
    ((first, last),) = play.rows(select(*closes))
    return added.total("openings computed"), first, last


def test_a_clock_that_goes_forth_and_back_finds_its_openings_there(play: Play) -> None:
    play.apply(DAILY)
    now, later = play.now, play.now + timedelta(days=90)
    assert keep(play, now)[0] == 0, "they are there from the apply on"
    added, first, last = keep(play, later)
    assert added
    assert first < now - BEHIND + timedelta(days=2)
    assert last > later + AHEAD - timedelta(days=2)
    for at in (now, later, now):
        assert keep(play, at)[0] == 0


def test_rows_of_a_clock_far_away_are_dropped(play: Play) -> None:
    play.apply(DAILY)
    keep(play, play.now)
    far = play.now + MOST
    added, first, _ = keep(play, far)
    assert added
    assert first > far - BEHIND - timedelta(days=2)
