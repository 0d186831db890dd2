"""What became of calls: written down, told as an engagement of the lead, and on it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import CALLS, OWN, OwnEngagement
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.fence import still_claimed
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.webhooks.bodies import Claimed
from nurture.webhooks.claim import CALL, C
from nurture.webhooks.port import Answer

FIRST_PAUSE = timedelta(minutes=1)
FACTOR = 5
LONGEST_PAUSE = timedelta(hours=6)
LIFE = timedelta(days=3)
"""After it a call that was tried is given up, whatever tries are left; not one that somebody asked
for once more, which is older."""
AGAIN = "asked for once more"
WORDS = {"done": "called", "failed": "calls failed", "due": "calls to be tried again"}
Answered = tuple[Claimed, Answer]
ENROLMENT = table_of(t.Enrolment)
E = ENROLMENT.c


def settle(session: Session, answered: Sequence[Answered], *, now: datetime) -> Tally:
    """Write what became of tries, and let the leads behind those that are final go on.

    A final one is an engagement of the lead, `webhook_succeeded` or `webhook_failed`; one made once
    more is another engagement, and holds nobody.  Another is
    tried again later: after a minute, then five times longer each time, six hours at most, spread
    by its number, or as its receiver asks.  Of a call that somebody else holds meanwhile nothing
    is changed.  Safe to repeat.
    """
    if not answered:
        return Tally()
    mine = still_claimed(session, CALL, [call for call, _ in answered])
    judged = [(*each, _state(*each, now=now)) for each in answered if each[0].id in mine]
    if not judged:
        return Tally()
    session.connection().execute(_WRITE, [_row(*each, now=now) for each in judged])
    final = [each for each in judged if each[2] != "due"]
    if final:
        _tell(session, final, now=now)
        numbers = [call.id for call, _, _ in final if call.settled_at is None]
        session.execute(_WAKE, {"numbers": numbers, "now": now})
    counts = Counter((WORDS[state], call.path) for call, _, state in judged)
    return sum((Tally.of(what, n, path=path) for (what, path), n in counts.items()), Tally())


def _state(call: Claimed, answer: Answer, *, now: datetime) -> str:
    if answer.verdict != "again":
        return answer.verdict
    late = call.settled_at is None and call.planned_at + LIFE <= now
    over = call.attempts > call.retry or late
    return "failed" if over else "due"


def _row(call: Claimed, answer: Answer, state: str, *, now: datetime) -> dict[str, Any]:
    reason = answer.reason
    if state == "due":
        reason += f": try {call.attempts} of {call.retry + 1}"
    elif answer.verdict == "again":
        reason += f", at the last of {call.attempts} tries"
    if call.settled_at is not None:
        reason += f"; {AGAIN}"
    return {
        "ref": call.id,
        "to": state,
        "why": reason,
        "code": answer.status,
        "at": call.settled_at if state == "due" else now,
        "next": now + pause(call.attempts, call.number, answer.later),
        "said": call.body if state == "due" else None,
    }


def pause(attempts: int, number: str, asked: timedelta | None) -> timedelta:
    """How long to wait after so many tries: by the number a quarter more or less, at least what
    was asked for."""
    draw = int.from_bytes(sha256(f"{number}/{attempts}".encode()).digest()[:4]) / 2**32
    usual = min(FIRST_PAUSE * int(FACTOR ** min(attempts - 1, 9)), LONGEST_PAUSE)
    return max(usual * (0.75 + draw / 2), asked or timedelta())


_WRITE = (
    update(CALL)
    .where(C.id == bindparam("ref"))
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        status=bindparam("code"),
        settled_at=bindparam("at", type_=Instant()),
        due_at=bindparam("next", type_=Instant()),
        lease_until=None,
        owner="",
        body=bindparam("said"),
    )
)
_FINAL = select(C.enrolment_id).where(in_given(C.id, "numbers"))
_WAKE = (
    update(ENROLMENT)
    .where(
        E.id.in_(_FINAL),
        among(E.state, ("active",)),
        E.due_at.is_(None),
    )
    .values(due_at=NOW)
)


def _tell(session: Session, final: Sequence[tuple[Claimed, Answer, str]], *, now: datetime) -> None:
    told = [
        OwnEngagement(
            source=OWN,
            key=f"{CALLS}{call.id}" + (f"/{call.generation}" if call.settled_at else ""),
            kind="webhook_succeeded" if state == "done" else "webhook_failed",
            lead_id=call.lead_id,
            occurred_at=now,
            properties={
                "webhook": call.name, "status": answer.status, "sequence": call.sequence,
                **answer.said,
            },
        )
        for call, answer, state in final
    ]  # fmt: skip
    take(session, told, now=now, create_leads=False)
