"""nurture.yaml: brand, sender, fields, calendars, topics, caps, windows, delivery."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nurture.calendar.errors import HolidaysUnknown
from nurture.calendar.holidays import days_off
from nurture.language.files.channels import ChannelModel, QuietHours
from nurture.language.files.outside import Webhooks
from nurture.language.files.sequence import Exit, Snippets, Timing
from nurture.language.grammar.condition_fields import ConditionField, Segments
from nurture.language.grammar.conditions import FieldType
from nurture.language.grammar.models import (
    Address,
    Count,
    Day,
    Days,
    Elapsed,
    Hours,
    Model,
    Name,
    Names,
    Url,
    Zone,
)
from nurture.language.text.faults import fault

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
"""Hosts whose links may do without https: a rehearsal on this machine has none to offer."""


class Sender(Model):
    """Who the mail is from; `postal` is the address the law wants in every mail."""

    name: str
    address: Address
    reply_to: Address | None = None
    postal: str


class Caps(Model):
    """The most nurture mails a lead gets in one of its own days, in seven of them that end with
    today, and the least time from one to the next."""

    per_day: Count | None = None
    per_week: Count | None = None
    minimum_gap: Elapsed | None = None


class Topic(Model):
    """Something a lead can be written to about.  `default`: may we, before the lead says so?
    `caps` are of its mails alone.  `promise`: at least so often we write about it."""

    name: str
    description: str = ""
    default: Literal["subscribed", "unsubscribed"] = "subscribed"
    caps: Caps = Caps()
    promise: Elapsed | None = None


class Holidays(Model):
    """Public holidays of a country (ISO code), optionally of one subdivision."""

    country: str
    subdivision: str | None = None

    @model_validator(mode="after")
    def _exists(self) -> Holidays:
        try:
            days_off(self.country, self.subdivision, ())
        except HolidaysUnknown as error:
            raise fault("unknown-holidays", str(error)) from error
        return self


class CalendarModel(Model):
    """When an office is open.  `closed` are own days off, `"YYYY-MM-DD"`."""

    days: Days = "mon-fri"
    hours: Hours = "00:00-24:00"
    holidays: Holidays | None = None
    closed: tuple[Day, ...] = ()


class Smtp(Model):
    """Where mail goes; user and password come from the environment only."""

    host: str
    port: Annotated[Count, Field(le=65535)] = 587
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    connections: Annotated[Count, Field(le=16)] = 2


class Delivery(Model):
    """`maildir` (default: `.nurture/maildir`) until an SMTP host is named."""

    maildir: str = ".nurture/maildir"
    smtp: Smtp | None = None


class Intake(Model):
    """Sources whose engagements may create leads they carry the address of."""

    may_create_leads: Names = ()


class Defaults(Model):
    """What every sequence has that does not say otherwise."""

    topic: str | None = None
    exit: tuple[Exit, ...] = ()
    goal: ConditionField | None = None
    goal_within: Elapsed | None = None
    timing: Timing | None = None
    with_sales: Literal["skip", "send"] | None = None


class Workspace(Model):
    """nurture.yaml, whole."""

    brand: str
    sender: Sender
    base_url: Url
    zone: Zone = "UTC"
    database: str = "sqlite:///.nurture/nurture.db"
    fields: dict[str, FieldType] = {}
    events: Names = ()
    """Kinds of engagement of the workspace's own, beside those every workspace knows."""
    calendars: dict[Name, CalendarModel] = {}
    topics: dict[Name, Topic]
    segments: Segments = {}
    snippets: Snippets = {}
    defaults: Defaults = Defaults()
    caps: Caps = Caps()
    quiet_hours: QuietHours | None = None
    delivery: Delivery = Delivery()
    intake: Intake = Intake()
    webhooks: Webhooks = Webhooks()
    channels: dict[Name, ChannelModel] = {}
    admin: Address | None = None
    """Who is told when a channel or the CRM is out of order, or the brake of handoffs holds."""
