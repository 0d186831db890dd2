"""Who would get a lead now, by which rule, and why not the others.

Asked of the very statements the passes use, in a transaction that is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, literal, select, update
from sqlmodel import Session

from handoff.routing import turns
from handoff.routing.claims import WHY, give_to
from handoff.routing.opening import opened
from handoff.routing.queues import Group, groups, why_waiting
from handoff.routing.roster import members
from handoff.tables import EPISODE, HANDOFF, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.errors import Conflict
from nurture.ledger.statements.batches import fill, filling
from nurture.ledger.types import Key


@dataclass(frozen=True)
class Candidate:
    """A rep of the team, and what speaks for or against them; `turn` is 1 for who is next."""

    rep: str
    name: str
    turn: int | None
    said: str


@dataclass(frozen=True)
class Explained:
    """Where a lead goes.  `handoff` is its open one, held by `holder` ('' in the queue), if it has
    one: then the answer is who would get it if it were given on.

    `rep` is '' if it would wait in the team's queue; `why` says why they, or why it waits.
    """

    handoff: int | None
    holder: str
    team: str
    path: str
    reason: str
    skills: str
    rep: str
    why: str
    candidates: tuple[Candidate, ...]


def explain(
    session: Session, definitions: Definitions, lead: int, *, now: datetime
) -> Explained:
    """What routing and assignment would do with a lead that crossed the line at `now`, if nobody
    else waited; nothing is changed."""
    rules = definitions.handoff
    if rules is None:
        raise Conflict("This workspace has no handoff.yaml: add one and run nurture apply.")
    undo = session.begin_nested()
    try:
        return _explained(session, definitions, rules, lead, now=now)
    finally:
        undo.rollback()


def _explained(
    session: Session, definitions: Definitions, rules: HandoffRules, lead: int, *, now: datetime
) -> Explained:
    mine = (HANDOFF.c.lead_id == lead, HANDOFF.c.state.in_(OPEN))
    held = session.execute(select(HANDOFF.c.id, HANDOFF.c.rep).where(*mine)).one_or_none()
    if held is None:
        _cross(session, definitions, lead, now=now)
    else:
        session.execute(update(HANDOFF).where(*mine).values(rep="", state="offered"))
    row = session.execute(select(HANDOFF).where(*mine)).one()
    if row.team not in rules.teams:
        raise Conflict(f"Its team, {row.team}, is not in handoff.yaml: run nurture apply.")
    group = Group(*session.execute(groups().where(HANDOFF.c.id == row.id)).one())
    rep, why = _claimed(session, rules, group, row.id, lead, now=now)
    order = dict(
        session.execute(turns.order(group.circle(rules)), {"now": now, "need": 1}).tuples().all()
    )
    if not rep and order:
        rep, why = min(order, key=order.__getitem__), "next in turn"
    holder = held.rep if held else ""
    return Explained(
        handoff=held.id if held else None,
        holder=holder,
        team=row.team,
        path=row.path,
        reason=row.reason,
        skills=row.skills,
        rep=rep,
        why=why or why_waiting(session, rules, group, now=now),
        candidates=_candidates(session, group, holder, order, now=now),
    )


def _cross(session: Session, definitions: Definitions, lead: int, *, now: datetime) -> None:
    """Let the lead cross a line of its own, and open its handoff."""
    values = {"lead_id": lead, "cause": "route", "opened_at": now}
    crossed = insert(EPISODE).values(values).returning(EPISODE.c.id)
    episode = session.execute(crossed).scalar_one()
    fill(session, filling(select(literal(episode, Key), literal(lead, Key))))
    session.execute(opened(definitions), {"now": now})


def _claimed(
    session: Session, rules: HandoffRules, group: Group, handoff: int, lead: int, *, now: datetime
) -> tuple[str, str]:
    """Whose the lead is already, and why; ('', '') if nobody's."""
    fill(session, filling(select(literal(handoff, Key), literal(lead, Key))))
    for claim in group.claims(rules):
        session.execute(give_to(claim, group.circle(rules), rules.owners.field), {"now": now})
        rep = session.execute(select(HANDOFF.c.rep).where(HANDOFF.c.id == handoff)).scalar_one()
        if rep:
            session.execute(update(HANDOFF).where(HANDOFF.c.id == handoff).values(rep=""))
            return rep, WHY[claim]
    return "", ""


def _candidates(
    session: Session, group: Group, holder: str, order: dict[str, int], *, now: datetime
) -> tuple[Candidate, ...]:
    """Everybody of the team, in the order of their turns, then who cannot have it."""
    found = []
    for row, knows in members(session, group.team, group.skills, now=now):
        said = row.said(now=now)
        if row.rep == holder:
            said = f"has it; {said}"
        elif row.rep in group.excluded:
            said = "let it lapse"
        elif not knows:
            said = f"lacks a skill: {group.skills.replace(',', ' and ')}"
        elif not row.weight:
            said = f"takes no turns (weight 0); {said}"
        found.append(Candidate(row.rep, row.name, order.get(row.rep), said))
    return tuple(sorted(found, key=lambda each: (each.turn is None, each.turn or 0)))
