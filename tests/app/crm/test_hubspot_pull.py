"""Looking at HubSpot: what changed comes in order, nothing is passed over, our own alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app.crm.hubspot import HubSpot
from tests.app.crm.cards import CARD, NOW
from tests.app.crm.hubspot_vendor import HubSpotVendor, Record
from tests.app.crm.looking import SECOND, look, looks
from tests.app.crm.vendor import Fault, Said


def deals(there: HubSpotVendor, count: int, *, apart: timedelta = SECOND) -> list[Record]:
    made = []
    for number in range(count):
        there.clock += apart
        made.append(there.add("0-3", nurture_handoff=f"h{number}", dealstage="qualified"))
    return made


def test_the_first_look_begins_now(hubspot: HubSpot, there: HubSpotVendor) -> None:
    deals(there, 1)
    there.clock = NOW + timedelta(hours=1)
    first = look(hubspot, "", now=there.clock)
    assert first.changes == ()
    deals(there, 1)
    assert [one.deal for one in look(hubspot, first.cursor).changes] == ["h0"]


def test_what_sales_did_is_said_in_its_words(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    hubspot.push(CARD).result(timeout=20)
    there.clock += timedelta(minutes=2)
    there.change(
        there.deals[0],
        hubspot_owner_id="44",
        dealstage="closedlost",
        amount="1200.50",
        closed_lost_reason="no budget",
    )
    [change] = look(hubspot, cursor).changes
    assert (change.deal, change.at) == ("handoff-7", there.clock)
    assert (change.owner, change.stage, change.amount) == ("44", "closedlost", 1200.5)
    assert change.reason == "no budget"


def test_said_again_it_has_the_same_identity(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    [deal] = deals(there, 1)
    first = look(hubspot, cursor)
    assert look(hubspot, cursor).changes == first.changes
    assert look(hubspot, first.cursor).changes == first.changes
    there.change(deal, dealstage="closedwon")  # within the same millisecond
    [changed] = look(hubspot, first.cursor).changes
    assert changed.identity != first.changes[0].identity


def test_more_than_a_page_comes_in_order(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    deals(there, 450)
    seen, cursor = looks(hubspot, cursor)
    assert list(dict.fromkeys(one.deal for one in seen)) == [f"h{n}" for n in range(450)]
    assert [one.at for one in seen] == sorted(one.at for one in seen)
    assert {asked.body["after"] for asked in there.asked if asked.name == "search"} == {"0"}
    assert (
        len(looks(hubspot, cursor)[0]) <= 302
    )  # the last five minutes again, and the edge of a page


def test_more_than_ten_thousand_of_one_instant_are_all_seen(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    cursor = look(hubspot, "").cursor
    deals(there, 3)
    there.clock += SECOND
    deals(there, 10_050, apart=timedelta())
    deals(there, 3)
    seen, _ = looks(hubspot, cursor)
    assert {one.identity.split(":")[1] for one in seen} == {str(one.number) for one in there.deals}


def test_a_deal_changed_between_pages_is_seen_and_pushes_none_out(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    cursor = look(hubspot, "").cursor
    made = deals(there, 300)
    first = look(hubspot, cursor)
    assert first.more
    there.clock += SECOND
    for deal in made[:50]:
        there.change(deal, dealstage="closedwon")
    seen, _ = looks(hubspot, first.cursor)
    both = [*first.changes, *seen]
    assert {one.deal for one in both} == {f"h{n}" for n in range(300)}
    assert sum(one.stage == "closedwon" for one in both) == 50


def test_a_change_that_the_index_shows_late_is_seen(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    early, _ = deals(there, 2)
    there.late.add(early.number)
    first = look(hubspot, cursor)
    assert [one.deal for one in first.changes] == ["h1"]
    there.late.clear()
    assert "h0" in [one.deal for one in look(hubspot, first.cursor).changes]


def test_what_is_not_ours_is_not_looked_at(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    there.add("0-3", dealname="theirs", dealstage="qualified")
    assert look(hubspot, cursor).changes == ()


@pytest.mark.parametrize("apart", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_clock_that_is_not_theirs_loses_nothing(
    hubspot: HubSpot, there: HubSpotVendor, apart: timedelta
) -> None:
    first = look(hubspot, "", now=there.clock + apart)
    deals(there, 2)
    seen = look(hubspot, first.cursor, now=there.clock + apart)
    assert [one.deal for one in seen.changes] == ["h0", "h1"]


def test_a_deal_from_the_future_does_not_hide_what_comes_before_it(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    cursor = look(hubspot, "").cursor
    [deal] = deals(there, 1)
    deal.changed += timedelta(days=400)
    _, cursor = looks(hubspot, cursor)
    deals(there, 1)
    assert len(look(hubspot, cursor).changes) == 2


@pytest.mark.parametrize(
    ("said", "worth"),
    [("1200.5", 1200.5), ("", None), ("1e400", None), ("nan", None), ("12 EUR", None), ("-3", -3)],
)
def test_amounts_are_numbers_or_nothing(
    hubspot: HubSpot, there: HubSpotVendor, said: str, worth: float | None
) -> None:
    cursor = look(hubspot, "").cursor
    there.add("0-3", nurture_handoff="h", amount=said)
    assert [one.amount for one in look(hubspot, cursor).changes] == [worth]


def test_words_come_fit_to_keep(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    said = {"dealstage": "a\0b\ud800", "closed_lost_reason": "x" * 5000}
    there.add("0-3", nurture_handoff="h", **said)
    [change] = look(hubspot, cursor).changes
    assert change.stage == "ab"
    assert len(change.reason) == 1000


def test_a_deal_from_before_all_time_does_not_stop_the_look(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    cursor = look(hubspot, "").cursor
    properties = {"nurture_handoff": "h", "hs_lastmodifieddate": "0001-01-01T00:00:00Z"}
    page = {"results": [{"id": "7", "properties": properties}] * 200}
    there.faults += [Fault(raw=json.dumps(page).encode()) for _ in range(3)]
    seen, cursor = looks(hubspot, cursor)
    assert {one.deal for one in seen} == {"h"}
    deals(there, 1)
    assert [one.deal for one in look(hubspot, cursor).changes] == ["h0"]


def test_a_look_that_gets_nowhere_ends(hubspot: HubSpot, there: HubSpotVendor) -> None:
    cursor = look(hubspot, "").cursor
    properties = {"nurture_handoff": "h", "hs_lastmodifieddate": "2026-03-02T08:00:00Z"}
    page = {"results": [{"id": "7", "properties": properties}], "paging": {"next": {"after": "1"}}}
    there.faults += [Fault(raw=json.dumps(page).encode()) for _ in range(9)]
    for _ in range(5):
        pulled = look(hubspot, cursor)
        cursor = pulled.cursor
        if not pulled.more:
            break
    assert not pulled.more


@pytest.mark.parametrize("cursor", ["x", "12 x y", "\0", "1 2 3 4", "9" * 40, "' OR 1=1"])
def test_a_cursor_that_is_none_is_refused_without_asking(
    hubspot: HubSpot, there: HubSpotVendor, cursor: str
) -> None:
    pulled = hubspot.pull(cursor, now=NOW).result(timeout=20)
    assert pulled.answer.verdict == "failed"
    assert (pulled.cursor, pulled.changes, there.asked) == (cursor, (), [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(said=Said(429, {"policyName": "DAILY"})),
        Fault(said=Said(502)),
        Fault(cut=0),
        Fault(cut=120),
        Fault(raw=b"<html>"),
        Fault(raw=b"[1, 2]"),
        Fault(raw=b'{"results": [7, null, {"id": 3}, {"id": "x", "properties": {}}]}'),
    ],
)
def test_trouble_leaves_the_cursor_where_it_was(
    hubspot: HubSpot, there: HubSpotVendor, fault: Fault
) -> None:
    cursor = look(hubspot, "").cursor
    deals(there, 2)
    there.faults.append(fault)
    pulled = hubspot.pull(cursor, now=NOW).result(timeout=20)
    assert pulled.changes == ()
    if pulled.answer.verdict != "done":
        assert (pulled.answer.verdict, pulled.cursor, pulled.more) == ("again", cursor, False)
    assert [one.deal for one in look(hubspot, pulled.cursor).changes] == ["h0", "h1"]
