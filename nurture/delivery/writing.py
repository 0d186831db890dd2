"""From claimed messages to frozen bytes, one mail at a time: whoever waits for a server writes."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from nurture.delivery.claim import Claimed, Ticket
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.press import Press, Written
from nurture.delivery.progress import wake
from nurture.ledger import tables as t
from nurture.ledger.errors import RenderFailed
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import table_of

log = logging.getLogger(__name__)
LEAD = table_of(t.Lead).c
_MESSAGE = ("id", "kind", "enrolment_id", "step", "occurrence", "template", "recipient", "sender",
            "subject", "message_id", "content")  # fmt: skip
_LEAD = ("email", "first_name", "last_name", "company", "job_title", "phone", "country", "language",
         "attributes")  # fmt: skip
_FREEZE = (
    update(MESSAGE)
    .where(
        M.id == bindparam("ref"), M.generation == bindparam("mark"), M.state == "claimed"
    )
    .values(
        recipient=bindparam("to"),
        sender=bindparam("by"),
        subject=bindparam("headline"),
        message_id=bindparam("identity"),
        content=bindparam("data"),
    )
)  # fmt: skip
_SET_ASIDE = (
    update(MESSAGE)
    .where(
        M.id == bindparam("ref"), M.generation == bindparam("mark"), M.state == "claimed"
    )
    .values(
        state="render_failed",
        reason=bindparam("why"),
        settled_at=bindparam("at", type_=M.settled_at.type),
        lease_until=None,
    )
)  # fmt: skip


@dataclass
class Batch:
    """Claimed messages: `rows` are to be written, `mails` are; the others have `failed`."""

    tickets: dict[int, Ticket]
    rows: deque[Mapping[str, Any]]
    now: datetime
    mails: list[Written] = field(default_factory=list)
    fresh: list[Written] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)

    def write_one(self, press: Press) -> None:
        """Write the next mail, or take the bytes frozen at an earlier try; nothing if none is left.

        A mail that cannot be written is set aside and stops nobody else.
        """
        if not self.rows:
            return
        row = self.rows.popleft()
        moved = row["kind"] == "nurture" and row["recipient"] != row["email"]
        if row["content"] is not None and not moved:
            self.mails.append(Written(*(row[name] for name in Written.__dataclass_fields__)))
            return
        try:
            mail = _written(press, row, now=self.now)
        except RenderFailed as error:
            self.failed[row["id"]] = str(error)
        except SQLAlchemyError:
            raise
        except Exception as error:  # one poisoned lead must not stop its neighbours
            log.exception("message %s cannot be written", row["id"])
            kind = type(error).__name__
            self.failed[row["id"]] = f"{row['template']}: it cannot be written ({kind})"
        else:
            self.mails.append(mail)
            self.fresh.append(mail)

    def freeze(self, session: Session) -> Tally:
        """Keep the bytes; set aside what could not be written, its leads go on."""
        if self.fresh:
            session.execute(_FREEZE, [self._bytes(mail) for mail in self.fresh])
        if self.failed:
            session.execute(_SET_ASIDE, [self._why(*each) for each in self.failed.items()])
            wake(session, M.id.in_(list(self.failed)), now=self.now)
        paths = [self.tickets[number].path for number in self.failed]
        return sum((Tally.of("render_failed", 1, path=path) for path in paths), Tally())

    def _bytes(self, mail: Written) -> dict[str, Any]:
        return {
            "ref": mail.id,
            "mark": self.tickets[mail.id].generation,
            "to": mail.recipient,
            "by": mail.sender,
            "headline": mail.subject,
            "identity": mail.message_id,
            "data": mail.content,
        }

    def _why(self, number: int, reason: str) -> dict[str, Any]:
        mark = self.tickets[number].generation
        return {"ref": number, "mark": mark, "why": reason[:500], "at": self.now}


def _written(press: Press, row: Mapping[str, Any], *, now: datetime) -> Written:
    if row["kind"] != "nurture":
        raise RenderFailed("the notice was never written")
    return press.write(row, now=now)


def batch_of(session: Session, claimed: Claimed, *, now: datetime) -> Batch:
    """The claimed messages with what their templates may say of the lead, as plain values."""
    ids: Sequence[int] = list(claimed.tickets)
    query = (
        select(*(M[name] for name in _MESSAGE), *(LEAD[name] for name in _LEAD))
        .join_from(MESSAGE, table_of(t.Lead), LEAD.id == M.lead_id)
        .where(M.id.in_(ids))
        .order_by(M.due_at, M.id)
    )
    rows = session.execute(query).mappings() if ids else ()
    return Batch(claimed.tickets, deque(dict(row) for row in rows), now)
