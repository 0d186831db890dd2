"""An episode becomes a handoff: which team it goes to, and why.

A lead is with one rep at a time: an episode that opens while a handoff of its lead is open gets
none of its own, and says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, case, literal, or_, select, update
from sqlmodel import Session

from handoff import lifecycle
from handoff.routing import brake
from handoff.routing.claims import domain_of, text_of
from handoff.routing.routes import PATH, routed
from handoff.tables import EPISODE, HANDOFF, LEAD, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new
from nurture.ledger.tally import Tally

_COLUMNS = (
    "lead_id", "episode_id", "definition_id", "team", "state", "reason", "path", "rule", "skills",
    "named", "domain", "parent", "opened_at",
)  # fmt: skip


def open_handoffs(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Give every episode without a handoff exactly one, offered to a team, with nobody in turn yet.

    Of several of one lead the first; the others, and those of leads with sales, are passed by.
    The team is the one the episode names, else that of the first routing rule that holds for the
    lead; where none does, the first team of the file takes it: no lead stays unrouted.  Of too many
    at once some are held (`brake`).
    """
    rules = definitions.handoff
    if rules is None:
        return Tally()
    held = brake.hold(session, definitions, now=now)
    found = 0 if held.more else fill(session, _FRESH)
    if not found:
        return held
    session.execute(opened(definitions), {"now": now})
    lifecycle.mark(session)
    passed = _told(session, now=now)
    done = Tally.of(
        "handoffs opened", found - passed, path=PATH, more=found == SIZE
    )
    return held + done + Tally.of("with sales already", passed, path=PATH)


def fresh() -> Select[Any]:
    """Episodes nobody was told of and no brake holds, the oldest first; leans on `episode_untold`.

    On PostgreSQL they are locked: a second process passes them by.
    """
    return (
        select(EPISODE.c.id, EPISODE.c.lead_id)
        .where(brake.UNTOLD)
        .order_by(EPISODE.c.id)
        .limit(SIZE)
        .with_for_update(skip_locked=True, of=EPISODE)
    )


_FRESH = filling(fresh())


def _told(session: Session, *, now: datetime) -> int:
    """Mark the working set's episodes: a handoff is theirs, or another one of their lead is open.

    Returns how many have none of their own; what another process is about to open stays unmarked.
    """
    mine = EPISODE.c.id.in_(select(batch.c.id))
    own = HANDOFF.alias("own")
    has = select(own.c.id).where(own.c.episode_id == EPISODE.c.id).exists()
    session.execute(update(EPISODE).where(mine, has).values(told_at=now))
    open_one = select(HANDOFF.c.id).where(
        HANDOFF.c.lead_id == EPISODE.c.lead_id, among(HANDOFF.c.state, OPEN)
    )
    passed = update(EPISODE).where(mine, EPISODE.c.told_at.is_(None), open_one.exists())
    return changed(
        session,
        passed.values(told_at=now, reason=EPISODE.c.reason + "; is with sales already"),
    )


@once
def opened(definitions: Definitions) -> Insert:
    """A handoff for each episode of the working set: routed, unless it names a team itself."""
    rules = definitions.handoff
    assert rules is not None
    parent = rules.owners.parent
    route = routed(definitions)
    given = EPISODE.c.team.in_(list(rules.teams))

    def unless_given(said: ColumnElement[str]) -> ColumnElement[str]:
        return case((given, ""), else_=said)

    why = case((or_(given, EPISODE.c.reason == ""), ""), else_="; ")
    rows = (
        select(
            EPISODE.c.lead_id,
            EPISODE.c.id,
            literal(definitions.handoff_id),
            case((given, EPISODE.c.team), else_=route.c.team),
            literal("offered"),
            EPISODE.c.reason + why + unless_given(route.c.said),
            case((given, EPISODE.c.path), else_=route.c.path),
            unless_given(route.c.said),
            unless_given(route.c.skills),
            unless_given(route.c.named),
            domain_of(LEAD.c.email_key),
            text_of(parent) if parent else literal(""),
            NOW,
        )
        .select_from(route)
        .join(EPISODE, EPISODE.c.id == route.c.id)
        .join(LEAD, LEAD.c.id == EPISODE.c.lead_id)
        .order_by(EPISODE.c.id)
    )
    return insert_new(t.Handoff, _COLUMNS, rows)
