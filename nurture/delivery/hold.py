"""Before the claim: every mail that may not go now gets its reason and what happens next."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal, not_, select, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session

from nurture.delivery import caps, permission, priority, timing
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.progress import wake
from nurture.delivery.states import WAITING
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.caps import caps_of
from nurture.language.grammar import words
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among
from nurture.ledger.tally import Tally

MOST_ATTEMPTS = 10
"""After this many tries without a last word (about two days) a mail is given up."""
NOTICE_LIFE = timedelta(days=2)
"""A notice is offered every few minutes for so long; its reader has been told otherwise by then."""

Ends = tuple[str, ColumnElement[bool], str]
Later = tuple[ColumnElement[Any], ColumnElement[bool], str, ColumnElement[Any]]


def hold(session: Session, definitions: Definitions, *, kind: str, now: datetime) -> Tally:
    """Judge the working set's waiting mails of a kind.

    Afterwards those still waiting with `due_at <= now` may be claimed; the others are final
    (their lead goes on), or due later, each with a reason.
    """
    first, verdicts = _verdicts(definitions, kind)
    asked = {"now": now}
    # Nearly always no verdict holds for any mail, and one look tells.
    reached = {number for number in session.execute(first, asked).scalars() if number is not None}
    tally = Tally()
    for number in sorted(reached):
        what, change = verdicts[number]
        paths = Counter(session.execute(change, asked).scalars())
        for path, count in paths.items():
            tally += Tally.of(what, count, path=path)
    if tally:
        wake(session, M.id.in_(select(batch.c.id)), now=now)
    return tally


@once
def _verdicts(
    definitions: Definitions, kind: str
) -> tuple[Select[tuple[int]], list[tuple[str, ReturningUpdate[tuple[str]]]]]:
    """Which verdict is the first to hold for some mail; and for each what it is called, and the
    change of those mails still to go now for which it holds."""
    found: list[tuple[str, ColumnElement[bool], dict[str, Any]]] = []
    for state, condition, reason in _ends(definitions) if kind == "nurture" else _notice_ends():
        values = {"state": state, "reason": reason, "settled_at": NOW, "content": None}
        found.append((f"{state}: {reason}", condition, values))
    for until, condition, reason, told in _later(definitions) if kind == "nurture" else ():
        found.append((f"held: {reason}", condition, {"reason": told, "due_at": until}))
    first = case(*((condition, literal(n)) for n, (_, condition, _) in enumerate(found)))
    changes = [
        (what, update(MESSAGE).where(_waiting(), condition).values(**values).returning(M.path))
        for what, condition, values in found
    ]
    return select(first).where(_waiting()).distinct(), changes


def _ends(definitions: Definitions) -> list[Ends]:
    """Verdicts that end a mail, in the order they are asked."""
    ends = [
        ("cancelled", not_(permission.enrolled()), "left the sequence before it was sent"),
        ("suppressed", not_(permission.has_address()), "the lead has no address"),
        ("suppressed", permission.suppressed(), "the address wants or takes no mail from us"),
        ("suppressed", not_(permission.consents(definitions)), "not subscribed to the topic"),
        ("suppressed", permission.with_sales(definitions), "the lead is with sales"),
        ("expired", not_(timing.in_time(NOW)), "could not go in the time its sequence allows"),
        ("expired", M.attempts >= MOST_ATTEMPTS, "the mail server deferred it too often"),
    ]
    if definitions.waking is not None:
        ends.append(("expired", timing.never_opens(definitions, NOW), words.NEVER_OPENS))
    return ends


def _notice_ends() -> list[Ends]:
    # One that was never tried, after an outage, still goes.
    refused = and_(M.planned_at <= NOW - NOTICE_LIFE, M.state == "deferred")
    return [("expired", refused, "could not be delivered for two days")]


def _later(definitions: Definitions) -> list[Later]:
    """Verdicts that move a mail to a later instant: their reason, and as it is told to the lead's
    own mail."""
    opening = timing.next_opening(definitions, NOW)
    later: list[Later] = []
    if definitions.waking is not None:
        later.append((opening, timing.quiet(definitions, NOW), words.QUIET, literal(words.QUIET)))
    shut = not_(timing.window_open(definitions, NOW))
    later.append((opening, shut, words.OUTSIDE, literal(words.OUTSIDE)))
    for cap in caps_of(definitions.workspace):
        allowed = timing.next_opening(definitions, caps.allows_at(definitions, cap, NOW))
        told = priority.why_capped(definitions, cap)
        later.append((allowed, caps.reached(definitions, cap, NOW), cap.reason, told))
    return later


def _waiting() -> ColumnElement[bool]:
    return and_(M.id.in_(select(batch.c.id)), among(M.state, WAITING), M.due_at <= NOW)
