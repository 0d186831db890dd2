"""The whole way, both ways: handoffs stand in HubSpot and in Salesforce, and what sales does there
happens here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from handoff.crm.port import Card, Crm, Pulled, Pushed
from handoff.crm.pulling import pull_in
from tests.app.crm.hubspot_vendor import HubSpotVendor
from tests.app.crm.salesforce_vendor import SalesforceVendor
from tests.app.crm.vendor import Fault, Vendor
from tests.handoff.crm.beside import PULLING, Beside

LATER = timedelta(minutes=6)
SALESFORCE = {
    "system": "salesforce",
    "url": "https://example.my.salesforce.com",
    "fields": {"first_name": "FirstName", "lifecycle": "Status"},
    "owners": {"bo": "11", "cy@example.test": "12"},
    "stages": {"offered": "Prospecting", "accepted": "Qualification"},
    "outcomes": {"Closed Won": "won", "Closed Lost": "lost"},
}


@dataclass
class Waited:
    """A CRM whose answers are waited for: the passes find them there."""

    inner: Crm
    trouble: str = ""

    def push(self, card: Card) -> Future[Pushed]:
        return _done(self.inner.push(card))

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        return _done(self.inner.pull(cursor, now=now))


def _done(future: Future[Any]) -> Future[Any]:
    future.result(timeout=20)
    return future


@dataclass
class Way:
    """A desk here, a vendor there, and what its sales may do with the one deal."""

    here: Beside
    there: Vendor
    change: Callable[..., None]
    held: Callable[[], dict[str, Any]]
    won: str

    def go_on(self) -> None:
        """Time passes; all that is to tell is told, and the CRM is asked."""
        self.here.now += LATER
        self.there.clock = self.here.now
        self.here.push()
        while pull_in(self.here.syncing()).more:
            pass


def hubspot_way(desk_beside: Beside, hubspot: HubSpot, there: HubSpotVendor) -> Way:
    desk_beside.crm = Waited(hubspot)  # type: ignore[assignment]
    there.stages = {"default": ["appointmentscheduled", *PULLING["stages"].values()]}
    there.kinds["contacts"].known |= {"stage_of_life": False, "points": False}

    def change(owner: str = "", stage: str = "", amount: float | None = None) -> None:
        said = {"hubspot_owner_id": owner, "dealstage": stage, "amount": str(amount or "")}
        there.change(there.deals[0], **{name: value for name, value in said.items() if value})

    def held() -> dict[str, Any]:
        [deal] = there.deals
        said = deal.properties
        return {"owner": said.get("hubspot_owner_id"), "stage": said["dealstage"]}

    return Way(desk_beside, there, change, held, "closedwon")


def salesforce_way(desk_beside: Beside, salesforce: Salesforce, org: SalesforceVendor) -> Way:
    desk_beside.crm = Waited(salesforce)  # type: ignore[assignment]
    desk_beside.apply(SALESFORCE)

    def change(owner: str = "", stage: str = "", amount: float | None = None) -> None:
        said = {"OwnerId": owner, "StageName": stage, "Amount": amount}
        org.change(org.deals[0], **{name: value for name, value in said.items() if value})

    def held() -> dict[str, Any]:
        [deal] = org.deals
        return {"owner": deal["OwnerId"], "stage": deal["StageName"]}

    return Way(desk_beside, org, change, held, "Closed Won")


@pytest.fixture(params=["hubspot", "salesforce"])
def way(request: pytest.FixtureRequest, desk_beside: Beside) -> Way:
    """The way to each of them."""
    ours = request.getfixturevalue(request.param)
    if request.param == "hubspot":
        return hubspot_way(desk_beside, ours, request.getfixturevalue("there"))
    return salesforce_way(desk_beside, ours, request.getfixturevalue("org"))


def test_a_handoff_goes_there_and_its_end_comes_back(way: Way) -> None:
    way.go_on()
    way.here.offer()
    way.go_on()
    first = way.held()
    assert first["owner"] == "11"
    way.here.sales("accept")
    way.go_on()
    assert way.held()["stage"] not in ("", first["stage"])
    way.change(owner="12")
    way.go_on()
    assert way.here.handoff().rep == "cy"
    way.go_on()  # it is told that Cy has it, and has not accepted yet
    way.change(stage=way.won, amount=12_000)
    way.go_on()
    handoff = way.here.handoff()
    assert (handoff.state, float(handoff.amount)) == ("won", 12_000.0)
    way.go_on()
    assert way.held() == {"owner": "12", "stage": way.won}
    lines = way.here.lines()
    way.go_on()
    assert way.here.lines() == lines


def test_an_answer_lost_on_the_way_makes_nothing_twice(way: Way) -> None:
    way.go_on()
    way.here.offer()
    way.there.faults.append(Fault(to="upsert", cut=0))
    way.there.faults.append(Fault(to="composite", cut=0))
    for _ in range(3):
        way.go_on()
    assert way.held()["owner"] == "11"
    assert way.here.record().state == "told"


def test_a_win_there_is_heard_before_a_change_here_is_told(way: Way) -> None:
    """Both happen between two looks: the lead is given on here, and won there."""
    way.go_on()
    way.here.offer()
    way.go_on()
    way.here.now += timedelta(minutes=1)
    way.there.clock = way.here.now
    way.change(stage=way.won, amount=900)
    way.here.sales("give", to="cy")
    way.here.push()
    assert way.held()["stage"] == way.won
    assert way.here.handoff().state == "won"
    way.go_on()
    assert way.held()["stage"] == way.won

