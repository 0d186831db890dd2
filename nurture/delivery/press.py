"""Writing mails: what is the same for a step is prepared once, then each lead costs a rendering.

Templates see plain values only, never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nurture.delivery import links
from nurture.delivery.compose import Letter, Skeleton, compose, message_id, skeleton
from nurture.delivery.headers import lead_mailbox
from nurture.delivery.plain import plain_template
from nurture.delivery.sandbox import Checked, Sandbox, sandbox
from nurture.delivery.sandbox import Template as Compiled
from nurture.delivery.tracking import pixel_and_click, track
from nurture.language.definitions import Definitions, Template
from nurture.ledger.address import NormalAddress, normal_address
from nurture.ledger.errors import RenderFailed

STANDARD = (
    "first_name", "last_name", "email", "company", "job_title", "phone", "country", "language",
)  # fmt: skip
OWN_LINKS = ("unsubscribe_url",)


@dataclass(frozen=True)
class Form:
    """One template, ready: compiled parts and the skeleton of its bytes."""

    subject: Compiled
    preheader: Compiled
    html: Compiled
    text: Compiled
    skeleton: Skeleton


@dataclass(frozen=True)
class Written:
    """A mail as it will go: bytes frozen from here on."""

    id: int
    recipient: str
    sender: str
    subject: str
    message_id: str
    content: bytes


@dataclass
class Press:
    """Prepares templates and writes mails for one set of definitions.

    `keys` sign links (the newest last); `link_id` keeps a tracked address and returns its number.
    """

    definitions: Definitions
    keys: tuple[bytes, ...]
    link_id: Callable[[str], int]
    _forms: dict[str, Form] = field(default_factory=dict)
    _html: Sandbox = field(default_factory=lambda: sandbox(html=True))
    _plain: Sandbox = field(default_factory=lambda: sandbox(html=False))

    def __post_init__(self) -> None:
        workspace = self.definitions.workspace
        self.sender: NormalAddress = normal_address(workspace.sender.address)
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
        reply_to = self.definitions.workspace.sender.reply_to
        html = track(template.html, link_id=self.link_id, own=OWN_LINKS, name=template.name)
        text = template.text or plain_template(template.html)
        return Form(
            subject=self._plain.compile(template.subject, name=f"{template.name} subject"),
            preheader=self._plain.compile(template.preheader, name=f"{template.name} preheader"),
            html=self._html.compile(html, name=template.name),
            text=self._plain.compile(text, name=f"{template.name} text"),
            skeleton=skeleton(
                step=template.name,
                sender=self.sender,
                sender_name=self.definitions.workspace.sender.name,
                reply_to=normal_address(reply_to) if reply_to else None,
                list_id=f"{template.topic or template.name}.{self.sender.domain}",
                one_click=True,
            ),
        )

    def write(self, row: Mapping[str, Any], *, now: datetime) -> Written:
        """The mail of one claimed row (message and lead columns, see `deliver`).

        Raises RenderFailed with the reason; nothing else is affected.
        """
        form = self.form(row["template"])
        number = row["id"]
        unsubscribe = f"{self._base}/u/{links.sign(self.keys, 'unsubscribe', number)}"
        values = Checked(self._values(row) | self._tracking(number))
        values["unsubscribe_url"] = unsubscribe
        values["subject"] = subject = " ".join(form.subject.render(values).split())
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
        content = compose(form.skeleton, letter)
        return Written(number, recipient.text, self.sender.text, subject, identity, content)

    def identity(self, row: Mapping[str, Any]) -> str:
        """The Message-ID of a row's mail: the same whenever it is written."""
        return message_id(
            self.keys[0],
            enrolment=row["enrolment_id"],
            step=row["step"],
            occurrence=row["occurrence"],
            domain=self.sender.domain,
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
