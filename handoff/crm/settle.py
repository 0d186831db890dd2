"""What became of pushes: written down, and what that says of the CRM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, String, bindparam, case, literal, update
from sqlmodel import Session

from handoff import alarms
from handoff.crm import echoes, health
from handoff.crm.cards import Taken, more_to_tell
from handoff.crm.port import Pushed
from handoff.tables import CRM_RECORD
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.statements.fence import still_claimed
from nurture.ledger.statements.given import in_given
from nurture.ledger.tally import Tally
from nurture.ledger.types import Document, Instant
from nurture.webhooks.settle import pause

Answers = Sequence[tuple[Taken, Pushed]]
R = CRM_RECORD.c
WORDS = {"told": "leads told to the CRM", "failed": "leads the CRM refused",
         "due": "leads to be told again"}  # fmt: skip


def settle(
    session: Session, definitions: Definitions, answers: Answers, *, now: datetime
) -> Tally:
    """Write what became of pushes.

    What changed meanwhile, and a handoff behind one whose end was told, make a record due at once;
    what was not answered is tried again, later each time, for as long as it takes.  Of a record
    that somebody else holds meanwhile nothing is changed.  Safe to repeat.
    """
    row = health.locked(session, definitions)
    mine = still_claimed(session, CRM_RECORD, [each for each, _ in answers])
    settled = [(each, pushed) for each, pushed in answers if each.id in mine]
    if row is None or not settled:
        return Tally()
    before = after = health.of(row)
    for _, pushed in settled:
        after = after.after(pushed.answer, now=now)
    done = [_told(*each, now=now) for each in settled if state_of(each[1]) == "told"]
    if done:
        session.connection().execute(_TOLD, done)
    others = [_other(*each, now=now) for each in settled if state_of(each[1]) != "told"]
    if others:
        session.connection().execute(_OTHER, others)
    session.execute(_BEHIND, {"numbers": [each["ref"] for each in (*done, *others)], "at": now})
    refused = [pushed for _, pushed in settled if state_of(pushed) == "failed"]
    if refused:
        why = refused[0].answer.reason
        alarms.crm_refused(session, definitions, len(refused), why, now=now)
    health.note(session, definitions, before, after, now=now)
    counts = Counter(WORDS[state_of(pushed)] for _, pushed in settled)
    return sum((Tally.of(what, count) for what, count in counts.items()), Tally())


def state_of(pushed: Pushed) -> str:
    """What an answer makes of a record; what is about us, not about the lead, is tried again."""
    if pushed.answer.verdict == "done":
        return "told"
    return "due" if health.out_of_order(pushed.answer) else "failed"


def _told(taken: Taken, pushed: Pushed, *, now: datetime) -> dict[str, Any]:
    deal = taken.card.deal
    owner, stage = ("", "") if deal is None else (deal.owner, deal.stage)
    return {
        "ref": taken.id, "now": now, "why": pushed.answer.reason, "of": taken.digest,
        "handoff": taken.handoff_id, "over": taken.ended,
        "names": {**taken.card.refs, **pushed.refs},
        "owner_there": owner, "rep_there": taken.rep, "stage_there": stage,
        "state_there": taken.state,
    }  # fmt: skip


def _other(taken: Taken, pushed: Pushed, *, now: datetime) -> dict[str, Any]:
    answer, state = pushed.answer, state_of(pushed)
    said = f"{answer.reason}: try {taken.attempts}" if state == "due" else answer.reason
    rest = pause(taken.attempts, taken.card.identity, answer.later)
    later = now if state == "failed" else now + rest
    deal, sent = taken.card.deal, taken.sent
    if state == "failed" and deal is not None:
        sent = echoes.without(sent, deal)
    return {"ref": taken.id, "to": state, "why": said, "next": later, "now": now,
            "over": taken.ended, "echoes": sent}  # fmt: skip


_FREE_AGAIN = {"owner": "", "lease_until": None}
_AT = bindparam("now", type_=Instant())


def _kept(said: str, old: Any, new: str) -> Any:
    """What the CRM has: as it was told, or as it was where it was told nothing of it."""
    told = bindparam(said, type_=String()) != literal("")
    return case((told, bindparam(new, type_=String())), else_=old)


_TOLD = (
    update(CRM_RECORD)
    .where(R.id == bindparam("ref"))
    .values(
        state=case((R.again, "due"), else_="told"),
        due_at=_AT,
        attempts=0,
        reason=bindparam("why"),
        digest=bindparam("of"),
        told=R.told + 1,
        told_at=_AT,
        handoff_id=bindparam("handoff"),
        ended=bindparam("over"),
        refs=bindparam("names", type_=Document),
        crm_owner=_kept("owner_there", R.crm_owner, "owner_there"),
        known_rep=_kept("owner_there", R.known_rep, "rep_there"),
        crm_stage=_kept("stage_there", R.crm_stage, "stage_there"),
        known_state=_kept("stage_there", R.known_state, "state_there"),
        sent=literal({}, Document),
        **_FREE_AGAIN,
    )
)
_BEHIND = (
    update(CRM_RECORD)
    .where(in_given(R.id, "numbers"), R.state.in_(("told", "failed")), more_to_tell())
    .values(state="due", due_at=bindparam("at", type_=Instant()))
)
_REFUSED = bindparam("to", type_=String()) == literal("failed")
_OTHER = (
    update(CRM_RECORD)
    .where(R.id == bindparam("ref"))
    .values(
        state=case((R.again, "due"), else_=bindparam("to")),
        due_at=case((R.again, _AT), else_=bindparam("next", type_=Instant())),
        reason=bindparam("why"),
        # What was not answered may have been taken all the same, and comes back then.
        sent=bindparam("echoes", type_=Document),
        # An end that is refused for good keeps no later handoff from being told.
        ended=case((_REFUSED, bindparam("over", type_=Boolean())), else_=R.ended),
        **_FREE_AGAIN,
    )
)
