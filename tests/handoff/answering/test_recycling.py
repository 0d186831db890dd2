"""A lead that sales sends back enters a sequence again, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from handoff.tables import CHANGE
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.texts import HANDOFF, sequence

LAPSING = HANDOFF + "    - {after: 3 business hours, recycle: back}\n"
BACK = sequence("- wait: 1 day\n- hand_off: smb", name="back", head="enter: {when: {event: poked}}")
NO_MORE = ("back to nurture", "no more", "handoff/recycle")


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    return Play(ledger, tmp_path / "workspace")


def lapse(play: Play, *, said: str, days: int = 30) -> None:
    """Nobody in sales ever answers, and the sequence hands over again and again."""
    ladder = "\n".join(line for line in LAPSING.splitlines() if "give" not in line)
    play.apply(BACK, handoff=f"{ladder}\n{said}")
    play.lead()
    play.event("ann", "poked")
    play.until(play.now + timedelta(days=days))


@pytest.mark.parametrize(("said", "times"), [("", 3), ("recycle: {at_most: 1}", 1)])
def test_a_lead_nobody_answers_for_goes_back_so_often_and_then_stays_recycled(
    play: Play, said: str, times: int
) -> None:
    lapse(play, said=said)
    states = [enrolment.state for enrolment in play.enrolments("ann", "back")]
    assert states == ["completed"] * (times + 1)
    handoffs = play.rows(select(table_of(t.Handoff).c.state))
    assert handoffs == [("lapsed",)] * (times + 1)
    assert play.lead_row().lifecycle == "recycled"
    told = [
        (row.field, row.new, row.path, row.reason)
        for row in play.rows(select(CHANGE).where(CHANGE.c.path == NO_MORE[2]))
    ]
    often = f"{times} time{'s' if times > 1 else ''}"
    assert told == [(*NO_MORE, f"sales sent it back {often} already: it stays recycled")]


def test_answers_of_sales_count_with_what_lapsed(play: Play) -> None:
    play.apply(BACK, handoff=LAPSING + "recycle: {sequence: back, at_most: 2}\n")
    play.lead()
    play.event("ann", "poked")
    for _ in range(3):
        play.until(play.now + timedelta(days=1, minutes=1))
        play.sales("ann", "reject", reason="bad timing")
        play.tick()
    assert len(play.enrolments("ann", "back")) == 3
    assert play.state("ann", "back") == "completed"
    play.until(play.now + timedelta(days=3))
    assert len(play.enrolments("ann", "back")) == 3
