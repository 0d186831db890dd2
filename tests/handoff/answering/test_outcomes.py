"""What came of a lead: lifecycle, amount and clocks of each outcome; what is none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.answering import outcomes
from handoff.desk import board
from handoff.routing.assignment import assign
from handoff.tables import CHANGE, HANDOFF, LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict, InputRefused
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

LATER = NOW + timedelta(minutes=30)


@pytest.fixture
def known(ledger: Ledger) -> Definitions:
    """A handoff with bo, and one in the queue."""
    made = desk.set_up(ledger, desk.rules())
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        assign(session, made, now=NOW)
    desk.queue(ledger, 1, first=2)
    return made


def test_a_lead_goes_from_a_meeting_to_a_deal(ledger: Ledger, known: Definitions) -> None:
    told = (
        ("meeting", None, "working", "sql", "meeting by Bo"),
        ("opportunity", 12_000.0, "working", "opportunity", "opportunity (12,000) by Bo"),
        ("opportunity", 14_500.5, "working", "opportunity", "opportunity (14,500.5) by Bo"),
        ("meeting", None, "working", "opportunity", "meeting by Bo"),
        ("won", None, "won", "customer", "won by Bo"),
    )
    for hours, (result, amount, state, stage, text) in enumerate(told, start=1):
        at = NOW + timedelta(hours=hours)
        with ledger.begin() as session:
            said = outcomes.outcome(session, known, 1, result=result, amount=amount, now=at)
            assert (said.state, said.text) == (state, text)
            assert desk.rows(session, LEAD)[0].lifecycle == stage
    with ledger.begin() as session:
        row = board.handoffs(session, now=LATER, handoff=1)[0]
        assert (row.amount, row.closed_at) == (14_500.5, at)
        assert {clock.state for clock in row.clocks} == {"met"}
        first = desk.rows(session, HANDOFF)[0]
        assert first.touched_at == NOW + timedelta(hours=1)
        said_of_it = [each.new for each in desk.rows(session, CHANGE) if each.field == "handoff 1"]
        assert said_of_it[-1] == "won"
        with pytest.raises(Conflict, match="won"):
            outcomes.outcome(session, known, 1, result="meeting", now=LATER)


def test_who_met_a_lead_of_the_queue_takes_it(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        with pytest.raises(InputRefused, match="say which rep takes it"):
            outcomes.outcome(session, known, 2, result="meeting", now=LATER)
        said = outcomes.outcome(session, known, 2, result="meeting", by="cy", now=LATER)
        assert said.text == "meeting by Cy"
        assert desk.rows(session, HANDOFF)[1].rep == "cy"


@pytest.mark.parametrize(
    ("result", "amount", "begins", "ends"),
    [
        ("meetin", None, "'meetin' is not an outcome: say meeting, ", "Nearest: meeting."),
        ("meeting", 5.0, "An amount goes with opportunity and won, ", "meeting: leave it out."),
        ("won", float("nan"), "nan is no amount: ", "a number from 0 to 1,000,000,000,000."),
        ("won", -1.0, "-1 is no amount: ", "a number from 0 to 1,000,000,000,000."),
        ("won", 1e13, "1e+13 is no amount: ", "a number from 0 to 1,000,000,000,000."),
    ],
)
def test_what_is_no_outcome_is_refused_and_changes_nothing(
    ledger: Ledger, known: Definitions, result: str, amount: float | None,
    begins: str, ends: str,
) -> None:  # fmt: skip
    with ledger.begin() as session:
        with pytest.raises(InputRefused) as refused:
            outcomes.outcome(session, known, 1, result=result, amount=amount, now=LATER)
        message = str(refused.value)
        assert message.startswith(begins)
        assert message.endswith(ends)
        assert desk.rows(session, HANDOFF)[0].state == "offered"
