"""Channels in their quiet hours: nobody is told then, whenever a notice fell due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.tables import POST
from handoff.telling import posting as passes
from handoff.telling.channels import may_go
from tests.fixtures_ledger import NOW
from tests.handoff.telling.office import CHANNELS, NOT, Office, workspace


def test_quiet_hours_over_midnight_hold_a_channel_and_not_another(office: Office) -> None:
    quiet = {"quiet_hours": {"hours": "18:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    evening = NOW.replace(hour=17, minute=30)  # half past six there
    morning = NOW.replace(hour=7) + timedelta(days=1)
    night = NOW.replace(hour=2) + timedelta(days=1)
    for at, then in ((NOW, NOW), (evening, morning), (night, morning), (morning, morning)):
        assert may_go(office.known, "chat", now=at) == then
        assert may_go(office.known, "hook", now=at) == at
    office.offer()
    office.now = evening
    office.tick()
    assert office.notifier.told == []
    assert office.rows(POST, "due_at") == [(morning,)]
    office.tick(morning - evening)
    assert [each.channel for each in office.notifier.told] == ["chat"]


@pytest.mark.parametrize("died", [True, False])
def test_nobody_is_told_at_night_what_was_due_by_day(office: Office, *, died: bool) -> None:
    """Its sender died in the evening, or nothing ticked: it waits for the morning all the same."""
    quiet = {"quiet_hours": {"hours": "19:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    office.offer()
    office.write()
    if died:
        with office.ledger.begin() as session:
            _, claimed = passes.claim(session, office.known, owner="one", now=office.now)
        assert len(claimed) == 1
    office.now = NOW.replace(hour=21)
    office.tick()
    morning = NOW.replace(hour=7) + timedelta(days=1)
    assert office.notifier.told == []
    assert office.rows(POST, "state", "due_at") == [("due", morning)]
    office.tick(morning - office.now)
    assert [each.channel for each in office.notifier.told] == ["chat"]


def test_a_try_that_failed_in_the_evening_waits_for_the_morning(office: Office) -> None:
    quiet = {"quiet_hours": {"hours": "18:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    office.offer()
    office.now = NOW.replace(hour=16, minute=59, second=50)
    office.notifier.answers = {"chat": NOT}
    office.tick()
    assert office.rows(POST, "due_at") == [(NOW.replace(hour=7) + timedelta(days=1),)]
