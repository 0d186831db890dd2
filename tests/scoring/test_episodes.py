"""Crossing the line upwards opens one episode; only re-arming allows the next."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.scoring.rescore import next_due
from tests.fixtures_ledger import NOW, kept, make_lead
from tests.scoring.rules import HOT, count, points, scoring, tick, touched, viewed

DAY = timedelta(days=1)
WARM = {"rule": "page", "when": {"event": "page_viewed"}, "points": 60, "half_life": "10 days"}
RULES = scoring(WARM, thresholds=(HOT,))


def episodes(session: Session) -> list[t.Episode]:
    return list(session.execute(select(t.Episode).order_by(t.Episode.id)).scalars())  # type: ignore[arg-type]


def warm_up(session: Session, lead: t.Lead, points: float, at: datetime) -> None:
    """Points of a sequence's `score` step, which do not fade."""
    kept(session, t.ScoreEntry(lead_id=lead.id, kind="step", points=points, at=at, step=str(at)))
    touched(session, lead)


def test_a_crossing_opens_an_episode_in_words(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, lifecycle="subscriber")
        viewed(session, lead)
        tally = tick(session, RULES)
        (episode,) = episodes(session)
        assert (episode.cause, episode.score, episode.opened_at) == ("threshold:hot", 60, NOW)
        assert episode.reason == "score 60 reached 50 (behaviour 60, fit 0)"
        assert episode.path == "scoring/thresholds/hot"
        assert tally.total("crossed") == 1
        change = session.execute(select(t.Change)).scalar_one()
        assert (change.field, change.old, change.new) == ("lifecycle", "subscriber", "mql")
        assert lead.lifecycle == "mql"
        assert count(session, t.Touch) == 2, "the lead is looked at again: its lifecycle changed"


def test_a_score_that_wobbles_around_the_line_opens_no_second(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        for hour, change in enumerate([50, -5, 5, -9, 30, -31]):
            warm_up(session, lead, change, NOW + timedelta(hours=hour))
            tick(session, RULES, now=NOW + timedelta(hours=hour))
        (episode,) = episodes(session)
        assert episode.closed_at is None
        warm_up(session, lead, -1, NOW + DAY)  # 39: below 50 - 10
        assert tick(session, RULES, now=NOW + DAY).total("re-armed") == 1
        session.refresh(episode)
        assert episode.closed_at == NOW + DAY
        assert episode.reason.endswith("; re-armed: the score fell to 39")
        warm_up(session, lead, 11, NOW + 2 * DAY)
        tick(session, RULES, now=NOW + 2 * DAY)
        assert [each.closed_at for each in episodes(session)] == [NOW + DAY, None]


def test_a_score_exactly_at_the_line_crosses_and_exactly_at_the_mark_stays(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        warm_up(session, lead, 50, NOW)
        tick(session, RULES)
        warm_up(session, lead, -10, NOW + DAY)
        tick(session, RULES, now=NOW + DAY)
        (episode,) = episodes(session)
        assert episode.closed_at is None


def test_an_episode_closes_by_fading_although_nobody_touched_the_lead(ledger: Ledger) -> None:
    with ledger.begin() as session:
        viewed(session, make_lead(session))
        tick(session, RULES)
        session.execute(t.Touch.__table__.delete())  # type: ignore[attr-defined]
        looks, at = 0, NOW
        while (due := next_due(session)) is not None:
            assert due >= at + timedelta(minutes=15)
            looks, at = looks + 1, due
            tick(session, RULES, now=at)
        (episode,) = episodes(session)
        falls = NOW + 10 * DAY * 0.5849625  # 60 falls below 40
        assert episode.closed_at == at
        assert falls <= at <= falls + timedelta(minutes=16)
        assert looks < 10


def test_an_episode_of_points_that_stay_is_never_looked_at_again(ledger: Ledger) -> None:
    with ledger.begin() as session:
        warm_up(session, make_lead(session), 80, NOW)
        tick(session, RULES)
        assert next_due(session) is None


@pytest.mark.parametrize(
    ("before", "after", "opens"),
    [
        ("subscriber", "mql", 1),
        ("lead", "mql", 1),
        ("recycled", "mql", 1),
        ("mql", "mql", 1),
        ("sal", "sal", 1),
        ("sql", "sql", 1),
        ("opportunity", "opportunity", 0),
        ("customer", "customer", 0),
        ("disqualified", "disqualified", 0),
    ],
)
def test_a_lead_only_moves_forward(ledger: Ledger, before: str, after: str, opens: int) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, lifecycle=before)
        viewed(session, lead)
        tick(session, RULES)
        assert lead.lifecycle == after
        assert count(session, t.Episode) == opens
        assert count(session, t.Change) == (before != after)


def test_a_recycled_lead_stays_recycled_until_it_crosses_anew(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        warm_up(session, lead, 60, NOW)
        tick(session, RULES)
        lead.lifecycle = "recycled"
        warm_up(session, lead, 5, NOW + DAY)
        tick(session, RULES, now=NOW + DAY)
        assert lead.lifecycle == "recycled"
        assert count(session, t.Episode) == 1
        warm_up(session, lead, -30, NOW + 2 * DAY)
        tick(session, RULES, now=NOW + 2 * DAY)
        warm_up(session, lead, 30, NOW + 3 * DAY)
        tick(session, RULES, now=NOW + 3 * DAY)
        assert lead.lifecycle == "mql"
        assert count(session, t.Episode) == 2


def test_each_threshold_has_episodes_of_its_own(ledger: Ledger) -> None:
    burning = {"threshold": "burning", "at": 100, "lifecycle": "sal"}
    rules = scoring(WARM, thresholds=(HOT, burning))
    with ledger.begin() as session:
        lead = make_lead(session)
        warm_up(session, lead, 120, NOW)
        tick(session, rules)
        assert [each.cause for each in episodes(session)] == ["threshold:hot", "threshold:burning"]
        assert lead.lifecycle == "sal"
        touched(session, lead)
        tick(session, RULES, now=NOW + DAY)
        hot, gone = episodes(session)
        assert (hot.closed_at, gone.closed_at) == (None, NOW + DAY)
        assert gone.reason.endswith("; the threshold was taken out of scoring.yaml")


def test_episodes_of_a_sequences_hand_off_are_none_of_scorings_business(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        kept(session, t.Episode(lead_id=lead.id, cause="sequence:trial", opened_at=NOW))
        touched(session, lead)
        tick(session, RULES)
        (episode,) = episodes(session)
        assert episode.closed_at is None
        assert points(session, lead) == []
