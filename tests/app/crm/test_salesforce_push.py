"""Pushing to Salesforce: one lead, one opportunity that looks it up, both or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.crm.salesforce import Salesforce
from tests.app.crm.cards import LEAD_CARD as CARD
from tests.app.crm.cards import NOW, after, pushed, with_deal
from tests.app.crm.salesforce_vendor import SalesforceVendor
from tests.app.crm.vendor import Fault


def test_a_card_makes_a_lead_and_an_opportunity(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    made = pushed(salesforce, CARD)
    [lead], [deal] = org.leads, org.deals
    assert (made.answer.verdict, made.answer.reason) == ("done", "taken")
    assert made.refs == {"lead": lead["Id"], "deal": deal["Id"]}
    assert (lead["Nurture_Lead__c"], lead["Email"]) == ("lead-1", "ann@example.test")
    assert (lead["FirstName"], lead["LastName"], lead["Company"]) == (
        "Ann",
        "Example",
        "[not provided]",
    )
    assert (deal["Nurture_Handoff__c"], deal["Nurture_Lead__c"]) == ("handoff-7", lead["Id"])
    assert (deal["Name"], deal["StageName"]) == ("Ann Example, Example Ltd", "Prospecting")
    assert deal["CloseDate"] == "2026-04-01"
    assert deal["Description"].endswith("\nhttps://nurture.example.test/h/7")
    assert (org.count("token"), org.count("query"), org.count("composite")) == (1, 1, 1)


def test_the_same_card_again_makes_and_changes_nothing(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    first = pushed(salesforce, CARD)
    org.clock += timedelta(minutes=1)
    again = [pushed(salesforce, CARD), pushed(salesforce, after(CARD, first))]
    assert [one.refs for one in again] == [first.refs] * 2
    assert [one.answer.reason for one in again] == ["taken"] * 2
    assert {one["SystemModstamp"] for one in (*org.leads, *org.deals)} == {NOW}
    assert org.count("token") == 1


def test_what_a_later_card_says_is_brought_up_and_what_sales_wrote_is_left(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    first = pushed(salesforce, CARD)
    org.change(org.deals[0], Name="Ann's big one", Description="called", StageName="Qualification")
    org.change(org.leads[0], Company="Example Ltd")
    quiet = after(CARD, first)
    pushed(salesforce, quiet)
    assert (org.deals[0]["Name"], org.deals[0]["StageName"]) == ("Ann's big one", "Qualification")
    assert org.leads[0]["Company"] == "Example Ltd"
    loud = with_deal(
        replace(quiet, email="ann.new@example.test", owner="005A"),
        stage="Closed Won",
        owner="005A",
        amount=1200.5,
        closed_at=datetime(2026, 3, 5, 20, tzinfo=UTC),
        due_at=datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=2))),
    )
    assert pushed(salesforce, loud).refs == first.refs
    deal = org.deals[0]
    assert (deal["StageName"], deal["Amount"], deal["OwnerId"]) == ("Closed Won", 1200.5, "005A")
    assert deal["CloseDate"] == "2026-03-06"  # it is the next day already in Auckland
    assert deal["Due__c"] == "2026-03-02T08:30:00.000Z"
    assert (deal["Name"], deal["Description"]) == ("Ann's big one", "called")
    assert (org.leads[0]["Email"], org.leads[0]["OwnerId"]) == ("ann.new@example.test", "005A")


@pytest.mark.parametrize("cut", [0, 30])
@pytest.mark.parametrize("step", ["token", "query", "composite"])
def test_an_answer_lost_after_the_deed_makes_nothing_twice(
    salesforce: Salesforce, org: SalesforceVendor, step: str, cut: int
) -> None:
    org.faults.append(Fault(to=step, cut=cut))
    lost = pushed(salesforce, CARD)
    assert (lost.answer.verdict, lost.answer.status) == ("again", 0)
    assert pushed(salesforce, CARD).answer.verdict == "done"
    assert (len(org.leads), len(org.deals)) == (1, 1)


def test_two_pushes_at_once_make_one_of_each(salesforce: Salesforce, org: SalesforceVendor) -> None:
    both = [salesforce.push(CARD) for _ in range(8)]
    refs = [one.result(timeout=20).refs for one in both]
    assert refs == [refs[0]] * 8
    assert (len(org.leads), len(org.deals)) == (1, 1)
    assert org.count("token") == 1


def test_a_lead_sales_already_has_is_adopted(salesforce: Salesforce, org: SalesforceVendor) -> None:
    org.add("Lead", Email="ann@example.test", LastName="E.", Company="Old", IsConverted=True)
    theirs = org.add("Lead", Email="ann@example.test", LastName="E.", Company="Example Ltd")
    made = pushed(salesforce, CARD)
    assert made.refs["lead"] == theirs["Id"]
    assert org.leads[1]["Nurture_Lead__c"] == "lead-1"
    assert (org.leads[1]["Company"], org.leads[1]["LastName"]) == ("Example Ltd", "Example")
    assert org.deals[0]["Nurture_Lead__c"] == theirs["Id"]
    assert len(org.leads) == 2
    assert pushed(salesforce, CARD).refs == made.refs


def test_a_converted_lead_is_left_and_its_handoff_told(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    first = pushed(salesforce, CARD)
    org.change(org.leads[0], IsConverted=True)
    later = pushed(salesforce, with_deal(after(CARD, first), stage="Closed Won"))
    assert later.answer.verdict == "done"
    assert "the lead was converted there" in later.answer.reason
    assert later.refs == first.refs
    assert org.deals[0]["StageName"] == "Closed Won"
    alone = pushed(salesforce, replace(after(CARD, first), deal=None))
    assert (alone.answer.verdict, alone.refs) == ("done", first.refs)
    assert "nothing was written" in alone.answer.reason
    fresh = with_deal(after(CARD, first), key="handoff-8")
    assert (
        pushed(salesforce, replace(fresh, refs={"lead": first.refs["lead"]})).answer.verdict
        == "done"
    )
    assert len(org.deals) == 2


def test_what_was_erased_there_is_made_again_and_said(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    first = pushed(salesforce, CARD)
    org.leads.clear()
    org.deals.clear()
    again = pushed(salesforce, with_deal(after(CARD, first), stage="Qualification"))
    assert again.answer.verdict == "done"
    assert "the lead had been erased there and was made again" in again.answer.reason
    assert "the opportunity had been erased there" in again.answer.reason
    assert (org.deals[0]["Name"], org.deals[0]["StageName"]) == (
        "Ann Example, Example Ltd",
        "Qualification",
    )


def test_one_erased_alone_leaves_the_other_as_sales_wrote_it(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    first = pushed(salesforce, CARD)
    org.change(org.deals[0], StageName="Qualification", Description="called")
    org.leads.clear()
    assert pushed(salesforce, after(CARD, first)).answer.verdict == "done"
    assert (org.deals[0]["StageName"], org.deals[0]["Description"]) == ("Qualification", "called")
    assert org.deals[0]["Nurture_Lead__c"] == org.leads[0]["Id"]


def test_both_or_none(salesforce: Salesforce, org: SalesforceVendor) -> None:
    answer = pushed(salesforce, with_deal(CARD, stage="No Such Stage")).answer
    assert answer.verdict == "failed"
    assert "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: bad value: No Such Stage" in answer.reason
    assert (org.leads, org.deals) == ([], [])


@pytest.mark.parametrize(
    "key", ["a/b?c=1#d", "o'brien\\", "ключ-1", "x" * 255, "a b+c%20", "@{lead.id}"]
)
def test_keys_of_any_letters_find_their_record(
    salesforce: Salesforce, org: SalesforceVendor, key: str
) -> None:
    card = with_deal(replace(CARD, key=key), key=key)
    refs = {tuple(pushed(salesforce, card).refs.items()) for _ in range(2)}
    assert len(refs) == 1
    assert (org.leads[0]["Nurture_Lead__c"], org.deals[0]["Nurture_Handoff__c"]) == (key, key)


def test_hostile_values_arrive_or_are_cleaned(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    fields = {
        "FirstName": "Zoë \"'\\ 🙂 \ud800",
        "Company": "a\x00b\nc",
        "LastName": None,
        "Status": "' OR Name != '",
        "NumberOfEmployees": 12,
        "Seen__c": datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=1))),
    }
    email = "o'brien\\' OR Email != null @example.test"
    card = with_deal(
        replace(CARD, fields=fields, email=email), title="y" * 999, reason="z" * 99_999
    )
    assert pushed(salesforce, card).answer.verdict == "done"
    lead, deal = org.leads[0], org.deals[0]
    assert (lead["FirstName"], lead["Company"]) == ("Zoë \"'\\ 🙂 ", "ab\nc")
    assert (lead["Email"], lead["LastName"]) == (email, email.split("@", maxsplit=1)[0])
    assert (lead["NumberOfEmployees"], lead["Seen__c"]) == (12, "2026-03-02T08:00:00.000Z")
    assert len(deal["Name"]) == 120
    assert deal["Description"].endswith("\nhttps://nurture.example.test/h/7")


def test_a_text_refers_to_no_other_part(salesforce: Salesforce, org: SalesforceVendor) -> None:
    fields = {"FirstName": "@{deal.id}", "LastName": "@{lead.id}"}
    card = with_deal(replace(CARD, fields=fields), title="@{lead.id} @{nobody.id}")
    assert pushed(salesforce, card).answer.verdict == "done"
    assert org.deals[0]["Name"] == "@ {lead.id} @ {nobody.id}"
    assert org.leads[0]["LastName"] == "@ {lead.id}"


def test_a_text_too_long_is_told(salesforce: Salesforce, org: SalesforceVendor) -> None:
    answer = pushed(salesforce, replace(CARD, fields={"FirstName": "x" * 10_000})).answer
    assert answer.verdict == "failed"
    assert "STRING_TOO_LONG: FirstName: data value too large (FirstName)" in answer.reason
