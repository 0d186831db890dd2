"""A sales desk with an inbox: two teams, their people, a handoff of each kind."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from handoff.routing.assignment import assign
from handoff.tables import HANDOFF
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.web.conftest import Place

BIG = {
    "manager": {"name": "Max", "email": "max@example.test"}, "zone": desk.BERLIN,
    "calendar": "office", "sla": "standard", "reps": [desk.rep("eva")],
}  # fmt: skip
MINE, TAKEN, QUEUED, OTHERS = 1, 2, 3, 4
"""Numbers of handoffs: bo's, cy's, in the queue of smb, and in that of big."""


@pytest.fixture
def office(ledger: Ledger) -> Any:
    """Two teams: bo and cy in smb under mia, eva in big under max; a handoff of each kind."""
    rules = desk.rules((desk.rep("bo"), desk.rep("cy")))
    teams = {"smb": rules.teams["smb"].model_dump(mode="json"), "big": BIG}
    teams["smb"]["reps"] = [desk.rep("bo"), desk.rep("cy")]
    found = Place(ledger)
    known = desk.set_up(
        ledger, desk.rules(teams=teams, routing=[{"otherwise": "smb"}]), programs={}
    )
    found.open(known)
    desk.queue(ledger, 3)
    with ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 3).values(team="nobody"))
        assign(session, known, now=NOW)
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 3).values(team="smb"))
    desk.queue(ledger, 1, team="big", first=4)
    assert [(h.rep, h.team) for h in found.rows(t.Handoff)] == [
        ("bo", "smb"), ("cy", "smb"), ("", "smb"), ("", "big")
    ]  # fmt: skip
    return found


def handoff(place: Place, number: int) -> t.Handoff:
    return next(row for row in place.rows(t.Handoff) if row.id == number)


def listed(page: Any) -> list[int]:
    """The numbers of the list, in its order."""
    parts = page.text.split('<a id="h')[1:]
    return [int(part.partition('"')[0]) for part in parts]
