"""Writing mails: what is the same for a step is prepared once, then each lead costs a rendering.

Templates see plain values only, never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nurture.delivery.mails import links
from nurture.delivery.mails.compose import Letter, Skeleton, compose, message_id, skeleton
from nurture.delivery.mails.headers import lead_mailbox
from nurture.delivery.mails.tracking import pixel_and_click, track
from nurture.delivery.mails.voices import Voice, sends_of_their_own, usual, voice_of
from nurture.delivery.rendering.plain import plain_template
from nurture.delivery.rendering.sandbox import Checked, Sandbox, sandbox
from nurture.delivery.rendering.sandbox import Template as Compiled
from nurture.language.compiled.definitions import Definitions, Template
from nurture.ledger.address import NormalAddress
from nurture.ledger.errors import RenderFailed

STANDARD = (
    "first_name", "last_name", "email", "company", "job_title", "phone", "country", "language",
)  # fmt: skip
OWN_LINKS = ("unsubscribe_url",)


@dataclass(frozen=True)
class Head:
    """What a mail begins with: its subject and the skeleton of its bytes, from whom."""

    subject: Compiled
    skeleton: Skeleton
    voice: Voice


@dataclass(frozen=True)
class Form:
    """One template, ready: compiled parts, and the head its mails have unless a step says more."""

    template: Template
    head: Head
    preheader: Compiled
    html: Compiled
    text: Compiled


@dataclass(frozen=True)
class Written:
    """A mail as it will go: bytes frozen from here on."""

    id: int
    recipient: str
    sender: str
    subject: str
    message_id: str
    content: bytes
    voice: str = ""


@dataclass
class Press:
    """Prepares templates and writes mails for one set of definitions.

    `keys` sign links (the newest last); `link_id` keeps a tracked address and returns its number.
    """

    definitions: Definitions
    keys: tuple[bytes, ...]
    link_id: Callable[[str], int]
    _forms: dict[str, Form] = field(default_factory=dict)
    _heads: dict[tuple[str, str, Voice], Head] = field(default_factory=dict)
    _html: Sandbox = field(default_factory=lambda: sandbox(html=True))
    _plain: Sandbox = field(default_factory=lambda: sandbox(html=False))

    def __post_init__(self) -> None:
        workspace = self.definitions.workspace
        self.voice = usual(workspace.sender)
        self.sends = sends_of_their_own(self.definitions)
        self.constants: dict[str, Any] = {
            "brand": workspace.brand,
            "base_url": workspace.base_url,
            "sender": {"name": workspace.sender.name, "postal": workspace.sender.postal},
        }

    def form(self, name: str) -> Form:
        """The prepared template; RenderFailed says what is wrong with it."""
        if name not in self._forms:
            template = self.definitions.templates.get(name)
            if template is None:
                raise RenderFailed(f"there is no template {name} in what was applied")
            self._forms[name] = self._prepare(template)
        return self._forms[name]

    def _prepare(self, template: Template) -> Form:
        html = track(template.html, link_id=self.link_id, own=OWN_LINKS, name=template.name)
        text = template.text or plain_template(template.html)
        return Form(
            template=template,
            head=self._head(template, template.subject, self.voice),
            preheader=self._plain.compile(template.preheader, name=f"{template.name} preheader"),
            html=self._html.compile(html, name=template.name),
            text=self._plain.compile(text, name=f"{template.name} text"),
        )

    def _head(self, template: Template, subject: str, voice: Voice) -> Head:
        """A head, made once for a template, a subject and a voice."""
        key = (template.name, subject, voice)
        if key not in self._heads:
            self._heads[key] = Head(
                subject=self._plain.compile(subject, name=f"{template.name} subject"),
                skeleton=skeleton(
                    step=template.name,
                    sender=voice.address,
                    sender_name=voice.name,
                    reply_to=voice.reply_to,
                    list_id=f"{template.topic or template.name}.{self.voice.address.domain}",
                    one_click=True,
                ),
                voice=voice,
            )
        return self._heads[key]

    def _head_of(self, form: Form, row: Mapping[str, Any]) -> Head:
        """The head of one mail: its template's, or what its step says instead."""
        step = self.sends.get((row.get("definition_id", 0), row["step"]))
        if step is None:
            return form.head
        subject = dict(step.subjects).get(row["variant"], form.template.subject)
        return self._head(form.template, subject, voice_of(step, row, self.voice))

    def write(self, row: Mapping[str, Any], *, now: datetime) -> Written:
        """The mail of one claimed row (message and lead columns, see `deliver`).

        Raises RenderFailed with the reason; nothing else is affected.
        """
        form = self.form(row["template"])
        head = self._head_of(form, row)
        number = row["id"]
        unsubscribe = f"{self._base}/u/{links.sign(self.keys, 'unsubscribe', number)}"
        values = Checked(self._values(row) | self._tracking(number))
        values["unsubscribe_url"] = unsubscribe
        values["subject"] = subject = " ".join(head.subject.render(values).split())
        values["preheader"] = form.preheader.render(values)
        recipient = _stored(row["email"])
        name = f"{row['first_name']} {row['last_name']}".strip()
        identity = self.identity(row)
        letter = Letter(
            to=lead_mailbox(recipient, name, brands=(self.constants["brand"],)),
            subject=subject,
            date=now,
            message_id=identity,
            text=form.text.render(values),
            html=form.html.render(values),
            unsubscribe=(unsubscribe,),
        )
        content = compose(head.skeleton, letter)
        sender = head.voice.address.text
        return Written(
            number, recipient.text, sender, subject, identity, content, head.voice.said
        )

    def identity(self, row: Mapping[str, Any]) -> str:
        """The Message-ID of a row's mail: the same whenever it is written."""
        return message_id(
            self.keys[0],
            enrolment=row["enrolment_id"],
            step=row["step"],
            occurrence=row["occurrence"],
            domain=self.voice.address.domain,
        )

    @property
    def _base(self) -> str:
        return str(self.constants["base_url"]).rstrip("/")

    def _tracking(self, number: int) -> dict[str, str]:
        return pixel_and_click(
            self._base,
            click_token=links.sign(self.keys, "click", number),
            open_token=links.sign(self.keys, "open", number),
        )

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What templates see: plain values, own fields without a value as ''."""
        lead = dict.fromkeys(self.definitions.workspace.fields, "")
        lead |= row["attributes"]
        lead |= {name: row[name] or "" for name in STANDARD}
        return {**self.constants, "lead": lead}


def _stored(email: str) -> NormalAddress:
    """An address as the ledger keeps it: normal already."""
    local, _, domain = email.rpartition("@")
    return NormalAddress(local, domain)
