"""Thresholds: who crossed the line upwards, and who fell far enough to cross it again.

An episode opens when a lead stands at or above the line and none is open, whatever brought it
there.  It closes when the score is below `at - rearm`, and in no other way: a lead that sales
sent back (`recycled`) crosses again only after its score has fallen below that mark, by fading
or by points taken away, and has risen to the line anew.

Leads whose lifecycle is opportunity, customer or disqualified open none: sales has them, or does
not want them.  Leads at sal or sql do (whether a handoff follows while one runs is for the
handoff room to say), and so are not offered again the moment sales sends them back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Float, Insert, Update, insert, literal, select, update

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.scoring import Threshold
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.crm_marks import marking
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.statements.plans import among, one_of
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tally import Tally
from nurture.ledger.worth import ROUNDING, next_crossing
from nurture.scoring.visit import EPISODE, LEAD, Visit, in_batch, said, whole

CHANGE = table_of(t.Change)
NOT_OFFERED = ("opportunity", "customer", "disqualified")
LADDER = ("subscriber", "lead", "mql", "sal", "sql", "opportunity", "customer")
"""The way forward; `recycled` stands before it, `disqualified` beside it."""

score_now: ColumnElement[Any] = LEAD.c.behaviour + LEAD.c.fit
"""The score at `now`, of leads whose sums were just written."""


def cross(visit: Visit) -> Tally:
    """Close episodes of leads that fell below, open one for each that reached a threshold.

    Expects the leads' `behaviour` and `fit` to be of `now`.  Afterwards every open episode of
    theirs carries the next instant at which fading may close it, and a lead that crossed has at
    least the threshold's lifecycle, with the change written down.
    """
    tally = rearm(visit)
    definitions = visit.definitions
    for threshold in definitions.scoring.thresholds:
        opened = visit.run(_crossing(definitions, threshold))
        if opened:
            tally += Tally.of("crossed", opened, path=path_of(threshold))
            tally += _move_on(visit, threshold)
            visit.run(_recheck(definitions, threshold))
    return tally


def rearm(visit: Visit) -> Tally:
    """Close the open episodes of leads below the re-arm mark and of thresholds that are gone;
    plan the next look at the others."""
    definitions = visit.definitions
    tally = Tally.of("re-armed", visit.run(_removed(definitions)), path="scoring/thresholds")
    for threshold in definitions.scoring.thresholds:
        closed = visit.run(_closing(definitions, threshold))
        tally += Tally.of("re-armed", closed, path=path_of(threshold))
        visit.run(_recheck(definitions, threshold))
    return tally


def cause_of(threshold: Threshold) -> str:
    """The cause written on the threshold's episodes."""
    return f"threshold:{threshold.threshold}"


def path_of(threshold: Threshold) -> str:
    """Where the threshold stands."""
    return f"scoring/thresholds/{threshold.threshold}"


def _mark(threshold: Threshold) -> float:
    """Below this score the threshold can be crossed again."""
    return threshold.at - threshold.rearm


def _open_of(threshold: Threshold, *where: Any) -> Update:
    return update(EPISODE).where(
        EPISODE.c.cause == cause_of(threshold),
        EPISODE.c.closed_at.is_(None),
        in_batch(EPISODE.c.lead_id),
        *where,
    )


@once
def _closing(_: Definitions, threshold: Threshold) -> Update:
    """Close the open episodes of leads below the re-arm mark."""
    low = score_now < literal(_mark(threshold) - ROUNDING, Float())
    return _open_of(threshold, EPISODE.c.lead_id == LEAD.c.id, low).values(
        closed_at=NOW,
        recheck_at=None,
        reason=said(EPISODE.c.reason, "; re-armed: the score fell to ", whole(score_now)),
    )


@once
def _crossing(_: Definitions, threshold: Threshold) -> Insert:
    """An episode for each lead at or above the line that has none open."""
    reason = said(
        "score ", whole(score_now), f" reached {threshold.at:g} (behaviour ",
        whole(LEAD.c.behaviour), ", fit ", whole(LEAD.c.fit), ")",
    )  # fmt: skip
    rows = (
        select(
            LEAD.c.id, literal(cause_of(threshold)), score_now, NOW, reason,
            literal(path_of(threshold)),
        )
        .select_from(batch)
        .join(LEAD, LEAD.c.id == batch.c.id)
        .where(
            score_now >= literal(threshold.at - ROUNDING, Float()),
            ~among(LEAD.c.lifecycle, NOT_OFFERED),
        )
        .order_by(LEAD.c.id)  # their numbers say whose turn is first: no plan may decide that
    )  # fmt: skip
    columns = ("lead_id", "cause", "score", "opened_at", "reason", "path")
    return insert_new(t.Episode, columns, rows)


def _move_on(visit: Visit, threshold: Threshold) -> Tally:
    """Bring leads that crossed just now forward to the threshold's lifecycle, never back; the
    next tick looks at them again, since rules may ask for the lifecycle."""
    *notes, move = _moving_on(visit.definitions, threshold)
    for note in notes:
        visit.run(note)
    return Tally.of(f"became {threshold.lifecycle}", visit.run(move), path=path_of(threshold))


@once
def _moving_on(
    _: Definitions, threshold: Threshold
) -> tuple[Insert, Insert, Insert, Update]:
    """Writes the change down, touches and marks the leads, moves them: in this order."""
    goal = threshold.lifecycle
    behind = ["recycled", *LADDER[: LADDER.index(goal) if goal in LADDER else 0]]
    crossed = select(EPISODE.c.lead_id).where(
        EPISODE.c.cause == cause_of(threshold),
        EPISODE.c.opened_at == NOW,
        EPISODE.c.closed_at.is_(None),  # leans on `episode_open`
        in_batch(EPISODE.c.lead_id),
    )
    moving = (LEAD.c.id.in_(crossed), among(LEAD.c.lifecycle, behind))
    reason = said(f"crossed the threshold {threshold.threshold} with a score of ", whole(score_now))
    change = insert(CHANGE).from_select(
        ["lead_id", "at", "field", "old", "new", "reason", "path"],
        select(
            LEAD.c.id, NOW, literal("lifecycle"), LEAD.c.lifecycle, literal(goal), reason,
            literal(path_of(threshold)),
        ).where(*moving),
    )  # fmt: skip
    return (
        change,
        ticks.touching(select(LEAD.c.id).where(*moving)),
        marking(select(LEAD.c.id).where(*moving)),
        update(LEAD).where(*moving).values(lifecycle=goal, updated_at=NOW),
    )


@once
def _recheck(_: Definitions, threshold: Threshold) -> Update:
    """Store when fading may close the threshold's open episodes."""
    falls = next_crossing(EPISODE.c.lead_id, [_mark(threshold)], now=NOW)
    return _open_of(threshold).values(recheck_at=falls)


@once
def _removed(definitions: Definitions) -> Update:
    """Close the episodes of thresholds that are gone."""
    causes = [cause_of(threshold) for threshold in definitions.scoring.thresholds]
    return (
        update(EPISODE)
        .where(
            EPISODE.c.cause.startswith("threshold:"),
            ~one_of(EPISODE.c.cause, causes),
            EPISODE.c.closed_at.is_(None),
            in_batch(EPISODE.c.lead_id),
        )
        .values(
            closed_at=NOW,
            recheck_at=None,
            reason=said(EPISODE.c.reason, "; the threshold was taken out of scoring.yaml"),
        )
    )
