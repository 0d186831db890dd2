"""What became of handed messages, and what a person or evidence says of unknown ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    bindparam,
    case,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import Update
from sqlmodel import Session

from nurture.delivery.carriers.transport import Reply
from nurture.delivery.claim import Ticket
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.progress import wait_for_word, wake_behind, wake_early
from nurture.delivery.states import sources
from nurture.ledger import tables as t
from nurture.ledger.errors import Conflict, NotFound
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.given import Change, Given
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant, to_micros

LEAD = table_of(t.Lead).c
REASON = {
    "sent": "accepted by the mail server",
    "deferred": "the mail server asks to try again later",
    "rejected": "the mail server refused it",
    "unknown": "the mail server's last answer never came: it may have the mail",
    "channel": "the mail channel is out of order: tried again later",
}
BYSTANDER = "another mail broke the connection before its turn: tried again"
SOON = timedelta(minutes=1)
"""After it a bystander goes, apart from the mail that breaks connections and waits longer."""
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=12)
NOTICE_TRIES = 2
"""A notice whose fate is unknown is sent once more, with the same Message-ID."""


def _is_sent(given: Given) -> Update:
    """An answer that comes after the sweep called the mail unknown is evidence: it is sent."""
    return (
        update(MESSAGE)
        .where(
            M.id == given["ref"],
            M.generation == given["mark"],
            or_(M.state == text("'handed'"), M.state == text("'unknown'")),
        )
        .values(
            state=text("'sent'"),
            reason=given["why"],
            reply=given["said"],
            settled_at=given["at"],
            lease_until=null(),
            content=null(),  # the bytes are kept only while they may be needed again
        )
    )


_SENT = Change(
    {"ref": BigInteger(), "mark": Integer(), "why": Text(), "said": Text(), "at": BigInteger()},
    _is_sent,
)

_OTHERWISE = (
    update(MESSAGE)
    .where(
        M.id == bindparam("ref"), M.generation == bindparam("mark"), M.state == "handed"
    )
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        reply=bindparam("said"),
        settled_at=bindparam("at", type_=Instant()),
        lease_until=None,
        due_at=case((bindparam("next", type_=Instant()).is_(None), M.due_at),
                    else_=bindparam("next", type_=Instant())),
        attempts=bindparam("tries"),
        content=case((bindparam("to") == "rejected", None), else_=M.content),
    )
)  # fmt: skip


def settle(
    session: Session, tickets: Mapping[int, Ticket], replies: Sequence[Reply], *, now: datetime
) -> Tally:
    """Write what became of a window's messages, and let the leads behind them go on.

    An address refused for good (5xx to RCPT) is suppressed.  A deferred mail waits longer each
    time (5 minutes, doubling, at most 12 hours, spread by its number), a notice always the
    shortest time; a channel's failure costs no try.  Nothing of a message that somebody else
    holds meanwhile is changed.  Safe to repeat.
    """
    if not replies:
        return Tally()
    sent = [_sent(reply, tickets[reply.ref], now) for reply in replies if reply.verdict == "sent"]
    rest = [_rest(reply, tickets[reply.ref], now) for reply in replies if reply.verdict != "sent"]
    _SENT.run(session, sent)
    if rest:
        session.execute(_OTHERWISE, rest)
        _suppress_refused(session, replies, now=now)
    final = [reply.ref for reply in replies if reply.verdict in ("sent", "rejected")]
    if final:
        wake_behind(session, final, now=now)
    unknown = [reply.ref for reply in replies if reply.verdict == "unknown"]
    if unknown:
        wait_for_word(session, M.id.in_(unknown), now=now)
    counts = Counter(
        [("sent", tickets[row[0]].path) for row in sent]
        + [(_line(row["to"]), tickets[row["ref"]].path) for row in rest]
    )
    return sum((Tally.of(what, n, path=path) for (what, path), n in counts.items()), Tally())


def _line(state: str) -> str:
    return "back to due" if state == "due" else state


def _sent(reply: Reply, ticket: Ticket, now: datetime) -> tuple[Any, ...]:
    return reply.ref, ticket.generation, REASON["sent"], _said(reply), to_micros(now)


def _rest(reply: Reply, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """The values of `_OTHERWISE` for one message: its state, its reason, when to try again."""
    verdict, tries, due = reply.verdict, ticket.attempts, None
    state, reason = "due" if verdict == "channel" else verdict, REASON[verdict]
    notice = ticket.kind == "notice"
    if verdict == "unknown" and notice and ticket.attempts < NOTICE_TRIES:
        state, due, reason = "due", now, f"{REASON[verdict]}; sent once more"
    elif verdict == "deferred" and reply.phase == "connect":
        state, reason, due, tries = "due", BYSTANDER, now + SOON, tries - 1
    elif verdict == "deferred":
        pause = FIRST_PAUSE if notice else FIRST_PAUSE * 2 ** min(tries - 1, 12)
        due = now + min(pause, LONGEST_PAUSE) + timedelta(seconds=reply.ref % 60)
    elif verdict == "channel":
        due = now + FIRST_PAUSE
    if verdict == "channel" or (state == "deferred" and notice):
        tries -= 1  # of a notice only tries that may have arrived count
    return {
        "ref": reply.ref,
        "mark": ticket.generation,
        "to": state,
        "why": reason,
        "said": _said(reply),
        "at": now if state in ("rejected", "unknown") else None,
        "next": due,
        "tries": tries,
    }


def _said(reply: Reply) -> str:
    return (f"{reply.code} {reply.text}".strip() if reply.code else reply.text)[:500]


def _suppress_refused(session: Session, replies: Sequence[Reply], *, now: datetime) -> None:
    """Only a server's own no to the recipient speaks against an address, not our own checks."""
    refused = [
        reply.ref
        for reply in replies
        if reply.verdict == "rejected" and reply.phase == "rcpt" and reply.code
    ]
    if refused:
        lead = select(LEAD.email_key, literal("bounce"), literal(now, Instant()), M.reply).where(
            M.id.in_(refused),
            M.kind == "nurture",
            LEAD.id == M.lead_id,
            LEAD.email == M.recipient,
            LEAD.email_key.is_not(None),
        )
        session.execute(insert_new(t.Suppression, ("email_key", "kind", "since", "reason"), lead))


def evidence(session: Session, message_id: int, *, what: str, now: datetime) -> bool:
    """A click, open or unsubscribe proves that an `unknown` message arrived: it is `sent`.

    Returns whether that changed anything.
    """
    changed = _resolve(session, message_id, "sent", f"known to have arrived by {what}", now=now)
    return changed == 1


def resolve(session: Session, message_id: int, *, outcome: str, now: datetime) -> None:
    """A person's word on a message: `sent` (it arrived) or `resend` (send it, once more).

    `resend` is for unknown and render_failed ones alone.  Raises NotFound, or Conflict with the
    state it is in.
    """
    state = {"sent": "sent", "resend": "due"}[outcome]
    if _resolve(session, message_id, state, "resolved by hand", now=now) == 1:
        return
    found = session.get(t.Message, message_id)
    if found is None:
        raise NotFound(f"There is no message {message_id}: nurture messages list shows them.")
    raise Conflict(
        f"Message {message_id} is {found.state} ({found.reason}): only unknown and "
        "render_failed ones can be resolved."
    )


def _resolve(session: Session, message_id: int, state: str, reason: str, *, now: datetime) -> int:
    allowed = ("unknown",) if state == "sent" else ("unknown", "render_failed")
    assert set(allowed) <= set(sources(state))
    values: dict[str, Any] = {"state": state, "reason": reason, "settled_at": now, "owner": ""}
    if state == "due":
        values |= {"due_at": now, "settled_at": None, "expires_at": None, "attempts": 0}
    else:
        values["content"] = None
    resolved = changed(
        session, update(MESSAGE).where(M.id == message_id, M.state.in_(allowed)).values(**values)
    )
    wake_early(session, message_id, now=now)
    return resolved
