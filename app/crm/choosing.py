"""Which CRM it is: as `crm:` of handoff.yaml says, with the secrets of the environment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from app.crm.webhook import WebhookCrm
from app.settings import Settings
from flows.runtime import Runtime
from handoff.crm.keeping import NONE, model_of
from handoff.crm.port import WITHIN, Crm
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.crm import CrmModel
from nurture.ledger.errors import Conflict
from nurture.webhooks.port import Answer, Caller

Said = tuple[CrmModel, tuple[str, ...], str]
"""What a CRM is made from: `crm:`, the networks that may be called, the workspace's zone."""


@dataclass
class ChosenCrm:
    """Gives the CRM of a set of definitions, None where they name none; made anew when another
    is applied.  Close it."""

    settings: Settings
    caller: Caller
    _said: Said | None = None
    _kept: Crm | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, definitions: Definitions) -> Crm | None:
        model, workspace = model_of(definitions), definitions.workspace
        said = None if model is None else (model, workspace.webhooks.allow, workspace.zone)
        with self._lock:
            if said != self._said:
                self._end()
                self._said = said
                self._kept = None if said is None else MADE[said[0].system](self, said)
            return self._kept

    def close(self) -> None:
        """End, once what is under way is over."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        """End what was made before."""
        close = getattr(self._kept, "close", None)
        self._said = self._kept = None
        if close is not None:
            close()


def _webhook(chosen: ChosenCrm, said: Said) -> Crm:
    model, allow, _ = said
    return WebhookCrm(chosen.caller, model.url or "", allow)


def _hubspot(chosen: ChosenCrm, said: Said) -> Crm:
    (model, allow, _), names = said, said[0].properties
    return HubSpot(
        chosen.settings.crm_token, allow=allow,
        **_given(
            base_url=model.url, pipeline=model.pipeline, first_stage=model.stages.get("offered"),
            lead_property=names.lead, deal_property=names.handoff, reason_property=names.reason,
            due_property=names.due,
        ),
    )  # fmt: skip


def _salesforce(chosen: ChosenCrm, said: Said) -> Crm:
    (model, allow, zone), names = said, said[0].properties
    return Salesforce(
        SecretStr(chosen.settings.crm_client_id), chosen.settings.crm_client_secret,
        base_url=model.url or "", zone=zone, allow=allow,
        **_given(
            first_stage=model.stages.get("offered"), lead_field=names.lead,
            deal_field=names.handoff, lookup_field=names.lookup, reason_field=names.reason,
            due_field=names.due,
        ),
    )  # fmt: skip


def _given(**said: Any) -> dict[str, Any]:
    """What handoff.yaml says; for the rest the CRM has its own usual names."""
    return {name: value for name, value in said.items() if value is not None}


MADE: Mapping[str, Callable[[ChosenCrm, Said], Crm]] = {
    "webhook": _webhook,
    "hubspot": _hubspot,
    "salesforce": _salesforce,
}


def try_crm(runtime: Runtime) -> Answer:
    """Try the way to the CRM of what is applied; Conflict where there is none."""
    crm = runtime.crm(runtime.definitions())
    if crm is None:
        raise Conflict(NONE)
    if crm.trouble:
        return Answer("failed", 0, crm.trouble)
    return crm.check().result(WITHIN.total_seconds() + 5)
