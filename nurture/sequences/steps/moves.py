"""Steps that move a lead on or out: enter_stage, start, hand_off, end."""

from __future__ import annotations

from sqlalchemy import and_, literal, null, select

from nurture.language.program import End, EnterStage, HandOff, Start
from nurture.ledger import tables as t
from nurture.ledger.batches import batch
from nurture.ledger.plans import among
from nurture.ledger.tables.handoffs import OPEN_STATES
from nurture.ledger.tally import Tally
from nurture.ledger.ticks import touch
from nurture.ledger.upsert import insert_new, table_of
from nurture.sequences.enrol import start_in
from nurture.sequences.visit import ENROLMENT, E, Visit, change, decide, go, of_batch

EPISODE = table_of(t.Episode).c
HANDOFF = table_of(t.Handoff).c


def enter_stage(visit: Visit, step: EnterStage) -> Tally:
    """Note that the leads reached the stage: the funnel counts these."""
    decide(visit, "stage", f"reached {step.stage}")
    reached = visit.run(go(visit, step.next).values(stage=step.stage))
    return Tally.of("reached the stage", reached, path=step.path)


def start(visit: Visit, step: Start) -> Tally:
    """Move the leads to another sequence; where they are active there already, nothing doubles.

    In a paused one they stand at its first step until it is resumed.  A sequence that is not
    applied any more takes nobody in: the enrolment ends all the same.
    """
    target = visit.definitions.active.get(step.sequence)
    reason = f"moved to {step.sequence}"
    if target is None:
        reason = f"{step.sequence} is not applied any more"
    decide(visit, "start", reason)
    moved = visit.run(
        change(visit, state="moved", ended_at=visit.now, due_at=None, since_at=None,
               watch_at=None, reason=reason)
    )  # fmt: skip
    if target is not None:
        start_in(
            visit.session,
            target,
            select(batch.c.lead_id),
            now=visit.now,
            reason=f"started by {visit.program.sequence}",
            path=step.path,
        )
    return Tally.of("moved to another sequence", moved, path=step.path)


def hand_off(visit: Visit, step: HandOff) -> Tally:
    """Open an episode for sales, unless the lead is with sales already or waits for them."""
    busy = (
        select(literal(1))
        .where(HANDOFF.lead_id == E.lead_id, among(HANDOFF.state, OPEN_STATES))
        .correlate(ENROLMENT)
        .exists()
    )
    reason = step.reason or f"asked by {visit.program.sequence}"
    cause = f"sequence:{visit.program.sequence}"
    asked = insert_new(
        visit.session,
        t.Episode,
        ("lead_id", "cause", "enrolment_id", "team", "opened_at", "recheck_at", "reason", "path"),
        of_batch(
            E.lead_id,
            literal(cause),
            E.id,
            literal(step.team),
            visit.instant(),
            null(),
            literal(reason),
            literal(step.path),
        ).where(~busy),
    )
    mine = and_(EPISODE.lead_id == E.lead_id, EPISODE.cause == cause, EPISODE.closed_at.is_(None))
    opened = (  # leans on `episode_open`
        select(literal(1))
        .where(mine, EPISODE.enrolment_id == E.id, EPISODE.path == step.path)
        .correlate(ENROLMENT)
        .exists()
    )
    decide(visit, "hand_off", f"offered to sales: {reason}", where=opened)
    decide(visit, "hand_off", "is with sales already", where=~opened)
    touch(visit.session, select(batch.c.lead_id))  # so that the handoff opens in the same tick
    visit.run(go(visit, step.next))
    return Tally.of("offered to sales", asked, path=step.path)


def end(visit: Visit, step: End) -> Tally:
    """The way is over."""
    decide(visit, "end", step.reason)
    ended = visit.run(
        change(
            visit,
            state="completed",
            ended_at=visit.now,
            due_at=None,
            since_at=None,
            watch_at=None,
            reason=step.reason,
        )
    )
    return Tally.of("finished", ended, path=step.path)
