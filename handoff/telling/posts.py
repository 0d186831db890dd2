"""Notices that go through a channel: their words kept as posts, due when it may be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session

from handoff.alarms import identity
from handoff.routing.offers import DRAFT
from handoff.tables import MESSAGE
from handoff.telling.channels import may_go
from handoff.telling.letters import Chat, NoticeLetter
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values

_POSTED = (
    update(MESSAGE)
    .where(MESSAGE.c.id == bindparam("ref"), MESSAGE.c.kind == DRAFT)
    .values(kind="post", subject=bindparam("title"))
)


def put(
    session: Session,
    definitions: Definitions,
    told: Sequence[tuple[NoticeLetter, Chat]],
    *,
    now: datetime,
) -> None:
    """Make each a post of its channel; the notice behind it waits, as `kind` post, for its fate."""
    opens = {
        channel: may_go(definitions, channel, now=now)
        for channel in {letter.channel for letter, _ in told}
    }
    posts = [
        {
            "key": (key := f"{letter.key}/{letter.channel}"), "kind": "notice",
            "message_id": letter.message, "channel": letter.channel, "subject": chat.title,
            "text": chat.text, "identity": identity(key), "planned_at": now,
            "due_at": opens[letter.channel],
        }
        for letter, chat in told
    ]  # fmt: skip
    insert_new_values(session, t.Post, posts)
    session.execute(
        _POSTED, [{"ref": letter.message, "title": chat.title} for letter, chat in told]
    )
