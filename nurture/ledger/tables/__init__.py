"""The whole truth of the ledger: one class a table, one file a noun.

Import tables from here: `from nurture.ledger import tables as t`, then `t.Lead`.
"""

from nurture.ledger.tables.access import IdempotencyKey, Lock, SignIn, Tick, Token, WebSession
from nurture.ledger.tables.calendars import Opening, ZoneOffset
from nurture.ledger.tables.crm import Crm, CrmChange, CrmMark, CrmRecord
from nurture.ledger.tables.definitions import Definition
from nurture.ledger.tables.engagements import Echo, Engagement, Touch
from nurture.ledger.tables.follow_ups import FollowUp
from nurture.ledger.tables.handoffs import Clock, Episode, Handoff, Member, Rep, Restatement, Rung
from nurture.ledger.tables.leads import Change, Consent, Lead, LeadTag, Suppression
from nurture.ledger.tables.messages import Link, Message
from nurture.ledger.tables.posts import Channel, Digest, Post
from nurture.ledger.tables.scores import ScoreEntry
from nurture.ledger.tables.sequences import Arrival, Decision, Enrolment, Pause, SplitLook
from nurture.ledger.tables.webhooks import WebhookCall

__all__ = [
    "Arrival",
    "Change",
    "Channel",
    "Clock",
    "Consent",
    "Crm",
    "CrmChange",
    "CrmMark",
    "CrmRecord",
    "Decision",
    "Definition",
    "Digest",
    "Echo",
    "Engagement",
    "Enrolment",
    "Episode",
    "FollowUp",
    "Handoff",
    "IdempotencyKey",
    "Lead",
    "LeadTag",
    "Link",
    "Lock",
    "Member",
    "Message",
    "Opening",
    "Pause",
    "Post",
    "Rep",
    "Restatement",
    "Rung",
    "ScoreEntry",
    "SignIn",
    "SplitLook",
    "Suppression",
    "Tick",
    "Token",
    "Touch",
    "WebSession",
    "WebhookCall",
    "ZoneOffset",
]
