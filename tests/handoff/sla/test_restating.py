"""A corrected calendar restates past deadlines: the same each time, beside what was judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from handoff.answering import answers
from handoff.sla.restating import RESTATED, Restated, restate
from handoff.tables import CLOCK
from nurture.calendar.business import Schedule, add
from nurture.calendar.hours import parse_days, parse_hours, weekly
from nurture.calendar.zones import zone
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.hours import sales_calendars
from nurture.language.files.workspace import CalendarModel
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import offered

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOLIDAY = date(2026, 3, 2)
"""The day of NOW, which turns out to have been a day off."""


def corrected(known: Definitions) -> Definitions:
    """The same workspace, in which the day of NOW is a day off."""
    office: dict[str, Any] = {"days": "mon-fri", "hours": desk.OFFICE, "closed": ["2026-03-02"]}
    calendars = {"office": CalendarModel.model_validate(office)}
    workspace = known.workspace.model_copy(update={"calendars": calendars})
    assert known.handoff is not None
    hours, pairs = sales_calendars(known.handoff, workspace)
    return replace(known, workspace=workspace, hours=hours, sales_hours=pairs)


def again(ledger: Ledger, known: Definitions) -> Restated:
    with ledger.begin() as session:
        return restate(session, known, since=NOW - DAY, now=NOW + 9 * DAY)


def test_a_day_off_found_later_turns_lateness_into_keeping_ones_word(ledger: Ledger) -> None:
    known = offered(ledger, 3)
    with ledger.begin() as session:
        answers.accept(session, known, 1, now=NOW + HOUR)
        answers.accept(session, known, 2, now=NOW + 5 * HOUR)
        answers.accept(session, known, 3, now=NOW + 2 * DAY)
        before = desk.everything(session)
    assert again(ledger, known).corrections == []
    new = corrected(known)
    first = again(ledger, new)
    assert first.new == 3
    (correction,) = first.corrections
    assert (correction.clocks, correction.waited) == (3, 0)
    assert (correction.was, correction.now) == (
        f"office {correction.was[7:]}", f"office {correction.now[7:]}",
    )  # fmt: skip
    assert [(line.kind, line.clocks, line.then, line.now) for line in first.lines] == [
        ("accept", 3, 1, 2)
    ]
    (turned,) = first.turned
    place = zone(desk.BERLIN)
    off = weekly(parse_days("mon-fri"), parse_hours(desk.OFFICE), [HOLIDAY])
    assert turned.due_now == add(Schedule(off, place), NOW, 4 * HOUR)
    assert (turned.handoff, turned.due_then, turned.kept) == (2, NOW + 4 * HOUR, True)
    second = again(ledger, new)
    assert replace(second, new=3) == first
    assert second.new == 0
    with ledger.begin() as session:
        assert desk.everything(session) == before, "what was judged stays"
        assert len(desk.rows(session, RESTATED)) == 3


def test_what_waited_for_its_lead_stays_as_it_was_judged(ledger: Ledger) -> None:
    known = offered(ledger)
    with ledger.begin() as session:
        answers.pause(session, known, 1, until=NOW + 3 * DAY, now=NOW + HOUR)
        answers.accept(session, known, 1, now=NOW + DAY)
    done = again(ledger, corrected(known))
    assert [(each.clocks, each.waited) for each in done.corrections] == [(1, 1)]
    assert (done.new, done.lines, done.turned) == (0, [], [])


def test_running_clocks_keep_the_calendar_they_began_with(ledger: Ledger) -> None:
    known = offered(ledger)
    assert again(ledger, corrected(known)).corrections == []
    with ledger.begin() as session:
        assert {clock.due_at for clock in desk.rows(session, CLOCK)} == {
            NOW + 4 * HOUR, NOW + DAY,
        }  # fmt: skip
