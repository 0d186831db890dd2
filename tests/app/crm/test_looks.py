"""Whatever is changed while it is looked at: nothing that sales did stays unseen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.crm import hubspot_look, salesforce_look
from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from tests.app.crm.cards import NOW
from tests.app.crm.hubspot_vendor import TOKEN, HubSpotVendor, Record
from tests.app.crm.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.app.crm.vendor import HERE

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 5)),
        st.tuples(st.just("change"), st.integers(0, 30)),
        st.tuples(st.just("late"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 1, 2, 1000, 1000, 200_000])),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=40,
)
SLOW = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Side(Protocol):
    """What a vendor does in these stories."""

    ours: HubSpot | Salesforce

    def close(self) -> None: ...
    def wait(self, by: timedelta) -> None: ...
    def add(self) -> None: ...
    def change(self, number: int, stage: str) -> None: ...
    def hide(self, number: int) -> None: ...
    def show(self) -> None: ...
    def now(self) -> list[tuple[str, str]]: ...


class HubSpotSide:
    def __init__(self) -> None:
        self.there = HubSpotVendor()
        self.ours = HubSpot(SecretStr(TOKEN), base_url=self.there.url, allow=HERE)

    def close(self) -> None:
        self.ours.close()
        self.there.close()
        assert self.there.malformed == []

    def wait(self, by: timedelta) -> None:
        self.there.clock += by

    def add(self) -> None:
        count = len(self.there.deals)
        self.there.add("0-3", nurture_handoff=f"h{count}", dealstage="new")

    def change(self, number: int, stage: str) -> None:
        deals: list[Record] = self.there.deals
        self.there.change(deals[number % len(deals)], dealstage=stage)

    def hide(self, number: int) -> None:
        self.there.late.add(self.there.deals[number % len(self.there.deals)].number)

    def show(self) -> None:
        self.there.late.clear()

    def now(self) -> list[tuple[str, str]]:
        held = [deal.properties for deal in self.there.deals]
        return [(one["nurture_handoff"], one["dealstage"]) for one in held]


class SalesforceSide:
    def __init__(self) -> None:
        self.there = SalesforceVendor()
        keys = SecretStr(KEY), SecretStr(SECRET)
        self.ours = Salesforce(*keys, base_url=self.there.url, allow=HERE)
        self.hidden: list[dict[str, Any]] = []

    def close(self) -> None:
        self.ours.close()
        self.there.close()
        assert self.there.malformed == []

    def wait(self, by: timedelta) -> None:
        self.there.clock += by

    def add(self) -> None:
        count = len(self.there.deals) + len(self.hidden)
        self.there.add("Opportunity", Nurture_Handoff__c=f"h{count}", StageName="new")

    def change(self, number: int, stage: str) -> None:
        if self.there.deals:
            deal = self.there.deals[number % len(self.there.deals)]
            self.there.change(deal, StageName=stage)

    def hide(self, number: int) -> None:
        if self.there.deals:
            self.hidden.append(self.there.deals.pop(number % len(self.there.deals)))

    def show(self) -> None:
        self.there.deals.extend(self.hidden)
        self.hidden.clear()

    def now(self) -> list[tuple[str, str]]:
        return [(one["Nurture_Handoff__c"], one["StageName"]) for one in self.there.deals]


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three, so that a few deals are many pages."""
    monkeypatch.setattr(hubspot_look, "PAGE", 3)
    monkeypatch.setattr(salesforce_look, "PAGE", 3)


@SLOW
@given(steps=STEPS)
def test_every_change_in_hubspot_is_seen_at_least_once(steps: list[tuple[str, int]]) -> None:
    assert passed_over(HubSpotSide(), steps) == set()


@SLOW
@given(steps=STEPS)
def test_every_change_in_salesforce_is_seen_at_least_once(steps: list[tuple[str, int]]) -> None:
    assert passed_over(SalesforceSide(), steps) == set()


def passed_over(side: Side, steps: list[tuple[str, int]]) -> set[tuple[str, str]]:
    """What stands there in the end and no look has seen."""
    try:
        cursor = side.ours.pull("", now=NOW).result(timeout=20).cursor
        seen: set[tuple[str, str]] = set()
        for stage, (step, size) in enumerate(steps):
            if step == "look":
                cursor = _look(side, cursor, seen, pages=size)
            else:
                _happen(side, step, size, f"s{stage}")
        side.show()
        cursor = _look(side, cursor, seen, pages=200)  # what goes on ends, and a new look begins
        _look(side, cursor, seen, pages=200)
        return set(side.now()) - seen
    finally:
        side.close()


def _happen(side: Side, step: str, size: int, stage: str) -> None:
    if step == "wait":
        side.wait(timedelta(milliseconds=size))
        side.show()
    elif step == "add":
        for _ in range(size):
            side.add()
    elif side.now() and step == "change":
        side.change(size, stage)
    elif side.now():
        side.hide(size)


def _look(side: Side, cursor: str, seen: set[tuple[str, str]], *, pages: int) -> str:
    """Look, at most so many pages, and remember what was seen."""
    for _ in range(pages):
        pulled = side.ours.pull(cursor, now=NOW).result(timeout=20)
        assert pulled.answer.verdict == "done", pulled.answer
        seen |= {(change.deal, change.stage) for change in pulled.changes}
        cursor = pulled.cursor
        if not pulled.more:
            break
    return cursor
