"""Whatever the order, the split or the number of workers: a score is the sum of its ledger."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.intake.arrivals import withdraw_engagement
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.worth import score_of
from nurture.scoring.rescore import rescore
from tests.fixtures_ledger import NOW, counting, empty, make_lead
from tests.scoring.rules import (
    FORM,
    GERMAN,
    HOT,
    PRICING,
    claim,
    scoring,
    snapshot,
    tick,
    touched,
    viewed,
)

LEAD = table_of(t.Lead).c
RULES = scoring(PRICING | {"half_life": "1 day"}, FORM, fit=(GERMAN,), thresholds=(HOT,))
FEW = settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
hours = st.integers(0, 2000).map(lambda number: NOW - timedelta(hours=number))
stories = st.lists(
    st.tuples(hours, st.sampled_from(["page_viewed", "form_submitted", "other"]), st.booleans()),
    min_size=1, max_size=8,
)  # fmt: skip


def by_hand(session: Session, lead: t.Lead, now: datetime) -> float:
    rows = session.execute(select(t.ScoreEntry).where(t.ScoreEntry.lead_id == lead.id)).scalars()  # type: ignore[arg-type]
    return sum(
        entry.points * (2 ** -((now - entry.at) / entry.half_life) if entry.half_life else 1)
        for entry in rows
        if entry.withdrawn_at is None and entry.at <= now
    )


def score(session: Session, lead: t.Lead, now: datetime) -> float:
    query = select(score_of(LEAD.id, now=now)).where(LEAD.id == lead.id)
    return float(session.execute(query).scalar_one())


def test_a_score_is_the_sum_of_its_ledger_and_withdrawing_takes_exactly_its_part(
    ledger: Ledger,
) -> None:
    @FEW
    @given(stories, st.integers(0, 40))
    def check(story: list[tuple[datetime, str, bool]], days: int) -> None:
        now = NOW + timedelta(days=days)
        with ledger.begin() as session:
            lead = make_lead(session, country="DE")
            for at, kind, together in story:
                last = viewed(session, lead, at, kind=kind)
                if not together:
                    tick(session, RULES)
            touched(session, lead)
            tick(session, RULES, now=now)
            before = score(session, lead, now)
            assert before == pytest.approx(by_hand(session, lead, now))
            assert lead.behaviour + lead.fit == pytest.approx(before)
            lost = sum(
                by_engagement for by_engagement in _worth_of(session, last.id, now)
            )
            assert last.id is not None
            withdraw_engagement(session, last.id, now=now, reason="a bot")
            assert score(session, lead, now) == pytest.approx(before - lost)
            tick(session, RULES, now=now)
            assert lead.behaviour + lead.fit == pytest.approx(before - lost)
        empty(ledger)

    check()


def _worth_of(session: Session, engagement: int | None, now: datetime) -> list[float]:
    rows = session.execute(
        select(t.ScoreEntry).where(t.ScoreEntry.engagement_id == engagement)  # type: ignore[arg-type]
    ).scalars()
    return [
        entry.points * (2 ** -((now - entry.at) / entry.half_life) if entry.half_life else 1)
        for entry in rows
    ]


def test_engagements_split_over_ticks_in_any_order_give_the_same_ledger(ledger: Ledger) -> None:
    @FEW
    @given(stories, st.randoms(use_true_random=False))
    def check(story: list[tuple[datetime, str, bool]], chance: Any) -> None:
        with ledger.begin() as session:
            one, other = make_lead(session), make_lead(session, "bo@example.test")
            for at, kind, _ in story:
                viewed(session, one, at, kind=kind)
            tick(session, RULES)
            shuffled = list(story)
            chance.shuffle(shuffled)
            for at, kind, together in shuffled:
                viewed(session, other, at, kind=kind)
                if not together:
                    tick(session, RULES)
            tick(session, RULES)
            assert _lines(session, one) == _lines(session, other)
        empty(ledger)

    check()


def _lines(session: Session, lead: t.Lead) -> list[tuple[Any, ...]]:
    rows = session.execute(select(t.ScoreEntry).where(t.ScoreEntry.lead_id == lead.id)).scalars()  # type: ignore[arg-type]
    return sorted((entry.rule, entry.at, entry.points) for entry in rows)


def fill(ledger: Ledger, leads: int) -> int:
    """`leads` leads with three engagements each, held by one tick."""
    lead, engagement, touch = table_of(t.Lead), table_of(t.Engagement), table_of(t.Touch)
    with ledger.begin() as session:
        session.execute(
            insert(lead),
            [
                {"email_key": f"l{n}@example.test", "country": "DE" if n % 2 else "FR",
                 "created_at": NOW, "updated_at": NOW}
                for n in range(leads)
            ],
        )  # fmt: skip
        numbers = list(session.execute(select(lead.c.id)).scalars())
        session.execute(
            insert(engagement),
            [
                {"source": "test", "key": f"{number}-{n}", "kind": kind, "lead_id": number,
                 "occurred_at": NOW - timedelta(hours=n), "received_at": NOW,
                 "properties": {"url": "/pricing"}}
                for number in numbers
                for n, kind in enumerate(["page_viewed", "page_viewed", "form_submitted"])
            ],
        )  # fmt: skip
        session.execute(
            insert(touch).from_select(
                ["lead_id", "engagement_id"], select(engagement.c.lead_id, engagement.c.id)
            )
        )
        return claim(session)


LIMITED = scoring(
    PRICING | {"limit": "10 per day"}, FORM | {"limit": "30 per week"},
    fit=(GERMAN,), thresholds=(HOT | {"at": 40},),
)  # fmt: skip


def test_statements_grow_with_rules_never_with_leads(ledger: Ledger) -> None:
    sent = []
    for leads in (10, 3000):
        number = fill(ledger, leads)
        with ledger.begin() as session, counting(ledger) as statements:
            tally = rescore(session, LIMITED, tick=number, now=NOW)
        assert tally.total("scored") == 3 * leads
        assert tally.total("crossed") == leads // 2
        sent.append(len(statements))
        empty(ledger)
    assert sent[0] == sent[1] < 30


def test_two_workers_at_one_lead_never_give_more_than_the_limit(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, country="DE")
        halves = []
        for half in range(2):
            for n in range(5):
                viewed(session, lead, NOW - timedelta(minutes=10 * half + n))
            halves.append(claim(session))
    barrier = threading.Barrier(4)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with ledger.begin() as session:
                barrier.wait(10) if ledger.dialect == "postgresql" else None
                rescore(session, LIMITED, tick=number, now=NOW)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in halves * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert not errors
    with ledger.begin() as session:
        found = snapshot(session)
        entries = session.execute(select(t.ScoreEntry)).scalars().all()
        assert sum(each.points for each in entries if each.rule == "pricing") == 10
        assert len([each for each in entries if each.rule == "pricing"]) == 10
        assert len([each for each in entries if each.rule == "german"]) == 1
        assert len(found["episode"]) == 0
