"""What must hold of every history: at any time, or right behind a tick.

Each invariant is asked of plain rows, reckoned apart from the passes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from handoff.tables import OPEN
from nurture.ledger.worth import score_of
from tests.properties.rows import (
    CLOCK,
    DECISION,
    ENGAGEMENT,
    ENROLMENT,
    ENTRY,
    EPISODE,
    FOLLOW_UP,
    HANDED,
    LEAD,
    MESSAGE,
    RUNG,
    scores,
)
from tests.sequences.play import Play

LINE, MARK = 60, 60 - 15
"""The threshold of the histories' scoring, and below what it can be crossed again."""
NOT_OFFERED = ("opportunity", "customer", "disqualified")
ON_THE_WAY = ("due", "claimed", "handed", "deferred", "unknown")
LINES = "threshold:mql"


def at_any_time(play: Play, *, stopped: Mapping[int, datetime], zones: Mapping[int, str]) -> None:
    nothing_after_a_stop(play, stopped)
    once_a_step_and_within_caps(play, zones)
    active_once(play)
    scores_add_up(play)
    crossings_are_upward(play)
    rungs_fire_once(play)
    none_with_sales(play)
    what_follows_starts_once(play)


def after_a_tick(play: Play) -> None:
    """`play.now` is the instant of a tick that came to its end."""
    episodes_follow_the_score(play)
    every_crossing_is_answered(play)
    nobody_is_left_waiting(play)
    ladders_are_climbed(play)
    nothing_planned_is_overdue(play)
    answers_meet_clocks(play)


def nothing_after_a_stop(play: Play, stopped: Mapping[int, datetime]) -> None:
    for lead, when in stopped.items():
        later = select(MESSAGE.c.id).where(
            MESSAGE.c.lead_id == lead, MESSAGE.c.kind == "nurture", MESSAGE.c.handed_at > when
        )
        assert play.rows(later) == []


def once_a_step_and_within_caps(play: Play, zones: Mapping[int, str]) -> None:
    sent = select(MESSAGE.c.enrolment_id, MESSAGE.c.step, MESSAGE.c.lead_id, MESSAGE.c.handed_at)
    rows = play.rows(sent.where(MESSAGE.c.kind == "nurture", MESSAGE.c.state == "sent"))
    steps = Counter((enrolment, step) for enrolment, step, _, _ in rows)
    assert not [key for key, times in steps.items() if times > 1]
    local = {lead: ZoneInfo(zone) for lead, zone in zones.items()}
    for lead, place in local.items():
        had = sorted(when for _, _, whose, when in rows if whose == lead)
        assert all(later - when >= timedelta(hours=18) for when, later in pairwise(had))
        days = [when.astimezone(place).date() for when in had]
        assert len(set(days)) == len(days)
        assert all((later - day).days >= 7 for day, later in zip(days, days[3:], strict=False))


def active_once(play: Play) -> None:
    column = ENROLMENT.c
    rows = play.rows(
        select(column.lead_id, column.sequence, column.key).where(column.state == "active")
    )
    assert len(rows) == len(set(rows))


def what_follows_starts_once(play: Play) -> None:
    """What an answer of sales planned waits, started once and not too early, or says why not."""
    d, e = DECISION.c, ENROLMENT.c
    entries = Counter(
        tuple(row)
        for row in play.rows(
            select(d.lead_id, e.sequence, d.path, d.at)
            .join(ENROLMENT, e.id == d.enrolment_id)
            .where(d.kind == "entered", d.path.startswith("handoff/outcomes/lost/"))
        )
    )
    started: Counter[tuple[Any, ...]] = Counter()
    for row in play.rows(select(FOLLOW_UP)):
        assert (row.state == "waiting") == (row.settled_at is None)
        assert (row.state == "dropped") == bool(row.dropped)
        assert row.settled_at is None or row.settled_at >= row.due_at
        if row.state == "started":
            started[row.lead_id, row.sequence, row.path, row.settled_at] += 1
    assert entries == started


def nothing_planned_is_overdue(play: Play) -> None:
    overdue = select(FOLLOW_UP.c.id).where(
        FOLLOW_UP.c.state == "waiting", FOLLOW_UP.c.due_at <= play.now
    )
    assert play.rows(overdue) == []


def scores_add_up(play: Play) -> None:
    own = scores(play, play.now)
    for lead, score in play.rows(select(LEAD.c.id, score_of(LEAD.c.id, now=play.now))):
        assert abs(score - own[lead]) < 1e-6
    held = (
        select(ENTRY.c.id)
        .join(ENGAGEMENT, ENGAGEMENT.c.id == ENTRY.c.engagement_id)
        .where(ENGAGEMENT.c.withdrawn_at.is_not(None), ENTRY.c.withdrawn_at.is_(None))
    )
    assert play.rows(held) == []


def crossings_are_upward(play: Play) -> None:
    """An episode opens at the line, and no second one before the score fell below the mark."""
    own: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in play.rows(select(EPISODE).order_by(EPISODE.c.id)):
        own[row.lead_id, row.cause].append(row)
        if row.cause == LINES:
            assert row.score >= LINE - 1e-6
            if row.closed_at is not None:
                fell = re.search(r"the score fell to (-?\d+)", row.reason)
                assert fell, row.reason
                assert int(fell[1]) <= MARK
    for episodes in own.values():
        for before, after in pairwise(episodes):
            assert before.closed_at is not None
            assert before.closed_at <= after.opened_at


def episodes_follow_the_score(play: Play) -> None:
    own = scores(play, play.now)
    open_now = {
        lead
        for (lead,) in play.rows(
            select(EPISODE.c.lead_id).where(EPISODE.c.closed_at.is_(None), EPISODE.c.cause == LINES)
        )
    }
    for lead, lifecycle in play.rows(select(LEAD.c.id, LEAD.c.lifecycle)):
        if own[lead] >= LINE + 1e-6 and lifecycle not in NOT_OFFERED:
            assert lead in open_now, "crossed, and no episode"
        if own[lead] < MARK - 0.5:  # fading may go unseen for the quarter of an hour between looks
            assert lead not in open_now, "far below the mark, and not re-armed"


def every_crossing_is_answered(play: Play) -> None:
    """One handoff an episode, unless its lead was with sales: no lead is with two reps."""
    handoffs = play.rows(select(HANDED).order_by(HANDED.c.id))
    own = Counter(row.episode_id for row in handoffs)
    assert max(own.values(), default=1) == 1
    holders = Counter(row.lead_id for row in handoffs if row.state in OPEN)
    assert max(holders.values(), default=1) == 1
    for episode in play.rows(select(EPISODE)):
        assert episode.told_at is not None, "nobody was told"
        with_sales = [
            row for row in handoffs
            if row.lead_id == episode.lead_id and row.opened_at <= episode.told_at
            and (row.closed_at is None or row.closed_at >= episode.told_at)
        ]  # fmt: skip
        assert own[episode.id] == 1 or with_sales


def rungs_fire_once(play: Play) -> None:
    rows = play.rows(
        select(RUNG.c.clock_id, RUNG.c.rung, RUNG.c.repetition, RUNG.c.due_at,
               RUNG.c.fired_at, CLOCK.c.met_at)
        .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
        .where(RUNG.c.state == "fired")
    )  # fmt: skip
    keys = [row[:3] for row in rows]
    assert len(keys) == len(set(keys))
    for *_, due, fired, met in rows:
        assert fired >= due
        assert met is None or fired <= met
    together = Counter((row[0], row[4]) for row in rows)
    assert max(together.values(), default=1) == 1, "an outage fires the last rung alone"


def ladders_are_climbed(play: Play) -> None:
    """No rung of a running clock is left behind by the tick that passed it."""
    running = (CLOCK.c.met_at.is_(None), CLOCK.c.stopped_at.is_(None))
    left = (
        select(RUNG.c.id)
        .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
        .where(RUNG.c.state == "waiting", RUNG.c.due_at <= play.now, *running)
    )
    assert play.rows(left) == []


def answers_meet_clocks(play: Play) -> None:
    """Who has answered is not called late: no clock runs on behind its answer."""
    running = select(CLOCK.c.kind, HANDED.c.state).where(
        CLOCK.c.handoff_id == HANDED.c.id, CLOCK.c.met_at.is_(None), CLOCK.c.stopped_at.is_(None)
    )
    for kind, state in play.rows(running):
        assert state in OPEN
        assert (kind, state) not in (("accept", "accepted"), ("accept", "working"))
        assert (kind, state) != ("first_touch", "working")


def none_with_sales(play: Play) -> None:
    column, handed = MESSAGE.c, HANDED.c
    while_theirs = (
        select(column.id)
        .join(HANDED, handed.lead_id == column.lead_id)
        .where(
            column.kind == "nurture",
            column.handed_at > handed.opened_at,
            (handed.closed_at.is_(None)) | (column.handed_at < handed.closed_at),
        )
    )
    assert play.rows(while_theirs) == []


def nobody_is_left_waiting(play: Play) -> None:
    """Who is on the way is due at some instant, or stands behind a mail that is."""
    behind = select(MESSAGE.c.enrolment_id).where(MESSAGE.c.state.in_(ON_THE_WAY))
    lost = select(ENROLMENT.c.id).where(
        ENROLMENT.c.state == "active", ENROLMENT.c.due_at.is_(None), ENROLMENT.c.id.not_in(behind)
    )
    assert play.rows(lost) == []
