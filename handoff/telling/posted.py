"""What became of posts: written down; and what it says of their channels, which the admin hears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, bindparam, literal, select, update
from sqlmodel import Session

from handoff import alarms
from handoff.routing.offers import DRAFT
from handoff.tables import CHANNEL, MESSAGE, POST
from handoff.telling.channels import may_go
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.fence import still_claimed
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.upsert import upsert_values
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.webhooks.port import Answer

TRIES = 3
"""A channel that fails so often in a row is out of order; a notice that does goes another way."""
PAUSES = (timedelta(seconds=15), timedelta(minutes=1))
PROBE = timedelta(minutes=5)
"""How often a post tries a channel that is out of order."""
LIFE = timedelta(days=2)
"""After it the office's own mail is given up."""
PAUSE_OF_MAIL = timedelta(minutes=5)
P, M, C = POST.c, MESSAGE.c, CHANNEL.c
WORDS = {"sent": "notices told", "due": "notices to be told again", "passed": "notices passed on",
         "failed": "notices given up"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """A post as its sender took it."""

    COLUMNS: ClassVar = (
        "id", "generation", "attempts", "message_id", "channel", "recipient", "subject", "text",
        "html", "identity", "planned_at",
    )  # fmt: skip
    id: int
    generation: int
    attempts: int
    message_id: int | None
    channel: str
    recipient: str
    subject: str
    text: str
    html: str
    identity: str
    planned_at: datetime


@dataclass(frozen=True)
class Health:
    """How a channel is: a row of `channel`."""

    name: str
    failures: int = 0
    down_since: datetime | None = None
    probe_at: datetime | None = None
    reason: str = ""

    def after(self, answer: Answer, *, now: datetime) -> Health:
        """How it is after one more try."""
        if answer.verdict == "done":
            return Health(self.name)
        failures = self.failures + 1
        if self.down_since is None and failures < TRIES:
            return replace(self, failures=failures, reason=answer.reason)
        since = self.down_since or now
        return Health(self.name, failures, since, now + PROBE, answer.reason)


Answers = Sequence[tuple[Claimed, Answer]]


def settle(
    session: Session, definitions: Definitions, answers: Answers, *, now: datetime
) -> Tally:
    """Write what became of tries, and how their channels are.

    Of a post that somebody else holds meanwhile nothing is changed.  Safe to repeat.
    """
    mine = still_claimed(session, POST, [row for row, _ in answers])
    told = [(row, answer) for row, answer in answers if row.id in mine]
    if not told:
        return Tally()
    channels = health(session, {row.channel for row, _ in told}, lock=True)
    written = []
    for row, answer in told:
        before = channels.get(row.channel)
        if before is not None:
            channels[row.channel] = after = before.after(answer, now=now)
            _tell_admin(session, definitions, before, after, now=now)
        written.append(_row(definitions, row, answer, channels.get(row.channel), now=now))
    session.connection().execute(_WRITE, written)
    _keep(session, channels, now=now)
    _notices(session, told, written, now=now)
    counts = Counter(WORDS[each["to"]] for each in written)
    return sum((Tally.of(what, count) for what, count in counts.items()), Tally())


def health(session: Session, names: set[str], *, lock: bool = False) -> dict[str, Health]:
    """How channels of nurture.yaml are; mail has its own way to rest (`nurture.delivery`)."""
    names = names - {EMAIL}
    asked = select(CHANNEL).where(C.name.in_(sorted(names)))
    rows = session.execute(asked.with_for_update() if lock else asked)
    found = {row.name: Health(*row) for row in rows}
    return {name: found.get(name, Health(name)) for name in sorted(names)}


def _tell_admin(
    session: Session, definitions: Definitions, before: Health, after: Health, *, now: datetime
) -> None:
    if before.down_since is None and after.down_since is not None:
        alarms.channel_down(
            session, definitions, after.name, after.reason, since=after.down_since, now=now
        )
    elif before.down_since is not None and after.down_since is None:
        alarms.channel_back(session, definitions, after.name, since=before.down_since, now=now)


def _row(
    definitions: Definitions, row: Claimed, answer: Answer, health: Health | None, *, now: datetime
) -> dict[str, Any]:
    state = _state(row, answer, health, now=now)
    final = state != "due"
    pause = PAUSES[min(row.attempts, len(PAUSES)) - 1] if health else PAUSE_OF_MAIL
    later = now + max(pause, answer.later or timedelta())
    return {
        "ref": row.id,
        "to": state,
        "why": answer.reason if final else f"{answer.reason}: try {row.attempts}",
        "at": now if final else None,
        "next": now if final else may_go(definitions, row.channel, now=later),
        "said": "" if final else row.text,
        "page": "" if final else row.html,
    }


def _state(row: Claimed, answer: Answer, health: Health | None, *, now: datetime) -> str:
    if answer.verdict == "done":
        return "sent"
    if health is None:
        over = answer.verdict == "failed" or row.planned_at + LIFE <= now
        return "failed" if over else "due"
    over = answer.verdict == "failed" or row.attempts >= TRIES or health.down_since is not None
    return "passed" if over else "due"


_WRITE = (
    update(POST)
    .where(P.id == bindparam("ref"))
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        settled_at=bindparam("at", type_=Instant()),
        due_at=bindparam("next", type_=Instant()),
        text=bindparam("said"),
        html=bindparam("page"),
        lease_until=None,
        owner="",
    )
)


def _keep(session: Session, channels: dict[str, Health], *, now: datetime) -> None:
    """Write how channels are; what waits for another try at one that went down goes on at once."""
    rows = [vars(each) for each in channels.values()]
    upsert_values(session, t.Channel, ["name"], rows)
    down = [each.name for each in channels.values() if each.down_since == now]
    if down:
        session.execute(
            update(POST)
            .where(P.state == "due", P.channel.in_(down), P.attempts > 0)
            .values(due_at=now)
        )




def _by() -> ColumnElement[str]:
    """Through which channel a notice was told."""
    channel = select(P.channel).where(P.message_id == M.id, P.state == "sent").limit(1)
    return literal("told through ") + channel.correlate(MESSAGE).scalar_subquery()


_BEHIND = in_given(M.id, "numbers")
_TOLD = (
    update(MESSAGE)
    .where(_BEHIND, M.kind == "post")
    .values(kind="notice", state="sent", handed_at=NOW, settled_at=NOW, reply=_by())
)
_AGAIN = (
    update(MESSAGE)
    .where(_BEHIND, M.kind == "post")
    .values(kind=DRAFT, state="due", due_at=NOW)
)


def _notices(
    session: Session, told: Answers, written: Sequence[dict[str, Any]], *, now: datetime
) -> None:
    """The notices behind posts that are final: told, or to be written for the next channel."""
    for state, statement in (("sent", _TOLD), ("passed", _AGAIN)):
        behind = [
            row.message_id
            for (row, _), each in zip(told, written, strict=True)
            if each["to"] == state and row.message_id is not None
        ]
        if behind:
            session.execute(statement, {"numbers": behind, "now": now})
