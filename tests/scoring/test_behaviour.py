"""Engagements become points, once, up to the rule's limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.calendar.zones import offsets
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.intake.arrivals import withdraw_engagement
from nurture.ledger.localtime import keep_zone_offsets
from nurture.scoring.rescore import rescore
from tests.fixtures_ledger import NOW, make_lead
from tests.scoring.rules import (
    FORM,
    PRICING,
    claim,
    count,
    points,
    scoring,
    snapshot,
    tick,
    touched,
    viewed,
)

HOUR = timedelta(hours=1)


def entries(session: Session) -> list[t.ScoreEntry]:
    return list(session.execute(select(t.ScoreEntry).order_by(t.ScoreEntry.id)).scalars())  # type: ignore[arg-type]


def test_an_engagement_that_meets_a_rule_is_one_line_of_the_ledger(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        seen = viewed(session, lead, NOW - HOUR)
        viewed(session, lead, NOW, properties={"url": "/about"})
        tally = tick(session, scoring(PRICING, FORM))
        (entry,) = entries(session)
        assert (entry.engagement_id, entry.points, entry.at) == (seen.id, 8, NOW - HOUR)
        assert entry.path == "scoring/behaviour/pricing"
        assert entry.reason == "viewed the pricing page"
        assert (lead.behaviour, lead.fit, lead.scored_at) == (8, 0, NOW)
        assert tally.total("scored") == 1


def test_the_same_tick_twice_writes_nothing_the_second_time(ledger: Ledger) -> None:
    rules = scoring(
        PRICING | {"limit": "20 per day"},
        fit=({"rule": "any", "when": {"email": {"known": True}}, "points": 60},),
        thresholds=({"threshold": "hot", "at": 50},),
    )
    with ledger.begin() as session:
        lead = make_lead(session)
        for hours in range(4):
            viewed(session, lead, NOW - hours * HOUR)
        number = claim(session)
        rescore(session, rules, tick=number, now=NOW)
        before = snapshot(session)
        again = rescore(session, rules, tick=number, now=NOW)
        assert snapshot(session) == before
        assert not again
        assert len(before["score_entry"]) == 5
        assert len(before["episode"]) == 1


def test_points_stop_at_the_limit_and_every_cut_says_why(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        for minutes in range(4):
            viewed(session, lead, NOW + timedelta(minutes=minutes))
        tick(session, scoring(PRICING | {"limit": "20 per day"}), now=NOW + HOUR)
        assert points(session, lead) == [8, 8, 4, 0]
        assert [entry.before_limit for entry in entries(session)] == [8, 8, 8, 8]
        reasons = [entry.reason for entry in entries(session)]
        assert reasons[1] == "viewed the pricing page"
        assert reasons[2].endswith("; not all its points: its limit is 20 per day")
        assert reasons[3].endswith("; no points: its limit is 20 per day")


def test_a_limit_counts_what_earlier_ticks_gave(ledger: Ledger) -> None:
    rules = scoring(PRICING | {"limit": "20 per lead"})
    with ledger.begin() as session:
        lead = make_lead(session)
        for days in (200, 100, 1, 0):
            viewed(session, lead, NOW - timedelta(days=days))
            tick(session, rules)
        assert points(session, lead) == [8, 8, 4, 0]


def test_what_was_withdrawn_leaves_room_below_the_limit(ledger: Ledger) -> None:
    rules = scoring(PRICING | {"limit": "20 per lead"})
    with ledger.begin() as session:
        lead = make_lead(session)
        first = viewed(session, lead, NOW - HOUR)
        viewed(session, lead, NOW - HOUR)
        tick(session, rules)
        assert first.id is not None
        assert withdraw_engagement(session, first.id, now=NOW, reason="a bot") == 1
        viewed(session, lead, NOW)
        viewed(session, lead, NOW)
        tick(session, rules)
        assert points(session, lead) == [8, 8, 4]


def test_points_taken_away_have_a_limit_too(ledger: Ledger) -> None:
    bad = PRICING | {"points": -8, "limit": "20 per day"}
    with ledger.begin() as session:
        lead = make_lead(session)
        for _ in range(4):
            viewed(session, lead)
        tick(session, scoring(bad))
        assert sorted(points(session, lead)) == [-8, -8, -4, 0]


@pytest.mark.parametrize(
    ("per", "zone", "instants", "given"),
    [
        # Berlin's midnight is 23:00 UTC in winter
        ("day", "Europe/Berlin", ["2026-03-02 22:59", "2026-03-02 23:00"], [8, 8]),
        ("day", "Europe/Berlin", ["2026-03-02 23:00", "2026-03-03 22:59"], [8, 2]),
        ("day", "UTC", ["2026-03-02 22:59", "2026-03-02 23:00"], [8, 2]),
        # a week is Monday to Sunday: 2026-03-01 is a Sunday
        ("week", "UTC", ["2026-03-01 23:59", "2026-03-02 00:00"], [8, 8]),
        ("week", "UTC", ["2026-03-02 00:00", "2026-03-08 23:59"], [8, 2]),
        ("week", "Europe/Berlin", ["2026-03-01 22:59", "2026-03-01 23:00"], [8, 8]),
        # summer time began on 2026-03-29: midnight is 22:00 UTC afterwards
        ("day", "Europe/Berlin", ["2026-03-28 23:00", "2026-03-29 21:59", "2026-03-29 22:00"],
         [8, 2, 8]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("together", [True, False])
def test_days_and_weeks_are_the_workspaces(
    ledger: Ledger, per: str, zone: str, instants: list[str], given: list[float], together: bool
) -> None:
    rules = scoring(PRICING | {"limit": f"10 per {per}"}, zone=zone)
    with ledger.begin() as session:
        first = datetime(2026, 1, 1, tzinfo=UTC)
        keep_zone_offsets(session, {zone: offsets(zone, first, first + timedelta(days=365))})
        lead = make_lead(session)
        now = datetime(2026, 4, 1, tzinfo=UTC)
        for instant in instants:
            viewed(session, lead, datetime.fromisoformat(instant).replace(tzinfo=UTC))
            if not together:
                tick(session, rules, now=now)
        tick(session, rules, now=now)
        assert points(session, lead) == given


def test_only_points_gained_fade(ledger: Ledger) -> None:
    lost = FORM | {"rule": "lost", "points": -20}
    with ledger.begin() as session:
        lead = make_lead(session)
        viewed(session, lead, NOW, kind="form_submitted")
        tick(session, scoring(FORM, lost))
        assert lead.behaviour == 0
        touched(session, lead)
        tick(session, scoring(FORM, lost), now=NOW + timedelta(days=10))
        assert lead.behaviour == pytest.approx(-10)


def test_parked_engagements_score_nobody(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        parked = viewed(session, lead)
        parked.lead_id = None
        session.flush()
        tick(session, scoring(PRICING))
        assert count(session, t.ScoreEntry) == 0
