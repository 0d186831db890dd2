"""The brake: beyond it episodes wait, told to nobody, until somebody looks; the others go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, literal, select, update

from handoff.routing import brake
from handoff.routing.opening import open_handoffs
from handoff.tables import EPISODE, HANDOFF, LEAD, POST
from handoff.waiting import offers
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused
from nurture.ledger.types import Instant
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk


def known(ledger: Ledger, limit: int = 20, admin: str | None = "ops@example.test") -> Definitions:
    rules = desk.rules(brake={"handoffs": limit, "within": "10 minutes"})
    made = desk.set_up(ledger, rules)
    workspace = made.workspace.model_copy(update={"admin": admin})
    return replace(made, workspace=workspace)


def opened(ledger: Ledger, definitions: Definitions, after: timedelta = timedelta()) -> int:
    """How many handoffs there are after a pass."""
    with ledger.begin() as session:
        open_handoffs(session, definitions, now=NOW + after)
        count = select(func.count()).select_from(HANDOFF)
        return int(session.execute(count).scalar_one())


def held(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return brake.count_held(brake.standing(session))


def without(definitions: Definitions) -> Definitions:
    assert definitions.handoff is not None
    return replace(definitions, handoff=definitions.handoff.model_copy(update={"brake": None}))


def test_of_ten_thousand_at_once_only_so_many_go_to_sales_and_the_admin_hears_once(
    ledger: Ledger,
) -> None:
    definitions = known(ledger, 200)
    desk.episodes(ledger, 5_000)
    assert opened(ledger, definitions) == 200
    desk.episodes(ledger, 5_000, first=5_001)
    assert opened(ledger, definitions, timedelta(minutes=1)) == 200
    assert held(ledger) == 9_800
    with ledger.begin() as session:
        assert not offers(session, now=NOW).episodes  # nothing is due: an idle system is idle
        (alarm,) = desk.rows(session, POST)
        (cause,) = brake.standing(session)
    assert (alarm.kind, alarm.recipient) == ("alarm", "ops@example.test")
    assert "more than 200 handoffs within 10 minutes" in alarm.text
    assert (cause.cause, cause.held, cause.since) == ("threshold:hot", 9_800, NOW)
    desk.episodes(ledger, 30, first=20_001)  # what comes later goes on as always
    assert opened(ledger, definitions, timedelta(minutes=12)) == 230
    with ledger.begin() as session:
        assert brake.release(session, at_most=300) == 300
    assert opened(ledger, definitions, timedelta(minutes=13)) == 530
    desk.episodes(ledger, 5, first=21_001)  # what was released takes no room
    assert opened(ledger, definitions, timedelta(minutes=14)) == 535
    with ledger.begin() as session:
        with pytest.raises(InputRefused):
            brake.drop(session, reason=" ", now=NOW)
        assert brake.drop(session, reason="the import was wrong", now=NOW) == 9_500
        assert brake.release(session, at_most=10) == 0
    assert held(ledger) == 0
    assert opened(ledger, definitions, timedelta(minutes=30)) == 535
    with ledger.begin() as session:
        (row,) = desk.rows(session, EPISODE, lead_id=10_000)
        assert len(desk.rows(session, POST)) == 1
    assert (row.brake, row.told_at) == ("dropped", NOW)
    assert row.reason == "80 points; dropped: the import was wrong"


def test_a_second_flood_is_a_second_alarm(ledger: Ledger) -> None:
    definitions = known(ledger)
    for first in (1, 101):
        desk.episodes(ledger, 50, first=first)
        opened(ledger, definitions, timedelta(minutes=first))
        with ledger.begin() as session:
            brake.drop(session, reason="wrong", now=NOW)
    with ledger.begin() as session:
        assert len(desk.rows(session, POST)) == 2


def test_below_the_line_and_without_a_brake_all_go(ledger: Ledger) -> None:
    definitions = known(ledger, admin=None)
    desk.episodes(ledger, 20)
    assert opened(ledger, definitions) == 20
    assert held(ledger) == 0
    desk.episodes(ledger, 20, first=31)
    assert opened(ledger, definitions) == 20
    assert held(ledger) == 20
    with ledger.begin() as session:
        assert desk.rows(session, POST) == []  # nobody to tell
    desk.episodes(ledger, 50, first=61)
    assert opened(ledger, without(definitions)) == 70


def test_what_is_held_stays_held_when_the_brake_is_taken_out(ledger: Ledger) -> None:
    """Somebody has to look: an edit of the file is no answer."""
    definitions = known(ledger)
    desk.episodes(ledger, 40)
    opened(ledger, definitions)
    assert opened(ledger, without(definitions), timedelta(hours=1)) == 20


def test_many_are_held_a_batch_at_a_time_and_none_slips_through(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "SIZE", 10)
    short = update(EPISODE).where(brake.E.id.in_(brake.BEYOND.limit(10))).values(brake="held")
    monkeypatch.setattr(brake, "_HOLD", short)
    definitions = known(ledger)
    desk.episodes(ledger, 55)
    assert [opened(ledger, definitions) for _ in range(4)] == [0, 0, 0, 20]
    assert held(ledger) == 35


def test_holding_thousands_takes_as_many_statements_as_holding_ten(ledger: Ledger) -> None:
    definitions = known(ledger)
    sent = []
    for first, count in ((1, 30), (1_001, 3_000)):
        desk.episodes(ledger, count, first=first)
        with counting(ledger) as statements:
            opened(ledger, definitions)
        sent.append(desk.told(statements))
        with ledger.begin() as session:
            brake.drop(session, reason="wrong", now=NOW)
    assert sent[1] <= sent[0]


def test_leads_that_are_with_sales_take_no_room(ledger: Ledger) -> None:
    definitions = known(ledger, 10)
    desk.episodes(ledger, 10)
    assert opened(ledger, definitions) == 10
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(opened_at=NOW - timedelta(days=1)))
        again = select(LEAD.c.id, literal("threshold:mql"), literal(NOW, Instant()))
        columns = ["lead_id", "cause", "opened_at"]
        session.execute(insert(EPISODE).from_select(columns, again))
    desk.episodes(ledger, 10, first=100)
    assert opened(ledger, definitions) == 20
    assert held(ledger) == 0
