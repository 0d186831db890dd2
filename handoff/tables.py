"""The tables this room works on, as Core tables, and the words for a handoff's states."""

from __future__ import annotations

from sqlalchemy import and_

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of

HANDOFF = table_of(t.Handoff)
CLOCK = table_of(t.Clock)
RUNG = table_of(t.Rung)
REP = table_of(t.Rep)
MEMBER = table_of(t.Member)
EPISODE = table_of(t.Episode)
LEAD = table_of(t.Lead)
CHANGE = table_of(t.Change)
MESSAGE = table_of(t.Message)
POST = table_of(t.Post)
CHANNEL = table_of(t.Channel)
DIGEST = table_of(t.Digest)
FOLLOW_UP = table_of(t.FollowUp)
CRM = table_of(t.Crm)
CRM_MARK = table_of(t.CrmMark)
CRM_RECORD = table_of(t.CrmRecord)
CRM_CHANGE = table_of(t.CrmChange)

OPEN = ("offered", "accepted", "working")
"""States in which a lead is with sales, and fills a place in a rep's room."""

RUNNING = and_(CLOCK.c.met_at.is_(None), CLOCK.c.stopped_at.is_(None))
"""Nobody has met the clock and nothing stopped it (it may be late)."""
