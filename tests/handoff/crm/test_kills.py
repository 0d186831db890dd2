"""A process that is killed while a real system is told of leads: told again, and known as told."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from handoff.crm import claim as claims
from handoff.tables import CRM_RECORD
from tests.fixtures_ledger import NOW
from tests.handoff.crm import pusher
from tests.handoff.crm.beside import Beside, webhook_to
from tests.processes import CHILDREN, ended
from tests.webhooks.conftest import System, answering


@pytest.fixture
def system() -> Iterator[System]:
    made = System(answering("200 OK", body=b'{"deal": "7"}'))
    yield made
    made.close()


def told(system: System) -> Counter[tuple[str, str]]:
    """How often it heard of each push, by lead."""
    bodies = (json.loads(asked.partition(b"\r\n\r\n")[2]) for asked in system.asked)
    return Counter((each["lead"], each["id"]) for each in bodies)


def push(here: Beside, system: System, *minutes: float, crash_at: str = "") -> int | None:
    """Push in a process of its own, so many minutes from the beginning."""
    url = here.ledger.engine.url.render_as_string(hide_password=False)
    nows = [NOW + timedelta(minutes=each) for each in minutes]
    args = (url, system.url("/nurture"), nows, crash_at)
    child = CHILDREN.Process(target=pusher.run, args=args)
    child.start()
    try:
        return ended(child, 60)
    finally:
        child.kill()
        child.join(10)


@pytest.mark.parametrize("point", ["claimed", "pushed"])
def test_a_process_killed_on_the_way_is_made_up_for(
    desk_beside: Beside, system: System, point: str
) -> None:
    here = beside_of(desk_beside, system)
    here.offer(5)
    assert push(here, system, 0, crash_at=point) == -signal.SIGKILL
    assert {row.state for row in here.rows(CRM_RECORD)} == {"claimed"}
    after = claims.LEASE / timedelta(minutes=1)
    assert push(here, system, 1, after) == 0
    assert {(row.state, row.told) for row in here.rows(CRM_RECORD)} == {("told", 1)}
    assert {lead for lead, _ in told(system)} == {f"nurture-lead-{n}" for n in range(1, 6)}
    assert len(told(system)) == 5  # one identity each, however often it was told
    assert max(told(system).values()) <= 2


def test_two_processes_at_once_tell_each_lead_once(desk_beside: Beside, system: System) -> None:
    here = beside_of(desk_beside, system)
    here.offer(30)
    url = here.ledger.engine.url.render_as_string(hide_password=False)
    args = (url, system.url("/nurture"), [NOW, NOW, NOW], "")
    children = [CHILDREN.Process(target=pusher.run, args=args) for _ in range(2)]
    for child in children:
        child.start()
    assert [ended(child, 60) for child in children] == [0, 0]
    assert push(here, system, 0) == 0
    assert sorted(told(system).values()) == [1] * 30
    assert {row.state for row in here.rows(CRM_RECORD)} == {"told"}


def beside_of(here: Beside, system: System) -> Beside:
    """The desk with this system as its CRM."""
    here.apply(webhook_to(system.url("/nurture")))
    return here
