"""A HubSpot and a Salesforce on this machine, and ours that ask them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.crm import http
from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from tests.app.crm.hubspot_vendor import TOKEN, HubSpotVendor
from tests.app.crm.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.app.crm.vendor import HERE
from tests.fixtures_ledger import ledger, migrated_ledger
from tests.handoff.crm.conftest import desk_beside

__all__ = ["desk_beside", "ledger", "migrated_ledger"]


@pytest.fixture(autouse=True)
def no_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a limit the next request is made at once."""
    monkeypatch.setattr(http, "HOLD", timedelta(0))


@pytest.fixture
def there() -> Iterator[HubSpotVendor]:
    """HubSpot's side.  At the end nothing malformed was asked, nothing wrong answered."""
    vendor = HubSpotVendor()
    yield vendor
    vendor.close()
    assert vendor.malformed == []
    assert vendor.wrong == []


@pytest.fixture
def hubspot(there: HubSpotVendor) -> Iterator[HubSpot]:
    ours = HubSpot(
        SecretStr(TOKEN), base_url=there.url, allow=HERE, due_property="nurture_due", patience=8
    )
    yield ours
    ours.close()


@pytest.fixture
def hasty(there: HubSpotVendor) -> Iterator[HubSpot]:
    """One that does not wait long."""
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url, allow=HERE, patience=0.6)
    yield ours
    ours.close()


@pytest.fixture
def org() -> Iterator[SalesforceVendor]:
    """Salesforce's side.  At the end nothing malformed was asked, nothing wrong answered."""
    vendor = SalesforceVendor()
    yield vendor
    vendor.close()
    assert vendor.malformed == []
    assert vendor.wrong == []


@pytest.fixture
def salesforce(org: SalesforceVendor) -> Iterator[Salesforce]:
    ours = Salesforce(
        SecretStr(KEY),
        SecretStr(SECRET),
        base_url=org.url,
        allow=HERE,
        reason_field="Lost__c",
        due_field="Due__c",
        zone="Pacific/Auckland",
        patience=8,
    )
    yield ours
    ours.close()
