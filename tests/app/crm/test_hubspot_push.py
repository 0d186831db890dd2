"""Pushing to HubSpot: one contact, one deal, associated, however often it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from app.crm.hubspot import HubSpot
from tests.app.crm.cards import CARD, NOW, after, pushed, with_deal
from tests.app.crm.hubspot_vendor import TOKEN, HubSpotVendor
from tests.app.crm.vendor import Fault, Said


def test_a_card_makes_a_contact_and_a_deal_and_associates_them(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    made = pushed(hubspot, CARD)
    [contact], [deal] = there.contacts, there.deals
    assert made.answer.verdict == "done"
    assert made.refs == {"contact": str(contact.number), "deal": str(deal.number)}
    assert there.associated == [(made.refs["deal"], made.refs["contact"])]
    assert contact.properties == {
        "firstname": "Ann", "lastname": "Example", "email": "ann@example.test",
        "nurture_lead": "lead-1",
    }  # fmt: skip
    assert deal.properties == {
        "nurture_handoff": "handoff-7", "dealname": "Ann Example, Example Ltd",
        "pipeline": "default", "dealstage": "appointmentscheduled", "nurture_due": "",
        "description": "crossed the line: looked at prices four times\n"
                       "https://nurture.example.test/h/7",
    }  # fmt: skip


def test_the_same_card_again_makes_and_changes_nothing(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    first = pushed(hubspot, CARD)
    there.clock += timedelta(minutes=1)
    again = [pushed(hubspot, CARD), pushed(hubspot, after(CARD, first))]
    assert [one.refs for one in again] == [first.refs, first.refs]
    assert [one.answer.reason for one in again] == ["taken", "taken"]
    assert all(one.changed == NOW for one in (*there.contacts, *there.deals))
    assert len(there.associated) == 1
    assert there.count("associate") == 2  # not asked for where both are as they were


def test_what_a_later_card_says_is_brought_up_and_what_sales_wrote_is_left(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    first = pushed(hubspot, CARD)
    there.change(there.deals[0], dealname="Ann's big one", description="called twice")
    later = with_deal(
        replace(after(CARD, first), email="ann.new@example.test", owner="31"),
        stage="closedwon", owner="31", amount=1200.5, closed_at=NOW + timedelta(days=3),
        due_at=datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=2))),
    )  # fmt: skip
    assert pushed(hubspot, later).refs == first.refs
    deal = there.deals[0].properties
    assert (deal["dealname"], deal["description"]) == ("Ann's big one", "called twice")
    assert (deal["dealstage"], deal["hubspot_owner_id"]) == ("closedwon", "31")
    assert deal["amount"] == "1200.50"
    assert deal["closedate"] == "2026-03-05T08:00:00.000Z"
    assert deal["nurture_due"] == "2026-03-02T08:30:00.000Z"
    assert there.contacts[0].properties["email"] == "ann.new@example.test"


def test_no_owner_and_no_stage_leave_those_of_sales(hubspot: HubSpot, there: HubSpotVendor) -> None:
    first = pushed(hubspot, with_deal(replace(CARD, owner="31"), owner="31"))
    there.change(there.deals[0], hubspot_owner_id="44", dealstage="qualified")
    pushed(hubspot, after(CARD, first))
    deal = there.deals[0].properties
    assert (deal["hubspot_owner_id"], deal["dealstage"]) == ("44", "qualified")


@pytest.mark.parametrize("step", ["upsert", "associate"])
@pytest.mark.parametrize("cut", [0, 30])
def test_an_answer_lost_after_the_deed_makes_nothing_twice(
    hubspot: HubSpot, there: HubSpotVendor, step: str, cut: int
) -> None:
    there.faults.append(Fault(to=step, cut=cut))
    lost = pushed(hubspot, CARD)
    assert (lost.answer.verdict, lost.answer.status) == ("again", 0)
    assert lost.answer.reason.startswith("no connection")
    assert pushed(hubspot, CARD).answer.verdict == "done"
    assert (len(there.contacts), len(there.deals), len(there.associated)) == (1, 1, 1)


def test_two_pushes_at_once_make_one_of_each(hubspot: HubSpot, there: HubSpotVendor) -> None:
    both = [hubspot.push(CARD) for _ in range(8)]
    refs = [one.result(timeout=20).refs for one in both]
    assert refs == [refs[0]] * 8
    assert (len(there.contacts), len(there.deals), len(there.associated)) == (1, 1, 1)


def test_a_contact_sales_already_has_is_adopted(hubspot: HubSpot, there: HubSpotVendor) -> None:
    theirs = there.add("contacts", email="Ann@Example.test", company="Example Ltd")
    made = pushed(hubspot, CARD)
    assert made.answer.verdict == "done"
    assert made.refs["contact"] == str(theirs.number)
    assert [one.properties["nurture_lead"] for one in there.contacts] == ["lead-1"]
    assert theirs.properties["company"] == "Example Ltd"


def test_the_contact_of_another_lead_is_not_taken_from_it(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    there.add("contacts", email="ann@example.test", nurture_lead="lead-9")
    refused = pushed(hubspot, CARD)
    assert refused.answer.verdict == "failed"
    assert "belongs to another lead: merge" in refused.answer.reason
    assert there.deals == []


def test_an_address_that_another_contact_has_is_said(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    first = pushed(hubspot, CARD)
    theirs = there.add("contacts", email="ann.new@example.test")
    refused = pushed(hubspot, replace(after(CARD, first), email="ann.new@example.test")).answer
    assert refused.verdict == "failed"
    assert f"contact {theirs.number} there has this address and is not" in refused.reason
    assert "nurture_lead" not in theirs.properties


@pytest.mark.parametrize("number", [1, 2])
def test_a_conflict_with_another_push_is_tried_again(
    hubspot: HubSpot, there: HubSpotVendor, number: int
) -> None:
    told = {"message": "conflict", "category": "CONFLICT", "correlationId": "c"}
    passed = [Fault(to="upsert") for _ in range(number - 1)]
    there.faults += [*passed, Fault(to="upsert", said=Said(409, told))]
    pushed(hubspot, replace(CARD, deal=None)) if number == 2 else None
    there.add("contacts", email="ann@example.test", nurture_lead="lead-1") if number == 1 else None
    answer = pushed(hubspot, CARD).answer
    assert (answer.verdict, answer.status) == ("again", 409)
    assert pushed(hubspot, CARD).answer.verdict == "done"


def test_what_was_erased_there_is_made_again_and_said(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    first = pushed(hubspot, CARD)
    for record in (*there.contacts, *there.deals):
        record.gone = True
    again = pushed(hubspot, after(CARD, first))
    assert again.answer.verdict == "done"
    assert "the deal had been erased there and was made again" in again.answer.reason
    assert "the contact had been erased" in again.answer.reason
    assert there.deals[0].properties["dealname"] == "Ann Example, Example Ltd"
    assert there.associated[-1] == (again.refs["deal"], again.refs["contact"])
    assert again.refs != first.refs


def test_a_limit_is_waited_out(hubspot: HubSpot, there: HubSpotVendor) -> None:
    daily = {"status": "error", "message": "You have reached your daily limit.",
             "errorType": "RATE_LIMIT", "correlationId": "c", "policyName": "DAILY"}  # fmt: skip
    rolling = daily | {"policyName": "TEN_SECONDLY_ROLLING"}
    there.faults += [
        Fault(said=Said(429, daily, {"Retry-After": "7"})), Fault(said=Said(429, daily)),
        Fault(said=Said(429, rolling)), Fault(said=Said(423, {})), Fault(said=Said(429)),
        Fault(said=Said(477, {}, {"Retry-After": "99"})),
    ]  # fmt: skip
    answers = [pushed(hubspot, CARD).answer for _ in range(6)]
    assert {answer.verdict for answer in answers} == {"again"}
    seconds = [answer.later.total_seconds() for answer in answers if answer.later]
    assert seconds == [7, 3600, 10, 10, 10, 99]
    assert "You have reached your daily limit." in answers[0].reason
    assert there.contacts == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_trouble_on_their_side_is_tried_again(
    hubspot: HubSpot, there: HubSpotVendor, status: int
) -> None:
    there.faults.append(Fault(said=Said(status, {"message": "sorry"}), done=False))
    answer = pushed(hubspot, CARD).answer
    assert (answer.verdict, answer.status) == ("again", status)


def test_a_token_that_ended_is_said_and_not_shown(hubspot: HubSpot, there: HubSpotVendor) -> None:
    there.token = "another"
    refused = pushed(hubspot, CARD)
    assert (refused.answer.verdict, refused.answer.status) == ("failed", 401)
    assert refused.answer.reason.endswith("Renew the service key in HubSpot and set its token")
    assert TOKEN not in repr(refused)
    assert "5f0c2d1e" not in repr(refused)


def test_a_missing_scope_is_named(hubspot: HubSpot, there: HubSpotVendor) -> None:
    there.scopes.discard("crm.objects.deals.write")
    refused = pushed(hubspot, CARD).answer
    assert (refused.verdict, refused.status) == ("failed", 403)
    assert "crm.objects.deals.write" in refused.reason
    assert "docs/crm-hubspot.md" in refused.reason


def test_a_rule_of_the_account_is_told_in_its_words_cut_and_cleaned(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    there.rule = ("firstname", f"Names\nhave\x00 three letters {TOKEN} " + "x" * 5000)
    refused = pushed(hubspot, CARD).answer
    assert (refused.verdict, refused.status) == ("failed", 400)
    assert "Names have three letters ***" in refused.reason
    assert len(refused.reason) < 450
    assert TOKEN not in refused.reason


def test_hostile_values_arrive_or_are_cleaned(hubspot: HubSpot, there: HubSpotVendor) -> None:
    fields = {
        "firstname": "Zoë \"'\\ 🙂 \ud800", "lastname": "x" * 10_000, "company": "a\x00b\nc",
        "seen_at": datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=1))), "hs_score": 12,
        "lifecyclestage": None,
    }  # fmt: skip
    card = with_deal(replace(CARD, fields=fields), title="y" * 10_000, reason="z" * 100_000)
    assert pushed(hubspot, card).answer.verdict == "done"
    contact, deal = there.contacts[0].properties, there.deals[0].properties
    assert contact["firstname"] == "Zoë \"'\\ 🙂 "
    assert contact["lastname"] == "x" * 10_000
    assert contact["company"] == "ab\nc"
    assert contact["seen_at"] == "2026-03-02T08:00:00.000Z"
    assert (contact["hs_score"], contact["lifecyclestage"]) == ("12", "")
    assert len(deal["dealname"]) == 255
    assert deal["description"].endswith("\nhttps://nurture.example.test/h/7")


def test_a_property_the_account_has_not_is_named(hubspot: HubSpot, there: HubSpotVendor) -> None:
    refused = pushed(hubspot, replace(CARD, fields={"seniority": "vp"})).answer
    assert refused.verdict == "failed"
    assert 'Property "seniority" does not exist' in refused.reason


def test_a_batch_answered_in_part_is_no_success(hubspot: HubSpot, there: HubSpotVendor) -> None:
    error = {"status": "error", "category": "VALIDATION_ERROR", "message": "no such owner",
             "context": {}, "errors": [], "links": {}}  # fmt: skip
    told = {"status": "COMPLETE", "results": [], "startedAt": "x", "completedAt": "x",
            "numErrors": 1, "errors": [error]}  # fmt: skip
    there.faults.append(Fault(said=Said(207, told)))
    refused = pushed(hubspot, CARD).answer
    assert (refused.verdict, refused.status) == ("failed", 207)
    assert refused.reason == "refused in part: no such owner"


def test_a_lead_without_a_handoff_is_a_contact_alone(
    hubspot: HubSpot, there: HubSpotVendor
) -> None:
    made = pushed(hubspot, replace(CARD, deal=None))
    assert list(made.refs) == ["contact"]
    assert there.deals == []


# ------------------------------------------------------------------ check


def test_check_finds_all_there(hubspot: HubSpot, there: HubSpotVendor) -> None:
    assert hubspot.check().result(timeout=20).verdict == "done"
    assert (there.contacts, there.deals) == ([], [])


def test_check_says_all_that_is_missing(hubspot: HubSpot, there: HubSpotVendor) -> None:
    del there.kinds["contacts"].known["nurture_lead"]
    there.kinds["0-3"].known["nurture_handoff"] = False
    there.stages = {"default": ["new", "won"]}
    answer = hubspot.check().result(timeout=20)
    assert answer.verdict == "failed"
    assert "the contact property nurture_lead (single-line text, unique values)" in answer.reason
    assert "unique values of the deal property nurture_handoff" in answer.reason
    assert (
        "the stage appointmentscheduled of the pipeline default (it has new, won)" in answer.reason
    )


def test_check_names_a_scope_that_is_missing(hubspot: HubSpot, there: HubSpotVendor) -> None:
    there.scopes.discard("crm.schemas.deals.read")
    answer = hubspot.check().result(timeout=20)
    assert answer.verdict == "failed"
    assert "crm.schemas.deals.read" in answer.reason
