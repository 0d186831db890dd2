"""What other systems tell of opt-outs is heeded in the moment it is taken in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.engine import Ledger
from nurture.ledger.intake.arrivals import adopt_parked, take
from nurture.ledger.intake.incoming import EngagementIn
from tests.fixtures_ledger import NOW, make_lead


def told(kind: str, key: str = "1", at: timedelta = timedelta(), **properties: Any) -> EngagementIn:
    return EngagementIn(
        source="crm",
        key=key,
        kind=kind,
        lead="ann@example.test",
        occurred_at=NOW + at,
        properties=properties,
    )


def suppressed(session: Session) -> list[tuple[str, str, str]]:
    rows = session.execute(select(t.Suppression)).scalars()
    return [(row.email_key, row.kind, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("unsubscribed", {}, "unsubscribed"),
        ("email_bounced", {}, "bounce"),
        ("email_bounced", {"type": "hard"}, "bounce"),
        ("email_complained", {}, "complaint"),
        ("email_bounced", {"type": "Soft"}, None),
        ("subscribed", {}, None),
        ("page_viewed", {}, None),
    ],
)
def test_an_opt_out_told_by_another_system_suppresses_the_address(
    ledger: Ledger, kind: str, properties: dict[str, str], expected: str | None
) -> None:
    with ledger.begin() as session:
        make_lead(session)
        for _ in range(2):
            take(session, [told(kind, **properties)], now=NOW, create_leads=False)
        wanted = [("ann@example.test", expected, "told by crm")] if expected else []
        assert suppressed(session) == wanted


def test_one_topic_is_ended_when_the_opt_out_names_it(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        take(session, [told("unsubscribed", topic="events")], now=NOW, create_leads=False)
        assert suppressed(session) == []
        [consent] = session.execute(select(t.Consent)).scalars()
        assert (consent.lead_id, consent.topic, consent.subscribed) == (lead.id, "events", False)


def test_an_opt_out_that_waited_for_its_lead_counts_when_the_lead_comes(ledger: Ledger) -> None:
    with ledger.begin() as session:
        take(session, [told("unsubscribed")], now=NOW, create_leads=False)
        assert suppressed(session) == []
        make_lead(session)
        assert adopt_parked(session, select(t.Lead.id)) == 1  # type: ignore[call-overload]
        assert [kind for _, kind, _ in suppressed(session)] == ["unsubscribed"]


def test_an_engagement_is_looked_at_when_it_has_happened(ledger: Ledger) -> None:
    later = timedelta(days=3)
    with ledger.begin() as session:
        make_lead(session)
        batch = [told("page_viewed", "1"), told("page_viewed", "2", later)]
        take(session, batch, now=NOW + later, create_leads=False)
        claim = ticks.begin_tick(session, now=NOW, owner="me")
        assert (claim.touches, claim.more) == (1, False)
        ticks.end_tick(session, claim.tick_id, now=NOW)
        assert not ticks.waiting(session, now=NOW)
        assert session.execute(ticks.NEXT_HAPPENING, {"now": NOW}).scalar() == NOW + later
        assert ticks.waiting(session, now=NOW + later)
        assert ticks.begin_tick(session, now=NOW + later, owner="me").touches == 1
