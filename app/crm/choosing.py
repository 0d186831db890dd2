"""Which CRM it is: as `crm:` of handoff.yaml says, with the secrets of the environment."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from app.crm.webhook import WebhookCrm
from app.settings import Settings
from flows.runtime import Runtime
from handoff.crm.keeping import model_of
from handoff.crm.port import WITHIN, Crm
from nurture.language.crm import CrmModel
from nurture.language.definitions import Definitions
from nurture.ledger.errors import Conflict
from nurture.webhooks.port import Answer, Caller


@dataclass
class ChosenCrm:
    """Gives the CRM of a set of definitions, None where they name none; made anew when another
    is applied."""

    settings: Settings
    caller: Caller
    _kept: tuple[CrmModel, tuple[str, ...], Crm] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, definitions: Definitions) -> Crm | None:
        model, allow = model_of(definitions), definitions.workspace.webhooks.allow
        if model is None:
            return None
        with self._lock:
            if self._kept is None or self._kept[:2] != (model, allow):
                self._kept = (model, allow, self._made(model, allow))
            return self._kept[2]

    def _made(self, model: CrmModel, allow: tuple[str, ...]) -> Crm:
        return WebhookCrm(self.caller, model.url or "", allow)


def try_crm(runtime: Runtime) -> Answer:
    """Try the way to the CRM of what is applied; Conflict where there is none."""
    crm = runtime.crm(runtime.definitions())
    if crm is None:
        raise Conflict("No CRM: handoff.yaml, as applied, has no crm.")
    if crm.trouble:
        return Answer("failed", 0, crm.trouble)
    return crm.check().result(WITHIN.total_seconds() + 5)
