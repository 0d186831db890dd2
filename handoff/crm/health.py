"""How the CRM is, as far as pushes and pulls have shown; what the admin hears of that.

One that is out of order is tried now and then: it holds up no tick and fills no log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session

from handoff import alarms
from handoff.crm.keeping import NAME, model_of, system_of
from handoff.tables import CRM, CRM_RECORD
from nurture.language.compiled.definitions import Definitions
from nurture.webhooks.port import Answer

TRIES = 3
"""So many tries in a row that fail, and it is out of order."""
PROBE = timedelta(minutes=5)
"""How often one that is out of order is tried."""
OF_US = (401, 403, 407)
"""Answers that are about who asks, not about the lead: everything would be refused."""


@dataclass(frozen=True)
class Health:
    """The part of the CRM's row that is about that."""

    failures: int = 0
    down_since: datetime | None = None
    probe_at: datetime | None = None
    reason: str = ""

    def after(self, answer: Answer, *, now: datetime) -> Health:
        """How it is after one more try; one that refuses a lead is well."""
        if not out_of_order(answer):
            return Health()
        failures = self.failures + 1
        down = self.down_since
        if down is None and (failures >= TRIES or answer.status in OF_US):
            down = now
        probe = now + PROBE if down else None
        return Health(failures, down, probe, answer.reason)


def out_of_order(answer: Answer) -> bool:
    """The answer says something of the CRM, nothing of what it was told."""
    return answer.verdict == "again" or answer.status in OF_US


def locked(session: Session, definitions: Definitions) -> Any:
    """The CRM's row, ours until the transaction ends; None where there is no CRM, or another than
    that of `definitions`: it was applied since, and knows nothing of what this one was told.

    Whoever changes records of the CRM has it first: so no two wait for each other's.
    """
    model = model_of(definitions)
    row = session.execute(select(CRM).where(CRM.c.name == NAME).with_for_update()).one_or_none()
    same = model is not None and row is not None and row.system == system_of(model)
    return row if same else None


def of(row: Any) -> Health:
    """How the CRM of a row is."""
    return Health(row.failures, row.down_since, row.probe_at, row.reason)


def note(
    session: Session, definitions: Definitions, before: Health, after: Health, *, now: datetime
) -> None:
    """Keep how it is.  The admin hears once when it goes out of order, and once when it is back;
    then what waits for another try goes on at once."""
    if before == after:
        return
    session.execute(update(CRM).where(CRM.c.name == NAME).values(**vars(after)))
    if before.down_since is None and after.down_since is not None:
        alarms.crm_down(session, definitions, after.reason, since=after.down_since, now=now)
    elif before.down_since is not None and after.down_since is None:
        alarms.crm_back(session, definitions, since=before.down_since, now=now)
        waiting = (CRM_RECORD.c.state == "due", CRM_RECORD.c.attempts > 0)
        session.execute(update(CRM_RECORD).where(*waiting).values(due_at=now))
