"""The office's own mail (a digest, an alarm) composed and handed to the workspace's transport."""

from __future__ import annotations

from html import escape

from handoff.telling.notifier import Telling
from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.transport import ChannelFailed, Outgoing, Transport
from nurture.delivery.mails.compose import Letter, compose, skeleton
from nurture.delivery.mails.headers import lead_mailbox
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused
from nurture.webhooks.port import Answer

PLAIN = (
    '<!doctype html><html><head><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark"></head><body style="font-family:-apple-system,'
    "'Segoe UI',Helvetica,Arial,sans-serif;font-size:16px;line-height:24px;max-width:560px;"
    'margin:24px auto;padding:0 16px">{}</body></html>'
)


def send_mail(transport: Transport, definitions: Definitions, telling: Telling) -> Answer:
    """Send one mail, the same bytes at every try; a definite no is `failed`, all else `again`."""
    try:
        data = compose_mail(definitions, telling)
    except AddressRefused as error:
        return Answer("failed", 0, str(error))
    sender = normal_address(definitions.workspace.sender.address)
    mail = Outgoing(0, sender.text, telling.recipient, data)
    try:
        with transport.open() as connection:
            (reply,) = exchange([connection], [mail])
    except ChannelFailed as failure:
        return Answer("again", failure.code, str(failure))
    verdict = {"sent": "done", "rejected": "failed"}.get(reply.verdict, "again")
    return Answer(verdict, reply.code, reply.text)  # type: ignore[arg-type]


def compose_mail(definitions: Definitions, telling: Telling) -> bytes:
    """The mail of a telling, dated when it was written; its Message-ID is its identity."""
    sender = definitions.workspace.sender
    address, to = normal_address(sender.address), normal_address(telling.recipient)
    paragraphs = (
        f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in telling.text.split("\n\n")
    )
    return compose(
        skeleton(step="office", sender=address, sender_name=sender.name, one_click=False),
        Letter(
            to=lead_mailbox(to, "", brands=()),
            subject=telling.title,
            date=telling.at,
            message_id=f"<{telling.identity}@{address.domain}>",
            text=telling.text,
            html=telling.html or PLAIN.format("".join(paragraphs)),
        ),
    )
