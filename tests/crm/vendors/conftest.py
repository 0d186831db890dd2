"""A HubSpot and a Salesforce on this machine, and ours that ask them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.crm import http
from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from tests.crm.vendors.hubspot_vendor import TOKEN, HubSpotVendor
from tests.crm.vendors.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.crm.vendors.vendor import HERE


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
