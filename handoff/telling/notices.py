"""Notices to reps and managers: the drafts that passes left become mails to be sent.

A draft is a `message` row of the transaction that caused it (`offers.offer`, `ladder`), unique by
`notice_key`: `offer:<handoff>:<generation>`, `rung:<rung>`, and without a handoff
`step:<enrolment>:<step>:<number>` (`nurture.sequences.steps`).  Writing freezes its bytes and makes
it a notice; from then on delivery repeats it, with the same Message-ID, until it is sent.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Select, bindparam, case, cast, func, select, update
from sqlmodel import Session

from handoff.desk import brief
from handoff.routing.offers import DRAFT, DRAFTED
from handoff.tables import HANDOFF, MESSAGE, POST, REP, RUNG
from handoff.telling.channels import route
from handoff.telling.letters import NoticeLetter, Writer
from handoff.telling.posts import put
from nurture.delivery.mails.press import Written
from nurture.delivery.progress import wake
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL
from nurture.ledger.errors import RenderFailed
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch, fill, filling
from nurture.ledger.tally import Tally

WINDOW = 500
"""Notices written in one transaction."""


def write_notices(
    session: Session, definitions: Definitions, *, now: datetime, writer: Writer
) -> Tally:
    """Write the drafts, the oldest first; one that cannot be written is set aside with its reason.

    Afterwards each has its bytes, recipient and subject, and is due; or, told through a channel,
    a post.  `more` after a full window.
    """
    found = fill(session, _DRAFTS, now=now)
    if not found:
        return Tally()
    written, failed, posted = [], [], []
    for letter in letters(session, definitions, now=now):
        try:
            if letter.channel == EMAIL:
                written.append(_bytes(writer(letter)))
            else:
                posted.append((letter, writer.chat(letter)))
        except RenderFailed as error:
            failed.append({"ref": letter.message, "why": str(error)})
    _keep(session, written, failed, now=now)
    if posted:
        put(session, definitions, posted, now=now)
    tally = Tally.of("notices written", len(written) + len(posted), more=found == WINDOW)
    return tally + Tally.of("notices that cannot be written", len(failed))


_DRAFTS = filling(
    select(MESSAGE.c.id, MESSAGE.c.lead_id)
    .where(DRAFTED, MESSAGE.c.due_at <= NOW)
    .order_by(MESSAGE.c.due_at, MESSAGE.c.id)
    .limit(WINDOW)
    .with_for_update(skip_locked=True, of=MESSAGE)
)


def letters(session: Session, definitions: Definitions, *, now: datetime) -> list[NoticeLetter]:
    """The letters of the messages in `batch`, in the order of their numbers."""
    facts = brief.leads(session, definitions, now=now)
    rows = session.execute(_LETTERS).all()
    tried: defaultdict[int, set[str]] = defaultdict(set)
    for message, channel in session.execute(_TRIED):
        tried[message].add(channel)
    reps = {rep: {"name": name, "email": email} for rep, name, email in session.execute(_REPS)}
    return [
        NoticeLetter(
            row.id, row.notice_key, row.template, row.recipient, row.handoff, row.occurrence,
            facts[row.lead_id] | _values(definitions, row, reps), route(
                definitions, team=row.team, template=row.template, action=row.action or "",
                tried=tried[row.id],
            ),
        )
        for row in rows
    ]  # fmt: skip


def _rep(row: Any, reps: dict[str, dict[str, str]]) -> dict[str, str] | None:
    """The rep of the clock; of a notice without a handoff whoever gets it, if a rep does."""
    if row.handoff:
        return reps.get(row.clock_rep or "")
    return next((each for each in reps.values() if each["email"] == row.recipient), None)


_CLOCK = ("clock_due", "clock_zone", "clock_rep")
_REPS = select(REP.c.rep, REP.c.name, REP.c.email)


def _letters() -> Select[Any]:
    m, h = MESSAGE.c, HANDOFF.c
    clock = brief.clock_due(h.id, m.occurrence, ("due_at", "zone", "rep"))
    number = case((m.notice_key.like("rung:%"), cast(func.substr(m.notice_key, 6), BigInteger)))
    action = select(RUNG.c.action).where(RUNG.c.id == number).correlate(MESSAGE).scalar_subquery()
    return (
        select(m.id, m.notice_key, m.template, m.recipient, m.occurrence, m.lead_id)
        .add_columns(func.coalesce(h.id, 0).label("handoff"))
        .add_columns(func.coalesce(h.team, m.topic).label("team"))
        .add_columns(func.coalesce(h.reason, m.reason).label("reason"), h.state)
        .add_columns(action.label("action"))
        .add_columns(*(each.label(name) for each, name in zip(clock, _CLOCK, strict=True)))
        .select_from(batch)
        .join(MESSAGE, m.id == batch.c.id)
        .outerjoin(HANDOFF, h.id == m.handoff_id)
        .order_by(m.id)
    )


_LETTERS = _letters()
_TRIED = select(POST.c.message_id, POST.c.channel).join(batch, batch.c.id == POST.c.message_id)


def _values(definitions: Definitions, row: Any, reps: dict[str, dict[str, str]]) -> dict[str, Any]:
    rules = definitions.handoff
    team = rules.teams.get(row.team) if rules else None
    boss = {"name": team.manager.name, "email": team.manager.email} if team else None
    nobody = {"name": "", "email": ""}
    return {
        "handoff": {
            "id": row.handoff, "team": row.team, "reason": row.reason, "state": row.state,
        },
        "rep": _rep(row, reps) or nobody,
        "manager": boss or nobody,
        "due": said(row.clock_due, row.clock_zone),
        "brand": definitions.workspace.brand,
    }  # fmt: skip


def said(at: datetime | None, zone: str | None) -> str:
    """An instant as a person there reads it: `Mon 2 Mar 14:00`."""
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(zone or "UTC"))
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _bytes(mail: Written) -> dict[str, Any]:
    return {
        "ref": mail.id,
        "to": mail.recipient,
        "by": mail.sender,
        "headline": mail.subject,
        "identity": mail.message_id,
        "data": mail.content,
    }


def _keep(
    session: Session, written: list[dict[str, Any]], failed: list[dict[str, Any]], *, now: datetime
) -> None:
    if written:
        session.execute(
            update(MESSAGE)
            .where(MESSAGE.c.id == bindparam("ref"), MESSAGE.c.kind == DRAFT)
            .values(
                kind="notice",
                recipient=bindparam("to"),
                sender=bindparam("by"),
                subject=bindparam("headline"),
                message_id=bindparam("identity"),
                content=bindparam("data"),
            ),
            written,
        )
    if failed:
        session.execute(
            update(MESSAGE)
            .where(MESSAGE.c.id == bindparam("ref"), MESSAGE.c.kind == DRAFT)
            .values(
                kind="notice", state="render_failed", reason=bindparam("why"), settled_at=now
            ),
            failed,
        )
        numbers = [each["ref"] for each in failed]
        wake(session, MESSAGE.c.id.in_(numbers), now=now)
