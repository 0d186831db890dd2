"""Who was first: what every answer of sales does before it says what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true, update
from sqlmodel import Session

from handoff import standing
from handoff.routing import turns
from handoff.sla import clocks, pauses
from handoff.standing import Standing
from handoff.tables import HANDOFF, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.ladders import Kind
from nurture.ledger.errors import Conflict, InputRefused
from nurture.ledger.statements.batches import fill, filling
from nurture.ledger.statements.changed import changed

_ANY = true()


@dataclass(frozen=True)
class Answer:
    """What an answer did.  `done` is False for a late accept that changed nothing but was noted."""

    handoff: int
    state: str
    text: str
    done: bool = True


def rules_of(definitions: Definitions) -> HandoffRules:
    """The workspace's handoff.yaml; Conflict without one."""
    if definitions.handoff is None:
        raise Conflict("This workspace has no handoff.yaml: add one and run nurture apply.")
    return definitions.handoff


def decide(
    session: Session, definitions: Definitions, found: Standing, allowed: Sequence[str],
    values: dict[str, Any], generation: int | None, *, now: datetime,
    where: ColumnElement[bool] = _ANY,
) -> None:  # fmt: skip
    """The one UPDATE that decides who was first; raises Conflict for everybody else.

    Afterwards `batch` holds the handoff, and clocks that waited for the lead go on.  A rep who has
    it now, and had not, was given one more today.
    """
    if "rep" in values:
        turns.lock(session)  # before the handoff, as whoever assigns does
    wanted = found.generation if generation is None else generation
    decide = (
        update(HANDOFF)
        .where(HANDOFF.c.id == found.handoff, HANDOFF.c.state.in_(allowed))
        .where(HANDOFF.c.generation == wanted, HANDOFF.c.rep == found.rep, where)
        .values(**{"state": HANDOFF.c.state} | values)
    )
    if changed(session, decide) != 1:
        raise Conflict(standing.already(session, definitions, found.handoff))
    mine = HANDOFF.c.id == found.handoff
    fill(session, filling(select(HANDOFF.c.id, HANDOFF.c.lead_id).where(mine)))
    if "rep" in values:
        turns.count(session, now=now)
    if found.held_until is not None:
        pauses.go_on(session, now=now)


def check_open(
    session: Session, definitions: Definitions, found: Standing, generation: int | None
) -> None:
    """Conflict, which says what was decided, if the handoff is closed or was given on since."""
    if found.state not in OPEN or generation not in (None, found.generation):
        raise Conflict(standing.already(session, definitions, found.handoff))


def taken(session: Session, found: Standing, by: str, *, now: datetime) -> dict[str, Any]:
    """What changes as the rep named `by` takes the lead out of the queue."""
    if not by:
        raise InputRefused(
            f"Handoff {found.handoff} waits in the queue of {found.team}: say which rep takes it."
        )
    rep = standing.rep(session, by)
    return {"rep": rep.rep, "generation": found.generation + 1, "offered_at": now}


def begin(
    session: Session, definitions: Definitions, found: Standing, kinds: tuple[Kind, ...], *,
    why: str, now: datetime,
) -> None:  # fmt: skip
    """Start clocks, if the team is still one of handoff.yaml."""
    rules = rules_of(definitions)
    if found.team in rules.teams:
        clocks.start(session, definitions, rules, why=why, now=now, kinds=kinds)


def start(
    session: Session, definitions: Definitions, found: Standing, *, why: str, now: datetime
) -> None:
    """Start the clocks of whoever took the lead out of the queue."""
    clocks.stop(session, now=now, reason="taken out of the queue", before=True)
    begin(session, definitions, found, clocks.OFFERED, why=why, now=now)


def who(session: Session, found: Standing, by: str) -> str:
    """The name of who answers: whoever says so, else the lead's rep."""
    return standing.name_of(session, by or found.rep) or "sales"


def text_of(state: str, who: str, said: str) -> str:
    """`rejected by Bo Lindqvist: not a fit`."""
    return f"{state} by {who}: {said}" if said else f"{state} by {who}"
