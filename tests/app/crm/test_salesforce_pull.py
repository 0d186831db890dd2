"""Looking at Salesforce: what changed comes in order, nothing is passed over, our own alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.crm import salesforce_look
from app.crm.salesforce import Salesforce
from tests.app.crm.cards import CARD, NOW
from tests.app.crm.looking import SECOND, look, looks
from tests.app.crm.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.app.crm.vendor import HERE, Fault, Said


def deals(org: SalesforceVendor, count: int, *, apart: timedelta = SECOND) -> list[dict[str, Any]]:
    made = []
    for number in range(count):
        org.clock += apart
        made.append(org.add("Opportunity", Nurture_Handoff__c=f"h{number}", StageName="New"))
    return made


def test_the_first_look_begins_now(salesforce: Salesforce, org: SalesforceVendor) -> None:
    deals(org, 1)
    org.clock = NOW + timedelta(hours=1)
    first = look(salesforce, "", now=org.clock)
    assert first.changes == ()
    deals(org, 1)
    assert [one.deal for one in look(salesforce, first.cursor).changes] == ["h0"]


def test_what_sales_did_is_said_in_its_words(salesforce: Salesforce, org: SalesforceVendor) -> None:
    cursor = look(salesforce, "").cursor
    salesforce.push(replace(CARD, fields={})).result(timeout=20)
    org.clock += timedelta(minutes=2)
    org.change(
        org.deals[0], OwnerId="005B", StageName="Closed Lost", Amount=1200.5, Lost__c="no budget"
    )
    [change] = look(salesforce, cursor).changes
    assert (change.deal, change.at) == ("handoff-7", org.clock)
    assert (change.owner, change.stage, change.amount) == ("005B", "Closed Lost", 1200.5)
    assert change.reason == "no budget"


def test_said_again_it_has_the_same_identity(salesforce: Salesforce, org: SalesforceVendor) -> None:
    cursor = look(salesforce, "").cursor
    [deal] = deals(org, 1)
    first = look(salesforce, cursor)
    assert look(salesforce, cursor).changes == first.changes
    assert look(salesforce, first.cursor).changes == first.changes
    org.change(deal, StageName="Closed Won")  # within the same second
    [changed] = look(salesforce, first.cursor).changes
    assert changed.identity != first.changes[0].identity


@pytest.mark.parametrize("apart", [timedelta(0), SECOND])
def test_more_than_a_page_and_more_than_ten_thousand_are_all_seen(
    salesforce: Salesforce, org: SalesforceVendor, apart: timedelta
) -> None:
    cursor = look(salesforce, "").cursor
    deals(org, 10_050, apart=apart)
    seen, _ = looks(salesforce, cursor)
    assert {one.deal for one in seen} == {f"h{n}" for n in range(10_050)}
    assert [one.at for one in seen] == sorted(one.at for one in seen)


def test_a_page_shorter_than_was_asked_is_gone_on_from(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    cursor = look(salesforce, "").cursor
    org.most = 7
    deals(org, 50)
    seen, _ = looks(salesforce, cursor)
    assert [one.deal for one in seen] == [f"h{n}" for n in range(50)]


def test_an_opportunity_changed_between_pages_is_seen_and_pushes_none_out(
    salesforce: Salesforce, org: SalesforceVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_look, "PAGE", 20)
    cursor = look(salesforce, "").cursor
    made = deals(org, 50)
    first = look(salesforce, cursor)
    assert first.more
    org.clock += SECOND
    for deal in made[:5]:
        org.change(deal, StageName="Closed Won")
    seen, _ = looks(salesforce, first.cursor)
    both = [*first.changes, *seen]
    assert {one.deal for one in both} == {f"h{n}" for n in range(50)}
    assert sum(one.stage == "Closed Won" for one in both) == 5


def test_a_transaction_seen_late_is_seen(salesforce: Salesforce, org: SalesforceVendor) -> None:
    cursor = look(salesforce, "").cursor
    early, _ = deals(org, 2)
    org.deals.remove(early)
    first = look(salesforce, cursor)
    org.deals.append(early)
    assert "h0" in [one.deal for one in look(salesforce, first.cursor).changes]


def test_what_is_not_ours_is_not_looked_at(salesforce: Salesforce, org: SalesforceVendor) -> None:
    cursor = look(salesforce, "").cursor
    org.add("Opportunity", Name="theirs", StageName="New")
    assert look(salesforce, cursor).changes == ()


@pytest.mark.parametrize("apart", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_clock_that_is_not_theirs_loses_nothing(
    salesforce: Salesforce, org: SalesforceVendor, apart: timedelta
) -> None:
    first = look(salesforce, "", now=org.clock + apart)
    deals(org, 2)
    seen = look(salesforce, first.cursor, now=org.clock + apart)
    assert [one.deal for one in seen.changes] == ["h0", "h1"]


@pytest.mark.parametrize("cursor", ["x", "1 2 3 4", "1 2 a'b", "1 2 " + "x" * 19])
def test_a_cursor_that_is_none_is_refused_without_asking(
    salesforce: Salesforce, org: SalesforceVendor, cursor: str
) -> None:
    pulled = salesforce.pull(cursor, now=NOW).result(timeout=20)
    assert pulled.answer.verdict == "failed"
    assert (pulled.cursor, pulled.changes, org.asked) == (cursor, (), [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(to="query", said=Said(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])),
        Fault(to="query", said=Said(503)),
        Fault(to="query", cut=0),
        Fault(to="query", cut=120),
        Fault(to="query", raw=b"<html>"),
        Fault(to="query", raw=b"[1, 2]"),
        Fault(to="query", raw=b'{"records": 7}'),
        Fault(to="query", raw=b'{"done": false, "records": [7, null, {"Id": 3}]}'),
        Fault(to="token", said=Said(500)),
        Fault(to="token", raw=b"{}"),
        Fault(to="token", raw=b'{"access_token": "a b\\r\\nx: y"}'),
    ],
)
def test_trouble_leaves_the_cursor_where_it_was(org: SalesforceVendor, fault: Fault) -> None:
    ours = Salesforce(SecretStr(KEY), SecretStr(SECRET), base_url=org.url, allow=HERE)
    cursor = look(ours, "").cursor
    deals(org, 2)
    if fault.to == "token":
        org.end_tokens()
    org.faults.append(fault)
    pulled = ours.pull(cursor, now=NOW).result(timeout=20)
    assert pulled.changes == ()
    if pulled.answer.verdict != "done":
        assert (pulled.answer.verdict, pulled.cursor, pulled.more) == ("again", cursor, False)
    assert [one.deal for one in look(ours, pulled.cursor).changes] == ["h0", "h1"]
    ours.close()


@pytest.mark.parametrize(
    "name", ["Nurture__c FROM User--", "a'b", "", "a.b", "1a", "x" * 81, "Näme__c"]
)
def test_a_field_that_can_be_none_is_trouble_and_never_asked_for(
    org: SalesforceVendor, name: str
) -> None:
    keys = SecretStr(KEY), SecretStr(SECRET)
    ours = Salesforce(*keys, base_url=org.url, allow=HERE, deal_field=name)
    assert "is no API name of a field" in ours.trouble
    answers = [ours.pull("", now=NOW).result(5).answer, ours.push(CARD).result(5).answer]
    answers.append(ours.check().result(5))
    assert {answer.verdict for answer in answers} == {"failed"}
    assert org.asked == []


def test_without_key_and_secret_there_is_trouble() -> None:
    none = Salesforce(SecretStr(""), SecretStr(SECRET), base_url="https://x.my.salesforce.com")
    assert "waits for consumer key and secret" in none.trouble
    plain = Salesforce(SecretStr(KEY), SecretStr(SECRET), base_url="http://x.my.salesforce.com")
    assert "https://" in plain.trouble
