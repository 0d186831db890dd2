"""A lead's whole story from rows, in order, each line with its why."""

from __future__ import annotations

from datetime import datetime, timedelta

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.intake import leads
from nurture.ledger.timeline import timeline
from tests.fixtures_ledger import (
    NOW,
    counting,
    kept,
    make_definition,
    make_engagement,
    make_enrolment,
    make_lead,
    make_message,
)

PRICES = {"url": "/pricing"}


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def tell(ledger: Ledger) -> int:
    """Rows of every kind about one lead; returns its number."""
    with ledger.begin() as session:
        lead = make_lead(session)
        assert lead.id
        definition = make_definition(session)
        enrolment = make_enrolment(session, lead, definition)
        event = make_engagement(session, lead, occurred_at=after(1), properties=PRICES)
        kept(session, t.ScoreEntry(lead_id=lead.id, rule="pricing", points=30, at=after(1),
             engagement_id=event.id, reason="saw the prices", path="scoring/pricing"))  # fmt: skip
        kept(session, t.Decision(enrolment_id=enrolment.id, lead_id=lead.id, at=after(2),
             kind="entered", reason="form", path="welcome"))  # fmt: skip
        make_message(session, lead, planned_at=after(3), due_at=after(3), template="welcome",
                     subject="Hi", state="sent", handed_at=after(4), settled_at=after(4),
                     enrolment_id=enrolment.id, step="send:w#1", path="welcome/a/1")  # fmt: skip
        make_message(session, lead, planned_at=after(5), due_at=after(5), template="why",
                     state="suppressed", settled_at=after(5), reason="unsubscribed",
                     enrolment_id=enrolment.id, step="send:why#1", path="welcome/a/2")  # fmt: skip
        leads.opt_out(session, lead.id, None, now=after(5), reason="link")
        leads.opt_out(session, lead.id, "tips", now=after(5), reason="page")
        episode = kept(session, t.Episode(lead_id=lead.id, cause="threshold:hot", score=80,
                       opened_at=after(6), reason="crossed 70"))  # fmt: skip
        handoff = kept(session, t.Handoff(lead_id=lead.id, episode_id=episode.id, team="emea",
                       definition_id=definition.id, rep="bo", state="won", opened_at=after(6),
                       accepted_at=after(20), closed_at=after(90), outcome="signed"))  # fmt: skip
        clock = kept(session, t.Clock(handoff_id=handoff.id, kind="accept", rep="bo",
                     started_at=after(6), due_at=after(10), lapsed_at=after(11),
                     met_at=after(20)))  # fmt: skip
        kept(session, t.Rung(clock_id=clock.id, rung=1, action="remind", due_at=after(10),
             state="fired", fired_at=after(11), reason="accept ran out"))  # fmt: skip
        kept(session, t.CrmRecord(lead_id=lead.id, state="told", due_at=after(90),
             told_at=after(91)))  # fmt: skip
        other = make_lead(session, "other@example.test")
        make_engagement(session, other, kind="not_ours")
        return lead.id


def test_the_story_is_told_in_order_with_reasons(ledger: Ledger) -> None:
    lead_id = tell(ledger)
    with ledger.begin() as session:
        lines = timeline(session, lead_id)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    told = [f"{(line.at - NOW).seconds // 60} {line.what}: {line.text}" for line in lines]
    assert told == [
        "0 lead: ann@example.test became known",
        "1 engagement: page_viewed (url: /pricing)",
        "1 score: +30 behaviour",
        "2 sequence: entered welcome",
        "4 message: welcome “Hi”: sent",
        "5 change: subscribed: no (was yes)",
        "5 change: topic tips: no",
        "5 consent: does not want to hear about tips",
        "5 suppression: no more mail: unsubscribed",
        "5 message: why: suppressed",
        "6 episode: threshold:hot at 80 points",
        "6 handoff: offered to bo of emea",
        "6 clock: accept clock of bo runs, due 2026-03-02 09:10 UTC",
        "11 clock: accept clock of bo ran out, due 2026-03-02 09:10 UTC",
        "11 escalation: rung 1: remind",
        "20 handoff: bo accepted",
        "20 clock: accept clock of bo met late",
        "90 handoff: won",
        "91 crm: the CRM was told",
    ]
    reasons = {line.what: (line.reason, line.path) for line in lines}
    assert reasons["score"] == ("saw the prices", "scoring/pricing")
    assert reasons["message"] == ("unsubscribed", "welcome/a/2")


def test_a_long_story_takes_as_many_queries_as_a_short_one(ledger: Ledger) -> None:
    lead_id = tell(ledger)
    with ledger.begin() as session:
        lead = leads.lead_by_number(session, lead_id)
        for number in range(100):
            make_engagement(session, lead, key=str(number))
    with ledger.begin() as session, counting(ledger) as sent:
        assert len(timeline(session, lead_id)) == 119
    assert len(sent) == 17
