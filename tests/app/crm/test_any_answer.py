"""Whatever a CRM answers: push, pull and check end with an answer, and the cursor stays one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.crm.hubspot import HubSpot
from app.crm.place import Place
from app.crm.salesforce import Salesforce
from tests.app.crm.cards import CARD, NOW
from tests.app.crm.hubspot_vendor import TOKEN, HubSpotVendor
from tests.app.crm.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.app.crm.vendor import HERE, Fault, Said, Vendor

Told = list[tuple[int, Any]]
HUBSPOT = """results id properties paging next errors message category policyName correlationId new
    nurture_lead hs_lastmodifieddate nurture_handoff stages hasUniqueValue name"""
SALESFORCE = """compositeResponse body httpStatusCode referenceId id created records done Id error
    SystemModstamp Nurture_Handoff__c errorCode message fields access_token name picklistValues"""
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["7", "lead", "deal", "2026-03-02T08:00:00Z", "0001-01-01T00:00:00Z", "\0"]),
    st.sampled_from([200, 201, 204, 300, 400, 403, "REQUIRED_FIELD_MISSING", "006A"]),
)  # fmt: skip
STATUSES = st.sampled_from([200] * 6 + [201, 204, 207, 300, 302, 400, 401, 403, 404, 409, 429, 500])
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def answers(said: str) -> st.SearchStrategy[Told]:
    """Answers one after the other: the names of the documents, and anything in them."""
    names = st.sampled_from(said.split())
    trees = st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
        max_leaves=25,
    )
    whole = st.dictionaries(names, trees, min_size=1, max_size=8) | trees
    return st.lists(st.tuples(STATUSES, whole), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def hubspots() -> Iterator[tuple[HubSpotVendor, HubSpot]]:
    there = HubSpotVendor()
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url, allow=HERE, patience=20)
    yield there, ours
    ours.close()
    there.close()


@pytest.fixture(scope="module")
def salesforces() -> Iterator[tuple[SalesforceVendor, Salesforce]]:
    there = SalesforceVendor()
    keys = SecretStr(KEY), SecretStr(SECRET)
    ours = Salesforce(*keys, base_url=there.url, allow=HERE, patience=20)
    yield there, ours
    ours.close()
    there.close()


@MANY
@given(said=answers(HUBSPOT))
def test_any_answer_of_hubspot(hubspots: tuple[HubSpotVendor, HubSpot], said: Told) -> None:
    assert wrong(*hubspots, said, TOKEN) == []


@MANY
@given(said=answers(SALESFORCE))
def test_any_answer_of_salesforce(
    salesforces: tuple[SalesforceVendor, Salesforce], said: Told
) -> None:
    assert wrong(*salesforces, said, SECRET) == []


def wrong(
    there: Vendor, ours: HubSpot | Salesforce, said: Told, secret: str
) -> list[tuple[str, object]]:
    """What a push, a pull and a check make of these answers that they must not."""
    faults = [Fault(said=Said(status), raw=json.dumps(told).encode()) for status, told in said]
    there.faults[:] = faults
    push = ours.push(CARD).result(timeout=30)
    there.faults[:] = faults
    pull = ours.pull("", now=NOW).result(timeout=30)
    there.faults[:] = faults
    check = ours.check().result(timeout=30)
    there.faults.clear()
    found: list[tuple[str, object]] = []
    if pull.answer.verdict == "done":
        if Place.read(pull.cursor).cursor != pull.cursor:
            found.append(("a cursor that is read otherwise", pull))
    elif (pull.changes, pull.cursor, pull.more) != ((), "", False):
        found.append(("changes of a pull that failed", pull))
    named = all(isinstance(number, str) and number for number in push.refs.values())
    if push.answer.verdict == "done" and not named:
        found.append(("a record without a name", push))
    for answer in (push.answer, pull.answer, check):
        if answer.verdict not in ("done", "again", "failed"):
            found.append(("no verdict", answer))
        if answer.reason.startswith("its answer could not be read") or len(answer.reason) >= 2_500:
            found.append(("a reason that is none, or too long", answer))
        if secret in answer.reason:
            found.append(("the secret", answer))
    return found
