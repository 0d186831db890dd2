"""Clicks and opens as engagements: each once, and those of machines apart.

A link scanner follows every link of a mail within seconds, a person follows one.  Three different
links of one message within ten seconds are a burst: what it brought is taken back, and it is kept
as `email_clicked_machine`, a kind no rule about `email_clicked` matches.  A click after the burst
is a person's again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nurture.delivery.settle import evidence
from nurture.ledger import tables as t
from nurture.ledger.intake.arrivals import take, withdraw_engagement
from nurture.ledger.intake.incoming import OWN, OwnEngagement

CLICKED, CLICKED_MACHINE = "email_clicked", "email_clicked_machine"
OPENED, OPENED_MACHINE = "email_opened", "email_opened_machine"
BURST = 3
WITHIN = timedelta(seconds=10)
OPEN_WITHIN = timedelta(hours=1)
AGENT_LENGTH = 200
APPLE_PREFETCH = "Mozilla/5.0"
"""Apple's mail privacy protection fetches every picture, read or not, and says no more than this
of itself."""
PREFETCHERS = ("BingPreview", "Edge/12.246 Mozilla/5.0")
"""Fetch at delivery, before anybody can have read: Outlook.com's and Gmail's."""


def click(
    session: Session, message_id: int, link: int, url: str, *, agent: str, now: datetime
) -> bool:
    """Note that a link of a message was followed; False if nothing new was noted.

    The same link again within ten seconds is the same click.  An `unknown` message has arrived.
    """
    message = _nurture_mail(session, message_id)
    if message is None:
        return False
    evidence(session, message_id, what="a click", now=now)
    recent = _recent_clicks(session, message_id, now=now)
    if any(each.properties.get("link") == link for each in recent):
        return False
    said = _said(session, message, agent) | {"url": url, "link": link}
    if _by_machine(agent):
        said["machine"] = "agent"
    elif _in_burst(recent, link):
        said["machine"] = "burst"
        _take_back(session, recent, now=now)
    kind = CLICKED_MACHINE if "machine" in said else CLICKED
    bucket = int(now.timestamp() // WITHIN.total_seconds())
    key = f"click:{message_id}:{link}:{bucket}"
    return _note(session, message, kind, key, said, now=now)


def opened(session: Session, message_id: int, *, agent: str, now: datetime) -> bool:
    """Note that a message's picture was fetched, once an hour; False if nothing new was noted."""
    message = _nurture_mail(session, message_id)
    if message is None:
        return False
    evidence(session, message_id, what="an open", now=now)
    said = _said(session, message, agent)
    if _by_machine(agent) or agent.strip() == APPLE_PREFETCH:
        said["machine"] = "agent"
    kind = OPENED_MACHINE if "machine" in said else OPENED
    bucket = int(now.timestamp() // OPEN_WITHIN.total_seconds())
    return _note(session, message, kind, f"{kind}:{message_id}:{bucket}", said, now=now)


def _nurture_mail(session: Session, message_id: int) -> t.Message | None:
    message = session.get(t.Message, message_id)
    return message if message is not None and message.kind == "nurture" else None


def _recent_clicks(session: Session, message_id: int, *, now: datetime) -> list[t.Engagement]:
    """Clicks of a message in the last seconds; leans on `engagement_message`."""
    e = t.Engagement
    found = session.execute(
        select(e).where(
            col(e.message_id) == message_id,
            col(e.kind).in_((CLICKED, CLICKED_MACHINE)),
            col(e.occurred_at) > now - WITHIN,
        )
    )
    return list(found.scalars())


def _in_burst(recent: list[t.Engagement], link: int) -> bool:
    """Whether a click makes or prolongs a burst."""
    unnamed = [each for each in recent if each.properties.get("machine") != "agent"]
    links = {each.properties.get("link") for each in unnamed} | {link}
    return len(links) >= BURST or any(each.kind == CLICKED_MACHINE for each in unnamed)


def _take_back(session: Session, recent: list[t.Engagement], *, now: datetime) -> None:
    """The clicks that began a burst count for nothing, and give back their points."""
    why = f"a link scanner: {BURST} links within {WITHIN.seconds} seconds"
    for each in recent:
        if each.kind == CLICKED and each.withdrawn_at is None and each.id is not None:
            withdraw_engagement(session, each.id, reason=why, now=now)


def _by_machine(agent: str) -> bool:
    return any(name in agent for name in PREFETCHERS)


def _said(session: Session, message: t.Message, agent: str) -> dict[str, Any]:
    """What conditions can ask of a click or an open."""
    said: dict[str, Any] = {"email": message.template}
    run = session.get(t.Enrolment, message.enrolment_id) if message.enrolment_id else None
    if run is not None:
        said |= {"sequence": run.sequence}
    shown = "".join(letter for letter in agent if letter.isprintable())[:AGENT_LENGTH]
    return said | {"agent": shown} if shown else said


def _note(
    session: Session, message: t.Message, kind: str, key: str, said: dict[str, Any], *,
    now: datetime,
) -> bool:  # fmt: skip
    own = OwnEngagement(
        source=OWN, key=key, kind=kind, lead_id=message.lead_id, message_id=message.id,
        occurred_at=now, properties=said,
    )  # fmt: skip
    return take(session, [own], now=now, create_leads=False).accepted == 1
