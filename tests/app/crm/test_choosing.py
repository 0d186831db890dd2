"""The CRM that `crm:` names, with what the environment holds; made anew when another is applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from app.crm.choosing import MADE, ChosenCrm
from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from app.crm.webhook import WebhookCrm
from app.settings import Settings
from nurture.language.files.crm import System
from nurture.webhooks.rehearsal import AnsweringCaller
from tests.handoff import sales_desk as desk

HERE: dict[str, Any] = {"url": "https://crm.example.test"}
SAID = {"webhook": HERE, "hubspot": {"pipeline": "7"}, "salesforce": HERE}


def chosen(**settings: Any) -> ChosenCrm:
    return ChosenCrm(Settings(**settings), AnsweringCaller())


def definitions(system: str, **said: Any) -> Any:
    return desk.definitions(desk.rules(crm={"system": system, **SAID[system], **said}))


def test_every_system_of_the_language_can_be_made() -> None:
    assert set(MADE) == set(System.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("system", "kind"),
    [("webhook", WebhookCrm), ("hubspot", HubSpot), ("salesforce", Salesforce)],
)
def test_it_is_what_crm_says(system: str, kind: type[Any]) -> None:
    crm = chosen()
    made = crm(definitions(system))
    assert isinstance(made, kind)
    assert bool(made.trouble) is (kind is not WebhookCrm)  # a vendor wants a token
    crm.close()


def test_it_is_kept_until_another_is_applied() -> None:
    crm = chosen(crm_token=SecretStr("token-of-the-tests"))
    first = crm(definitions("hubspot"))
    assert crm(definitions("hubspot")) is first
    assert first is not None
    assert first.trouble == ""
    second = crm(definitions("hubspot", pipeline="8"))
    assert second is not first
    assert crm(desk.definitions(desk.rules())) is None
    crm.close()


@pytest.mark.parametrize("system", ["hubspot", "salesforce"])
@pytest.mark.parametrize(("allow", "why"), [((), "calls do not go"), (("127.0.0.1/32",), "no con")])
def test_a_vendor_is_asked_where_nurture_yaml_lets_calls_go(
    system: str, allow: tuple[str, ...], why: str
) -> None:
    secret = SecretStr("secret")
    crm = chosen(crm_token=secret, crm_client_id="key", crm_client_secret=secret)
    said = definitions(system, url="http://127.0.0.1:1")
    leave = said.workspace.webhooks.model_copy(update={"allow": allow})
    workspace = said.workspace.model_copy(update={"webhooks": leave})
    made = crm(replace(said, workspace=workspace))
    assert made is not None
    assert why in made.check().result(10).reason
    crm.close()
