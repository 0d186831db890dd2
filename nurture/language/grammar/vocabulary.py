"""The words the language knows by itself: fields, kinds of engagement, lifecycles, subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nurture.language.grammar.conditions import Condition, FieldType
from nurture.language.text.tree import Entry

LIFECYCLES = (
    "subscriber", "lead", "mql", "sal", "sql", "opportunity", "customer", "recycled",
    "disqualified",
)  # fmt: skip

LEAD_FIELDS: Mapping[str, FieldType] = {
    "email": "text",
    "external_id": "text",
    "first_name": "text",
    "last_name": "text",
    "company": "text",
    "job_title": "text",
    "phone": "text",
    "country": "text",
    "language": "text",
    "timezone": "text",
    "created_at": "date",
}
"""What every lead has, beside `lifecycle` and `tags`, which are subjects of their own."""

WRITABLE_FIELDS = tuple(
    name for name in LEAD_FIELDS if name not in ("email", "external_id", "created_at")
)
"""The lead's own columns an `update` step may set (its identity and its birth stay)."""

EVENTS: Mapping[str, str] = {
    "email_opened": "a mail of ours was opened, as far as pictures tell",
    "email_clicked": "a link in a mail of ours was followed",
    "email_replied": "the lead answered a mail",
    "email_bounced": "a mail came back",
    "email_complained": "the lead reported a mail as spam",
    "unsubscribed": "the lead does not want our mail any more",
    "subscribed": "the lead asked for our mail",
    "page_viewed": "a page of the web site was read",
    "form_submitted": "a form was filled in",
    "content_downloaded": "a paper, a price list or the like was taken",
    "video_watched": "a video was watched",
    "chat_started": "the lead wrote in the chat of the web site",
    "search_performed": "the lead searched the web site",
    "webinar_registered": "the lead signed up for a webinar",
    "webinar_attended": "the lead came to a webinar",
    "event_attended": "the lead came to a fair, a workshop or the like",
    "survey_answered": "the lead answered a survey",
    "trial_started": "a trial of the product began",
    "trial_expired": "a trial of the product ended",
    "product_used": "the lead did something in the product",
    "user_invited": "the lead brought a colleague into the product",
    "demo_requested": "the lead asked for a demonstration",
    "demo_booked": "a demonstration has a date",
    "demo_attended": "the lead came to the demonstration",
    "meeting_booked": "a meeting with sales has a date",
    "quote_requested": "the lead asked for a price",
    "order_placed": "the lead ordered",
    "payment_failed": "a payment did not go through",
    "subscription_cancelled": "the lead ended a paid plan",
    "call_answered": "the lead was reached by phone",
    "webhook_succeeded": "a call of ours to another system was taken",
    "webhook_failed": "a call of ours to another system was refused, or never answered",
    "sales_touched": "sales got in touch for the first time or again",
}
"""Kinds of engagement every workspace knows, and what happened.  More: `events:`."""

NOTICES = ("warm",)
"""Notices of the program that are about a lead nobody in sales has: a step may ask for them."""
TOLD_NOTICES = ("offered", "reminder", "manager-late", "given", "recycled")
"""Notices of handoffs, which channels may be told."""
SHIPPED_NOTICES = (*NOTICES, *TOLD_NOTICES)
"""Every notice of the program; one of a workspace with such a name stands in its place."""

SUBJECTS = (
    "all", "any", "not", "score", "behaviour", "fit", "grade", "lifecycle", "tags", "topic",
    "sequence", "handoff", "event", "segment",
)  # fmt: skip
"""Words at the head of a condition that are not lead fields."""

HANDOFF_STATES = (
    "open", "offered", "accepted", "working", "rejected", "recycled", "won", "lost", "lapsed",
)  # fmt: skip
"""What a handoff can be; `open` stands for the three in which the lead is with sales."""
OPERATORS = (
    "at_least", "at_most", "above", "below", "between", "contains", "starts_with", "matches",
    "before", "after", "within", "known",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """The names a workspace declares, against which conditions are read.

    With `strict` an unknown name is a problem.  Without it (sources that were accepted once
    and are loaded again) an unknown field is read as an attribute of the type its test needs.
    """

    fields: Mapping[str, FieldType] = field(default_factory=dict)
    events: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    sequences: frozenset[str] = frozenset()
    grades: tuple[str, ...] = ()
    """Those of scoring.yaml, the best first."""
    segments: Mapping[str, Condition] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    """The segments as they are written."""
    snippets: Mapping[str, Entry] = field(default_factory=dict)
    defaults: Mapping[str, Entry] = field(default_factory=dict)
    """What every sequence has that does not say otherwise."""
    strict: bool = True

    @property
    def all_events(self) -> list[str]:
        """Every kind of engagement that may be named, built in or the workspace's own."""
        return [*EVENTS, *sorted(self.events)]


LENIENT = Known(strict=False)
