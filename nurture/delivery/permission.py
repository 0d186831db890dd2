"""May this lead have this mail?  Each question as SQL over `message`, asked twice: before the claim
(with the reason written down) and again in the fence, in the moment of handing over.  Whether now
is the time for it is asked in `timing`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, literal, not_, or_, select

from nurture.delivery.states import IN_HAND
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.statements.plans import among, one_of
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.handoffs import OPEN_STATES

MESSAGE = table_of(t.Message)
M = MESSAGE.c
LEAD = table_of(t.Lead).c
SUPPRESSION = table_of(t.Suppression).c
CONSENT = table_of(t.Consent).c
HANDOFF = table_of(t.Handoff).c
ENROLMENT = table_of(t.Enrolment).c
PAUSE = table_of(t.Pause).c


def has_address() -> ColumnElement[bool]:
    """The lead can be written to at all."""
    return _lead(LEAD.email.is_not(None))


def suppressed() -> ColumnElement[bool]:
    """The lead's address gets no nurture mail whatever the topic."""
    return (
        select(literal(1))
        .where(LEAD.id == M.lead_id, SUPPRESSION.email_key == LEAD.email_key)
        .correlate(MESSAGE)
        .exists()
    )


def consents(definitions: Definitions) -> ColumnElement[bool]:
    """The lead's word on the mail's topic, else the topic's default (unknown topics: no)."""
    word = (
        select(CONSENT.subscribed)
        .where(CONSENT.lead_id == M.lead_id, CONSENT.topic == M.topic)
        .correlate(MESSAGE)
        .scalar_subquery()
    )
    topics = definitions.workspace.topics
    open_topics = [name for name, topic in topics.items() if topic.default == "subscribed"]
    return or_(word.is_(True), and_(word.is_(None), one_of(M.topic, open_topics)))


def with_sales(definitions: Definitions) -> ColumnElement[bool]:
    """The lead is with sales, and its sequence does not say that it may be mailed then."""
    open_handoff = (
        select(literal(1))
        .where(HANDOFF.lead_id == M.lead_id, among(HANDOFF.state, OPEN_STATES))
        .correlate(MESSAGE)
        .exists()
    )
    sending = [number for number, each in definitions.programs.items() if each.with_sales]
    if not sending:
        return open_handoff
    return and_(open_handoff, not_(_enrolment(one_of(ENROLMENT.definition_id, sending))))


def enrolled() -> ColumnElement[bool]:
    """The lead is still on its way through the sequence, and the sequence is not paused."""
    return _enrolment(ENROLMENT.state == "active")


def paused() -> ColumnElement[bool]:
    """The mail's sequence was stopped by an operator."""
    return _enrolment(ENROLMENT.sequence.in_(select(PAUSE.sequence)))


def unjudged(judged: ColumnElement[int], at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The lead may have to leave its sequence first, and nobody has looked.

    A tick other than `judged` holds something new about it, or the look that time alone asks for
    has come: the pass failed, or another process is at it.  Nothing is said of such a mail, not
    even that it is too late: it stays due until a tick has looked.
    """
    held = M.lead_id.in_(ticks.held_by_others(judged))
    return or_(held, _enrolment(and_(ENROLMENT.state == "active", ENROLMENT.watch_at <= at)))


def another_in_hand() -> ColumnElement[bool]:
    """Another mail is on its way to the lead: what becomes of it says what becomes of this one."""
    other = MESSAGE.alias("other")
    return (
        select(literal(1))
        .where(other.c.lead_id == M.lead_id)
        .where(among(other.c.kind, ("nurture",)), among(other.c.state, IN_HAND))
        .correlate(MESSAGE)
        .exists()
    )


def same_address() -> ColumnElement[bool]:
    """The lead can still be reached where the frozen bytes are to go."""
    return _lead(LEAD.email == M.recipient)


def _lead(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).where(LEAD.id == M.lead_id, condition).correlate(MESSAGE).exists()


def _enrolment(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(literal(1))
        .where(ENROLMENT.id == M.enrolment_id, condition)
        .correlate(MESSAGE)
        .exists()
    )
