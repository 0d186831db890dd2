"""From claimed messages to mails with frozen bytes, written one at a time where there is time."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    Text,
    and_,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.dml import Update
from sqlmodel import Session

from nurture.delivery.claim import Claimed, Ticket
from nurture.delivery.mails.press import Press, Written
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.progress import wake
from nurture.ledger import tables as t
from nurture.ledger.errors import RenderFailed
from nurture.ledger.statements.given import Change, Given, in_given
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.handoffs import OPEN_STATES
from nurture.ledger.tally import Tally

log = logging.getLogger(__name__)
LEAD = table_of(t.Lead).c
E = table_of(t.Enrolment).c
REP = table_of(t.Rep).c
HANDOFF = table_of(t.Handoff).c
_MESSAGE = ("id", "kind", "enrolment_id", "step", "occurrence", "template", "recipient", "sender",
            "subject", "message_id", "content", "voice", "variant")  # fmt: skip
_LEAD = ("email", "first_name", "last_name", "company", "job_title", "phone", "country", "language",
         "attributes")  # fmt: skip
_CLAIMED = (
    select(*(M[name] for name in _MESSAGE), *(LEAD[name] for name in _LEAD))
    .join_from(MESSAGE, table_of(t.Lead), LEAD.id == M.lead_id)
    .where(in_given(M.id, "ids"))
    .order_by(M.due_at, M.id)
)
_CLAIMED_OF_THEIR_OWN = (
    _CLAIMED.add_columns(E.definition_id, REP.name.label("rep_name"), REP.email.label("rep_email"))
    .outerjoin(table_of(t.Enrolment), E.id == M.enrolment_id)
    # Not of a query over all that is open: SQLite would put that together for every window.
    .outerjoin(
        table_of(t.Handoff),
        and_(HANDOFF.lead_id == M.lead_id, among(HANDOFF.state, OPEN_STATES)),
    )
    .outerjoin(table_of(t.Rep), REP.rep == HANDOFF.rep)
)
"""The same with what steps ask for that say more than which mail: their version, the lead's rep."""
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


def _frozen(given: Given) -> Update:
    return (
        update(MESSAGE)
        .where(M.id == given["ref"], M.generation == given["mark"], M.state == text("'claimed'"))
        .values(
            recipient=given["to"],
            sender=given["by"],
            subject=given["headline"],
            message_id=given["identity"],
            content=given["data"],
            voice=given["voice"],
        )
    )


_FREEZE = Change(
    {"ref": BigInteger(), "mark": Integer(), "to": Text(), "by": Text(), "headline": Text(),
     "identity": Text(), "data": LargeBinary(), "voice": Text()},
    _frozen,
)  # fmt: skip


@dataclass
class Desk:
    """What one sender has claimed: `rows` are to be written, `mails` are; the others have `failed`.

    A message's ticket stays here until it is `forgotten`.
    """

    tickets: dict[int, Ticket] = field(default_factory=dict)
    rows: deque[Mapping[str, Any]] = field(default_factory=deque)
    mails: deque[Written] = field(default_factory=deque)
    failed: dict[int, str] = field(default_factory=dict)
    now: datetime | None = None

    def __len__(self) -> int:
        return len(self.rows) + len(self.mails)

    def put(self, claimed: Claimed, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
        """Add what was claimed at `now`."""
        self.tickets.update(claimed.tickets)
        self.rows.extend(rows)
        self.now = now

    def take(self, size: int, press: Press) -> list[Written]:
        """The next mails, at most `size`; those not written yet are written now."""
        while self.rows and len(self.mails) < size:
            self.write_one(press)
        return [self.mails.popleft() for _ in range(min(size, len(self.mails)))]

    def write_one(self, press: Press) -> None:
        """Write the next mail, or take the bytes frozen at an earlier try; nothing if none is left.

        A mail that cannot be written is set aside and stops nobody else.
        """
        if not self.rows:
            return
        assert self.now is not None
        row = self.rows.popleft()
        moved = row["kind"] == "nurture" and row["recipient"] != row["email"]
        if row["content"] is not None and not moved:
            self.mails.append(Written(*(row[name] for name in Written.__dataclass_fields__)))
            return
        try:
            self.mails.append(_written(press, row, now=self.now))
        except RenderFailed as error:
            self.failed[row["id"]] = str(error)
        except SQLAlchemyError:
            raise
        except Exception as error:  # one poisoned lead must not stop its neighbours
            log.exception("message %s cannot be written", row["id"])
            kind = type(error).__name__
            self.failed[row["id"]] = f"{row['template']}: it cannot be written ({kind})"

    def freeze(self, session: Session, window: Sequence[Written]) -> None:
        """Keep the bytes of a window, as long as its mails are ours."""
        _FREEZE.run(session, [
            (mail.id, self.tickets[mail.id].generation, mail.recipient, mail.sender, mail.subject,
             mail.message_id, mail.content, mail.voice)
            for mail in window
        ])  # fmt: skip

    def set_aside(self, session: Session, *, now: datetime) -> Tally:
        """Give what could not be written its reason; its leads go on.  Safe to repeat."""
        if not self.failed:
            return Tally()
        session.execute(_SET_ASIDE, [
            {"ref": number, "mark": self.tickets[number].generation, "why": why[:500], "at": now}
            for number, why in self.failed.items()
        ])  # fmt: skip
        wake(session, M.id.in_(list(self.failed)), now=now)
        paths = [self.tickets[number].path for number in self.failed]
        return sum((Tally.of("render_failed", 1, path=path) for path in paths), Tally())

    def forget(self, numbers: Sequence[int]) -> None:
        """These are settled, and so are those that failed."""
        for number in (*numbers, *self.failed):
            self.tickets.pop(number, None)
        self.failed.clear()


def _written(press: Press, row: Mapping[str, Any], *, now: datetime) -> Written:
    if row["kind"] != "nurture":
        raise RenderFailed("the notice was never written")
    return press.write(row, now=now)


def rows_of(session: Session, claimed: Claimed, press: Press) -> list[Mapping[str, Any]]:
    """The claimed messages with what their templates may say of the lead, as plain values."""
    if not claimed.tickets:
        return []
    query = _CLAIMED_OF_THEIR_OWN if press.sends else _CLAIMED
    found = session.execute(query, {"ids": list(claimed.tickets)})
    return [dict(row) for row in found.mappings()]
