"""Pushes to a CRM in a process of its own, killed where the test says."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.crm.webhook import WebhookCrm
from handoff.crm import pushing
from nurture.ledger.engine import open_ledger
from nurture.webhooks.http import HttpCaller
from tests.handoff import sales_desk as desk
from tests.handoff.crm.beside import Beside, webhook_to

KEYS = (b"k" * 32,)


def run(url: str, system: str, nows: Sequence[datetime], crash_at: str) -> None:
    """Push whatever is due at these instants; SIGKILL at a commit point."""
    pushing.PATIENCE = 10.0
    ledger = open_ledger(url)
    known = desk.definitions(desk.rules(crm=webhook_to(system)), handoff_id=1)
    caller = HttpCaller(KEYS, lambda: nows[0], timeout=5)
    crm: Any = WebhookCrm(caller, system, ("127.0.0.1/32",))

    def crash(point: str) -> None:
        if point == crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for now in nows:
        here = Beside(ledger, known, crm, now, crash)
        here.push()
    caller.close()
    ledger.close()
