"""Whatever is changed while it is looked at: nothing that sales did stays unseen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.crm import hubspot_look
from app.crm.hubspot import HubSpot
from tests.crm.vendors.cards import NOW
from tests.crm.vendors.hubspot_vendor import TOKEN, HubSpotVendor

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 5)),
        st.tuples(st.just("change"), st.integers(0, 30)),
        st.tuples(st.just("late"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 1, 2, 1000, 200_000])),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=40,
)


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three, so that a few deals are many pages."""
    monkeypatch.setattr(hubspot_look, "PAGE", 3)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_every_change_is_seen_at_least_once(steps: list[tuple[str, int]]) -> None:
    there = HubSpotVendor()
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url)
    try:
        _walk(there, ours, steps)
    finally:
        ours.close()
        there.close()
    assert there.malformed == []


def _walk(there: HubSpotVendor, ours: HubSpot, steps: list[tuple[str, int]]) -> None:
    cursor = ours.pull("", now=NOW).result(timeout=20).cursor
    seen: set[tuple[str, str]] = set()
    stage = 0
    for step, size in steps:
        deals = there.deals
        if step == "wait":
            there.clock += timedelta(milliseconds=size)
            there.late.clear()
        elif step == "add":
            for _ in range(size):
                there.add("0-3", nurture_handoff=f"h{len(there.deals)}", dealstage="new")
        elif step == "change" and deals:
            stage += 1
            there.change(deals[size % len(deals)], dealstage=f"s{stage}")
        elif step == "late" and deals:
            there.late.add(deals[size % len(deals)].number)
        elif step == "look":
            cursor = _look(ours, cursor, seen, pages=size)
    there.late.clear()
    cursor = _look(ours, cursor, seen, pages=200)  # what goes on ends, and a new look begins
    _look(ours, cursor, seen, pages=200)
    last = {(d.properties["nurture_handoff"], d.properties["dealstage"]) for d in there.deals}
    assert last <= seen


def _look(ours: HubSpot, cursor: str, seen: set[tuple[str, str]], *, pages: int) -> str:
    """Look, at most so many pages, and remember what was seen."""
    for _ in range(pages):
        pulled = ours.pull(cursor, now=NOW).result(timeout=20)
        assert pulled.answer.verdict == "done", pulled.answer
        seen |= {(change.deal, change.stage) for change in pulled.changes}
        cursor = pulled.cursor
        if not pulled.more:
            break
    return cursor
