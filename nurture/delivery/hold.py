"""Before the claim: every mail that may not go now gets its reason and what happens next."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, not_, select, update
from sqlmodel import Session

from nurture.delivery import permission
from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.progress import wake
from nurture.delivery.states import WAITING
from nurture.language.definitions import Definitions
from nurture.ledger.batches import batch
from nurture.ledger.plans import among
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant

MOST_ATTEMPTS = 10
"""After this many tries without a last word (about two days) a mail is given up."""
NOTICE_LIFE = timedelta(days=2)
"""A notice is offered every few minutes for so long; its reader has been told otherwise by then."""

Ends = tuple[str, ColumnElement[bool], str]
Later = tuple[ColumnElement[Any], ColumnElement[bool], str]


def hold(session: Session, definitions: Definitions, *, kind: str, now: datetime) -> Tally:
    """Judge the working set's waiting mails of a kind.

    Afterwards those still waiting with `due_at <= now` may be claimed; the others are final
    (their lead goes on), or due later, each with a reason.
    """
    tally = Tally()
    verdicts: list[tuple[str, ColumnElement[bool], dict[str, Any]]] = []
    ends = _ends(definitions, now) if kind == "nurture" else _notice_ends(now)
    for state, condition, reason in ends:
        final = {"state": state, "reason": reason, "settled_at": now, "content": None}
        verdicts.append((state, condition, final))
    if kind == "nurture":
        for until, condition, reason in _later(definitions, now):
            verdicts.append(("held", condition, {"reason": reason, "due_at": until}))
    for number in _reached(session, [condition for _, condition, _ in verdicts], now=now):
        what, condition, values = verdicts[number]
        tally += _write(session, condition, now=now, what=what, **values)
    if tally:
        wake(session, M.id.in_(select(batch.c.id)), now=now)
    return tally


def _reached(
    session: Session, conditions: list[ColumnElement[bool]], *, now: datetime
) -> list[int]:
    """Which of these is the first to hold for some mail: nearly always none, and one look tells."""
    first = case(*((condition, literal(n)) for n, condition in enumerate(conditions)))
    found = session.execute(select(first).where(_waiting(now)).distinct()).scalars()
    return sorted(number for number in found if number is not None)


def _ends(definitions: Definitions, now: datetime) -> list[Ends]:
    """Verdicts that end a mail, in the order they are asked."""
    at = literal(now, Instant())
    return [
        ("cancelled", not_(permission.enrolled()), "left the sequence before it was sent"),
        ("suppressed", not_(permission.has_address()), "the lead has no address"),
        ("suppressed", permission.suppressed(), "the address wants or takes no mail from us"),
        ("suppressed", not_(permission.consents(definitions)), "not subscribed to the topic"),
        ("suppressed", permission.with_sales(definitions), "the lead is with sales"),
        ("expired", not_(permission.in_time(at)), "could not go in the time its sequence allows"),
        ("expired", M.attempts >= MOST_ATTEMPTS, "the mail server deferred it too often"),
    ]


def _notice_ends(now: datetime) -> list[Ends]:
    # One that was never tried, after an outage, still goes.
    refused = and_(M.planned_at <= now - NOTICE_LIFE, M.state == "deferred")
    return [("expired", refused, "could not be delivered for two days")]


def _later(definitions: Definitions, now: datetime) -> list[Later]:
    """Verdicts that move a mail to a later instant."""
    at = literal(now, Instant())
    cap = definitions.workspace.caps.per_day
    later: list[Later] = [
        (
            permission.next_opening(definitions, at),
            not_(permission.window_open(definitions, at)),
            "outside its sending window: goes when the window opens",
        ),
    ]
    if cap is not None:
        tomorrow = permission.tomorrow(definitions, at)
        later.append(
            (
                permission.next_opening(definitions, tomorrow),
                permission.cap_reached(definitions, at),
                f"the daily cap of {cap} is reached: goes the next day",
            )
        )
    return later


def _write(
    session: Session, condition: ColumnElement[bool], *, now: datetime, what: str, **values: Any
) -> Tally:
    """Change those of the working set that are still to go now and for which it holds."""
    changed = session.execute(
        update(MESSAGE).where(_waiting(now), condition).values(**values).returning(M.path)
    )
    paths = Counter(changed.scalars())
    line = f"{what}: {values['reason']}"
    return sum((Tally.of(line, count, path=path) for path, count in paths.items()), Tally())


def _waiting(now: datetime) -> ColumnElement[bool]:
    return and_(M.id.in_(select(batch.c.id)), among(M.state, WAITING), M.due_at <= now)
