"""Whether a flow has work at an instant, and when the next one has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Select
from sqlmodel import Session

from flows.runtime import Runtime
from handoff.answering.follow_ups import NEXT_FOLLOW_UP
from handoff.crm import claim as pushes
from handoff.crm import pulling
from handoff.crm.keeping import model_of
from handoff.desk import board
from handoff.sla.pauses import NEXT_END
from handoff.telling import posting
from handoff.telling.digest import NEXT_DIGEST
from handoff.waiting import NEXT_DRAFT, NEXT_EPISODE
from nurture.delivery import waiting
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.ledger.copies import following
from nurture.ledger.statements.asking import Question, earliest_of, soonest, together
from nurture.ledger.ticks import NEXT_HAPPENING, NEXT_NEWS
from nurture.ledger.upkeep import NEXT_UPKEEP
from nurture.scoring.rescore import NEXT_FADING
from nurture.sequences import standing
from nurture.sequences.arrivals import next_room
from nurture.sequences.looks import NEXT_LOOK
from nurture.webhooks import claim as calls

Groups = Mapping[str, tuple[Question, ...]]
"""Questions for the next instant, by what then has work."""

Instants = Mapping[str, datetime | None]
"""Their answers."""

CRM: Groups = {"push": pushes.QUESTIONS, "pull": pulling.QUESTIONS}
OUT: Groups = {
    **waiting.QUESTIONS, "call": calls.QUESTIONS, "post": posting.QUESTIONS, **CRM,
}  # fmt: skip
"""What can go out: `nurture` mail, a `notice`, a `call`, a `post` to a channel, a `push` to the CRM
and a `pull` of what it says."""


_WITHOUT_CRM: Groups = {name: group for name, group in OUT.items() if name not in CRM}


def _all(groups: Groups) -> tuple[Question, ...]:
    return tuple(chain.from_iterable(groups.values()))


def waiting_flows(session: Session, definitions: Definitions, *, now: datetime) -> Instants:
    """When what can go out (`OUT`), `escalate` and `upkeep` next have work: the flows that do not
    move leads."""
    answers = iter(session.execute(_of_flows(definitions), {"now": now}).one())
    groups = _flows(definitions)
    return {name: earliest_of(islice(answers, len(group))) for name, group in groups.items()}


def due_at(instants: Instants, now: datetime) -> set[str]:
    """What has work at `now`."""
    return {name for name, at in instants.items() if at is not None and at <= now}


def _flows(definitions: Definitions) -> Groups:
    # Without a handoff.yaml no clock runs out and no ladder climbs: they would be due for ever.
    sales: tuple[Question, ...] = (NEXT_END,)
    if definitions.handoff is not None:
        sales = (*board.QUESTIONS, NEXT_EPISODE, NEXT_DRAFT)
    out = OUT if model_of(definitions) is not None else _WITHOUT_CRM
    return {**out, "escalate": (*sales, NEXT_DIGEST, NEXT_FOLLOW_UP), "upkeep": (NEXT_UPKEEP,)}


@once
def _of_flows(definitions: Definitions) -> Select[Any]:
    return together(_all(_flows(definitions)))


@once
def _of_leads(definitions: Definitions) -> Select[Any]:
    news = (NEXT_NEWS, NEXT_HAPPENING, NEXT_FADING, NEXT_LOOK)
    return together((*news, *standing.questions(definitions)))


def next_due(
    session: Session, runtime: Runtime, *, now: datetime, others: Instants | None = None
) -> datetime | None:
    """The next instant any flow has work, as far as rows say; `now` when touches wait.

    `others`: what the flows that do not move leads wait for, where it is known already.
    """
    definitions = runtime.definitions()
    if others is None:
        others = waiting_flows(session, definitions, now=now)
    due = soonest(session, _of_leads(definitions), now=now)
    return earliest_of((due, next_room(session, definitions, now=now), *others.values()))


def next_due_beside(runtime: Runtime, beside: Runtime, *, now: datetime) -> datetime | None:
    """The same of the copy in which versions run in shadow; `now` when it has news to hear."""
    with runtime.ledger.looking() as session:
        if following.waiting(session):
            return now
    with beside.ledger.looking() as session:
        return next_due(session, beside, now=now)


def next_wake(runtime: Runtime, *, now: datetime) -> datetime | None:
    """The next instant there is work in the ledger or in the copy beside it."""
    with runtime.ledger.looking() as session:
        due = next_due(session, runtime, now=now)
    beside = runtime.shadow()
    other = None if beside is None else next_due_beside(runtime, beside, now=now)
    return earliest_of((due, other))
