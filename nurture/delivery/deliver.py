"""Sending what is due: claim, write, hand over in small windows, settle.

A window (at most 20 mails a connection) is committed `handed` just before its DATA; the window
before it is settled in the same transaction.  A crash leaves at most one window of unknown fate a
connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from nurture.delivery.claim import CHANNEL, claim, hand_over, release
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.press import Press, Written
from nurture.delivery.progress import wake
from nurture.delivery.settle import CHANNEL_PAUSE, settle
from nurture.delivery.transport import ChannelFailed, Connection, Outgoing, Reply, Transport
from nurture.language.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import RenderFailed
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import table_of, upsert_values

CLAIM = 500
WINDOW = 20
LEAD = table_of(t.Lead)


@dataclass(frozen=True)
class Round:
    """What one sender needs: where, with what, as whom, and when to stop."""

    ledger: Ledger
    definitions: Definitions
    press: Press
    owner: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    crash: Callable[[str], None] = lambda point: None
    """Called at every commit point with its name: kill tests end the process there."""


def deliver(
    round_: Round, transport: Transport, *, kind: str = "nurture", connections: int = 1
) -> Tally:
    """Send everything of a kind that is due, over so many connections; returns what became of it.

    Raises ChannelFailed when the channel is out of order: it rests a while, no mail is lost and
    no attempt is counted.  Stops between two windows when `stop()` says so.
    """
    senders = [replace(round_, owner=f"{round_.owner}/{kind}/{n}") for n in range(connections)]
    if connections == 1:
        return _send_all(senders[0], transport, kind)
    with ThreadPoolExecutor(connections, thread_name_prefix="sender") as pool:
        return sum(pool.map(lambda each: _send_all(each, transport, kind), senders), Tally())


def _send_all(round_: Round, transport: Transport, kind: str) -> Tally:
    tally = Tally()
    try:
        mails, tally = _prepare(round_, kind)
        if not mails:
            return tally
        with transport.open() as connection:
            while mails:
                tally += _hand_over_all(round_, connection, mails)
                mails, held = ([], Tally()) if round_.stop() else _prepare(round_, kind)
                tally += held
    except ChannelFailed:
        _rest(round_)
        raise
    finally:
        with round_.ledger.begin() as session:
            release(session, owner=round_.owner)
    return tally


def _prepare(round_: Round, kind: str) -> tuple[list[Written], Tally]:
    """Claim until something can be sent or nothing is due; write and freeze it."""
    tally = Tally()
    while not round_.stop():
        now = round_.clock()
        round_.crash("claim_pre")
        with round_.ledger.begin() as session:
            claimed = claim(
                session, round_.definitions, owner=round_.owner, now=now, size=CLAIM, kind=kind
            )
            rows = _rows(session, claimed.ids)
        round_.crash("claim_post")
        tally += claimed.tally
        if not rows and not claimed.tally:
            break
        mails, failed = _write(round_.press, rows, now=now)
        with round_.ledger.begin() as session:
            _freeze(session, mails, [row["id"] for row in rows if row["content"] is not None])
            tally += _set_aside(session, failed, now=now)
        if mails:
            return mails, tally
    return [], tally


def _rows(session: Session, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """The claimed messages with what their templates may say of the lead, as plain values."""
    names = (
        "id", "enrolment_id", "step", "occurrence", "template", "recipient", "sender", "subject",
        "message_id", "content",
    )  # fmt: skip
    about = (
        "email", "first_name", "last_name", "company", "job_title", "phone", "country",
        "language", "attributes",
    )  # fmt: skip
    query = (
        select(*(M[name] for name in names), *(LEAD.c[name] for name in about))
        .join(LEAD, LEAD.c.id == M.lead_id)
        .where(M.id.in_(ids))
        .order_by(M.due_at, M.id)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _write(
    press: Press, rows: Sequence[Mapping[str, Any]], *, now: datetime
) -> tuple[list[Written], dict[int, str]]:
    """Write each mail, or use the bytes frozen at an earlier try; failures by message."""
    mails: list[Written] = []
    failed: dict[int, str] = {}
    for row in rows:
        if row["content"] is not None:
            mails.append(Written(*(row[name] for name in Written.__dataclass_fields__)))
            continue
        try:
            mails.append(press.write(row, now=now))
        except RenderFailed as error:
            failed[row["id"]] = str(error)
    return mails, failed


def _freeze(session: Session, mails: Sequence[Written], frozen: Sequence[int]) -> None:
    fresh = [mail for mail in mails if mail.id not in set(frozen)]
    if fresh:
        session.execute(
            update(MESSAGE)
            .where(M.id == bindparam("ref"), M.state == "claimed")
            .values(
                recipient=bindparam("to"),
                sender=bindparam("by"),
                subject=bindparam("headline"),
                message_id=bindparam("identity"),
                content=bindparam("data"),
            ),
            [
                {
                    "ref": mail.id,
                    "to": mail.recipient,
                    "by": mail.sender,
                    "headline": mail.subject,
                    "identity": mail.message_id,
                    "data": mail.content,
                }
                for mail in fresh
            ],
        )


def _set_aside(session: Session, failed: Mapping[int, str], *, now: datetime) -> Tally:
    """Messages whose template failed for their lead: the reason is kept, the lead goes on."""
    for number, reason in failed.items():
        session.execute(
            update(MESSAGE)
            .where(M.id == number, M.state == "claimed")
            .values(state="render_failed", reason=reason[:500], settled_at=now, lease_until=None)
        )
    if failed:
        wake(session, M.id.in_(list(failed)), now=now)
    return Tally.of("render_failed", len(failed))


def _hand_over_all(round_: Round, connection: Connection, mails: Sequence[Written]) -> Tally:
    """Send window by window; each transaction settles one and hands over the next."""
    tally = Tally()
    replies: list[Reply] = []
    for at in range(0, len(mails), WINDOW):
        window = mails[at : at + WINDOW]
        now = round_.clock()
        with round_.ledger.begin() as session:
            tally += settle(session, replies, now=now)
            going = set() if round_.stop() else _fence(session, round_, window, now=now)
        round_.crash("handed")
        replies = list(connection.send([_outgoing(m) for m in window if m.id in going]))
        round_.crash("sent_pre")
        if any(reply.verdict == "channel" for reply in replies):
            break
    with round_.ledger.begin() as session:
        tally += settle(session, replies, now=round_.clock())
    round_.crash("settled")
    failed = next((reply for reply in replies if reply.verdict == "channel"), None)
    if failed is not None:
        raise ChannelFailed(failed.text, phase=failed.phase, code=failed.code)
    return tally


def _fence(
    session: Session, round_: Round, window: Sequence[Written], *, now: datetime
) -> set[int]:
    return hand_over(
        session,
        round_.definitions,
        [mail.id for mail in window],
        owner=round_.owner,
        now=now,
    )


def _outgoing(mail: Written) -> Outgoing:
    return Outgoing(mail.id, mail.sender, mail.recipient, mail.content)


def _rest(round_: Round) -> None:
    """The channel is out of order: nobody knocks again before its rest is over."""
    until = round_.clock() + CHANNEL_PAUSE
    with round_.ledger.begin() as session:
        upsert_values(
            session, t.Lock, ["name"], [{"name": CHANNEL, "owner": round_.owner, "until": until}]
        )
