"""Has the lead had its mails for now?  Asked beside `timing`, of the same rows.

A cap of n is reached while the n-th last of the lead's mails still counts; the instant it no longer
does is when the next may go.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from nurture.delivery.permission import MESSAGE, M
from nurture.delivery.timing import own_zone
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.caps import Cap, caps_of
from nurture.ledger.openings import local_day_ends
from nurture.ledger.statements.plans import among

USED = ("handed", "sent", "unknown")
"""Mails in these states count: they have, or may have, reached the lead."""
MARGIN = timedelta(days=2)
"""Local days begin and end so much sooner or later than as many times 24 hours, at most."""


def any_reached(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """Some cap keeps the mail from going at `at`; ask only where there are caps."""
    return or_(*(reached(definitions, cap, at) for cap in caps_of(definitions.workspace)))


def reached(definitions: Definitions, cap: Cap, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The lead had its mails, and the mail is one the cap is about."""
    full = func.coalesce(allows_at(definitions, cap, at), at) > at
    return and_(M.topic == cap.topic, full) if cap.topic else full


def allows_at(definitions: Definitions, cap: Cap, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """When the cap lets one more mail of the lead go; over or NULL where it does now.

    A lead's day that nobody has reckoned yet is taken for 24 hours.
    """
    last = _last(cap, at)
    if not cap.days:
        return last + cap.length
    local = local_day_ends(last, own_zone(definitions), days=cap.days)
    return func.coalesce(local, last + cap.length)


def _last(cap: Cap, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """When the n-th last mail that counts was handed over; leans on `message_lead`."""
    other = MESSAGE.alias("other")
    mails = select(other.c.handed_at).where(
        other.c.lead_id == M.lead_id,
        other.c.handed_at > at - (cap.length + MARGIN if cap.days else cap.length),
        other.c.kind == "nurture",
        among(other.c.state, USED),
    )
    if cap.topic:
        mails = mails.where(other.c.topic == cap.topic)
    nth = mails.order_by(other.c.handed_at.desc()).limit(1).offset(cap.most - 1)
    return nth.correlate(MESSAGE).scalar_subquery()
