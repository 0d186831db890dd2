"""The writer of notices: templates/notices in the sandbox, signed links, the mail's bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handoff.telling.letters import Chat, NoticeLetter
from handoff.wording import unlinked
from nurture.delivery.mails import links
from nurture.delivery.mails.compose import Letter, Skeleton, compose, message_id, skeleton
from nurture.delivery.mails.headers import lead_mailbox
from nurture.delivery.mails.press import Written
from nurture.delivery.rendering.plain import plain_template
from nurture.delivery.rendering.sandbox import Sandbox, sandbox
from nurture.delivery.rendering.sandbox import Template as Compiled
from nurture.language.compiled.definitions import Definitions, Template
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused, LinkInvalid, RenderFailed

PURPOSES = {
    "accept": "handoff accept",
    "reject": "handoff reject",
    "touch": "handoff touch",
    "snooze": "handoff snooze",
    "give": "handoff give",
    "page": "handoff page",
}
"""A salt a verb: a link to look never accepts.  Tokens carry (handoff, generation)."""
CHAT = ".chat"
"""What the name of a notice's form for channels ends in: `offered.chat.txt`."""


@dataclass(frozen=True)
class _Form:
    subject: Compiled
    html: Compiled
    text: Compiled
    skeleton: Skeleton


@dataclass
class NoticePress:
    """Writes notices; call it with a letter.

    `templates` are those of templates/notices by name, `keys` sign links (the newest last), `now`
    dates the mails.
    """

    definitions: Definitions
    templates: Mapping[str, Template]
    keys: tuple[bytes, ...]
    now: datetime
    _forms: dict[str, _Form] = field(default_factory=dict)
    _chats: dict[str, tuple[Compiled, Compiled]] = field(default_factory=dict)
    _html: Sandbox = field(default_factory=lambda: sandbox(html=True))
    _plain: Sandbox = field(default_factory=lambda: sandbox(html=False))

    def __call__(self, letter: NoticeLetter) -> Written:
        """The mail of a letter; RenderFailed says what is wrong with it."""
        form = self._form(letter.template)
        values = letter.values | {"links": self._links(letter)}
        subject = " ".join(form.subject.render(values).split())
        sender = normal_address(self.definitions.workspace.sender.address)
        identity = message_id(
            self.keys[0], enrolment=0, step=f"notice:{letter.key}", occurrence=1,
            domain=sender.domain,
        )  # fmt: skip
        try:
            to = normal_address(letter.recipient)
        except AddressRefused as error:
            raise RenderFailed(f"handoff.yaml: {error}") from error
        content = compose(
            form.skeleton,
            Letter(
                to=lead_mailbox(to, self._name(letter), brands=()),
                subject=subject,
                date=self.now,
                message_id=identity,
                text=form.text.render(values),
                html=form.html.render(values),
            ),
        )
        return Written(letter.message, to.text, sender.text, subject, identity, content)

    def chat(self, letter: NoticeLetter) -> Chat:
        """The letter in the form for channels: its facts can neither call anybody nor lead away."""
        title, text = self._chat(letter.template)
        values = unlinked(letter.values) | {"links": self._links(letter)}
        return Chat(
            " ".join(title.render(values).split()),
            "\n".join(line.rstrip() for line in text.render(values).strip().splitlines()),
        )

    def office(self, name: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
        """(subject, text, html) of a mail about no lead in particular: a digest, a sign-in."""
        form = self._form(name)
        subject = " ".join(form.subject.render(values).split())
        return subject, form.text.render(values), form.html.render(values)

    def _chat(self, name: str) -> tuple[Compiled, Compiled]:
        if name not in self._chats:
            template = self.templates.get(f"{name}{CHAT}")
            if template is None:
                raise RenderFailed(f"the notice {name} has no form for channels: {name}{CHAT}.txt")
            self._chats[name] = (
                self._plain.compile(template.subject, name=f"{template.name} subject"),
                self._plain.compile(template.text, name=template.name),
            )
        return self._chats[name]

    def _name(self, letter: NoticeLetter) -> str:
        people = (letter.values["rep"], letter.values["manager"])
        return next((who["name"] for who in people if who["email"] == letter.recipient), "")

    def _links(self, letter: NoticeLetter) -> dict[str, str]:
        base = self.definitions.workspace.base_url.rstrip("/")
        ids = (letter.handoff, letter.generation)
        return {
            verb: f"{base}/h/{links.sign(self.keys, purpose, *ids)}"
            for verb, purpose in PURPOSES.items()
        }

    def _form(self, name: str) -> _Form:
        if name not in self._forms:
            template = self.templates.get(name)
            if template is None:
                raise RenderFailed(f"there is no notice {name}: see templates/notices")
            self._forms[name] = self._prepare(template)
        return self._forms[name]

    def _prepare(self, template: Template) -> _Form:
        sender = self.definitions.workspace.sender
        return _Form(
            subject=self._plain.compile(template.subject, name=f"{template.name} subject"),
            html=self._html.compile(template.html, name=template.name),
            text=self._plain.compile(
                template.text or plain_template(template.html), name=f"{template.name} text"
            ),
            skeleton=skeleton(
                step=f"notice {template.name}",
                sender=normal_address(sender.address),
                sender_name=sender.name,
                one_click=False,
            ),
        )


def read(keys: tuple[bytes, ...], token: str) -> tuple[str, int, int]:
    """(verb, handoff, generation) of a token of `/h/<token>`; raises LinkInvalid."""
    for verb, purpose in PURPOSES.items():
        try:
            found = links.read(keys, purpose, token)
        except LinkInvalid:
            continue
        if len(found) == 2:
            return verb, found[0], found[1]
    raise LinkInvalid("This link is not valid.")
