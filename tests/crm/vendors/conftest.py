"""A HubSpot and a Salesforce on this machine, and ours that ask them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.crm.hubspot import HubSpot
from tests.crm.vendors.hubspot_vendor import TOKEN, HubSpotVendor


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
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url, due_property="nurture_due", patience=8)
    yield ours
    ours.close()


@pytest.fixture
def hasty(there: HubSpotVendor) -> Iterator[HubSpot]:
    """One that does not wait long."""
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url, patience=0.6)
    yield ours
    ours.close()
