"""Cards as they are pushed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from handoff.crm.port import Card, Crm, Deal, Pushed

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DEAL = Deal(
    key="handoff-7",
    title="Ann Example, Example Ltd",
    state="offered",
    stage="",
    owner="",
    reason="crossed the line: looked at prices four times",
    opened_at=NOW,
    link="https://nurture.example.test/h/7",
)
CARD = Card(
    key="lead-1",
    identity="push-1",
    email="ann@example.test",
    fields={"firstname": "Ann", "lastname": "Example"},
    deal=DEAL,
)


LEAD_CARD = replace(CARD, fields={"FirstName": "Ann", "LastName": "Example"})
"""The same, with the fields of Salesforce's leads."""


def pushed(ours: Crm, card: Card) -> Pushed:
    """What became of it."""
    return ours.push(card).result(timeout=20)


def after(card: Card, pushed: Pushed) -> Card:
    """The card as it is pushed the next time."""
    return replace(card, identity=card.identity + "+", refs=pushed.refs)


def with_deal(card: Card, **changes: object) -> Card:
    assert card.deal is not None
    return replace(card, deal=replace(card.deal, **changes))  # type: ignore[arg-type]
