"""What Salesforce refuses, and what the check says: in its words, cut, with what to do."""

from __future__ import annotations

import pytest

from app.crm.salesforce import Salesforce
from tests.app.crm.cards import LEAD_CARD as CARD
from tests.app.crm.cards import NOW, after, pushed
from tests.app.crm.salesforce_vendor import SECRET, SalesforceVendor
from tests.app.crm.vendor import Fault, Said


def refused(code: str, message: str = "no") -> list[dict[str, object]]:
    return [{"message": message, "errorCode": code, "fields": []}]


def test_a_token_that_ended_is_renewed_once(salesforce: Salesforce, org: SalesforceVendor) -> None:
    first = pushed(salesforce, CARD)
    org.end_tokens()
    both = [salesforce.push(after(CARD, first)) for _ in range(6)]
    assert {one.result(timeout=20).answer.verdict for one in both} == {"done"}
    assert org.count("token") == 2


def test_a_token_refused_again_is_said_and_not_shown(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    org.before = lambda asked: org.end_tokens() if asked.name != "token" else None
    answer = pushed(salesforce, CARD)
    assert (answer.answer.verdict, answer.answer.status) == ("failed", 401)
    assert "renewed and refused again" in answer.answer.reason
    assert "00D5g000000Test" not in repr(answer)
    assert org.count("token") == 2


def test_wrong_credentials_are_said_and_not_shown(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    org.secret = "another"
    answers = [pushed(salesforce, CARD).answer, salesforce.check().result(20)]
    answers.append(salesforce.pull("", now=NOW).result(20).answer)
    for answer in answers:
        assert (answer.verdict, answer.status) == ("failed", 401)
        assert (
            "invalid client credentials. Look at consumer key, secret and Run As" in answer.reason
        )
        assert SECRET not in answer.reason
    assert SECRET not in repr(salesforce) + str(vars(salesforce))


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (403, refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), 900),
        (503, refused("SERVER_UNAVAILABLE"), None),
        (500, None, None),
        (502, None, None),
        (400, refused("UNABLE_TO_LOCK_ROW"), None),
    ],
)
def test_limits_and_trouble_are_waited_out(
    salesforce: Salesforce, org: SalesforceVendor, status: int, told: object, seconds: float | None
) -> None:
    org.faults.append(Fault(to="composite", said=Said(status, told)))
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("again", status)
    assert (answer.later.total_seconds() if answer.later else None) == seconds


def test_a_locked_part_is_tried_again(salesforce: Salesforce, org: SalesforceVendor) -> None:
    parts = [
        {"body": refused("PROCESSING_HALTED"), "httpHeaders": {}, "httpStatusCode": 400,
         "referenceId": "lead"},
        {"body": refused("UNABLE_TO_LOCK_ROW"), "httpHeaders": {}, "httpStatusCode": 400,
         "referenceId": "deal"},
    ]  # fmt: skip
    org.faults.append(Fault(to="composite", said=Said(200, {"compositeResponse": parts})))
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("again", 400)
    assert "UNABLE_TO_LOCK_ROW" in answer.reason


def test_a_missing_permission_is_said(salesforce: Salesforce, org: SalesforceVendor) -> None:
    org.rights.discard("Opportunity")
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("failed", 403)
    assert "no right to write Opportunity" in answer.reason
    assert "docs/crm-salesforce.md" in answer.reason
    assert org.leads == []


def test_a_record_that_may_not_be_changed_says_nothing_of_the_others(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    part = {"httpHeaders": {}, "httpStatusCode": 403, "referenceId": "lead"}
    told = part | {"body": refused("INSUFFICIENT_ACCESS_OR_READONLY")}
    halted = part | {"referenceId": "deal", "body": refused("PROCESSING_HALTED")}
    org.faults.append(Fault(to="composite", said=Said(200, {"compositeResponse": [halted, told]})))
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("failed", 400)
    assert "change the records of every rep" in answer.reason


def test_a_rule_of_the_org_is_told_in_its_words_cut_and_cleaned(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    org.rule = ("FirstName", f"Names\nhave\x00 three letters {SECRET} " + "x" * 5000)
    answer = pushed(salesforce, CARD).answer
    assert answer.verdict == "failed"
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION: Names have three letters ***" in answer.reason
    assert len(answer.reason) < 450


def test_several_with_one_external_id_are_said(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    for _ in range(2):
        org.add("Lead", Nurture_Lead__c="lead-1", LastName="x", Company="y")
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("failed", 300)
    assert "merge them" in answer.reason


def test_an_external_id_that_is_missing_is_said(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    org.external.discard(("Opportunity", "Nurture_Handoff__c"))
    answer = pushed(salesforce, CARD).answer
    assert (answer.verdict, answer.status) == ("failed", 404)
    assert "The check says which object or field is missing" in answer.reason


# ------------------------------------------------------------------ check


def test_check_finds_all_there(salesforce: Salesforce, org: SalesforceVendor) -> None:
    assert salesforce.check().result(timeout=20).verdict == "done"
    assert (org.leads, org.deals) == ([], [])


def test_check_says_all_that_is_missing(salesforce: Salesforce, org: SalesforceVendor) -> None:
    del org.objects["Lead"]["Nurture_Lead__c"]
    org.external.discard(("Opportunity", "Nurture_Handoff__c"))
    org.objects["Opportunity"]["Nurture_Lead__c"] = "string"
    org.rights.discard("Lead")
    org.stages = ["New", "Won"]
    answer = salesforce.check().result(timeout=20)
    assert answer.verdict == "failed"
    for words in (
        "the permission to create Lead",
        "the field Lead.Nurture_Lead__c",
        "External ID of Opportunity.Nurture_Handoff__c",
        "the permission to edit Lead",
        "Unique of Opportunity.Nurture_Handoff__c",
        "the lookup Opportunity.Nurture_Lead__c to Lead",
        "the stage Prospecting of Opportunity (it has New, Won)",
    ):
        assert words in answer.reason


def test_check_says_what_the_user_may_not_see(
    salesforce: Salesforce, org: SalesforceVendor
) -> None:
    del org.objects["Opportunity"]
    answer = salesforce.check().result(timeout=20)
    assert answer.verdict == "failed"
    assert "the object Opportunity (the Run As user may not see it)" in answer.reason
