"""Which way mail goes: into the workspace's Maildir until an SMTP host is named and applied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from nurture.delivery.carriers.greeting import SmtpSettings, Tls
from nurture.delivery.carriers.maildir import MaildirTransport
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.carriers.transport import Connection, Transport
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.workspace import Delivery, Smtp
from nurture.ledger.errors import NotFound

TLS: dict[str, Tls] = {"starttls": "required", "tls": "implicit", "none": "off"}


@dataclass(frozen=True)
class AppliedTransport:
    """Asks at every `open` what is applied, so that an apply takes effect without a restart."""

    folder: Path
    settings: Settings
    definitions: Callable[[], Definitions]

    def open(self) -> AbstractContextManager[Connection]:
        """A connection through what is applied now.  Raises ChannelFailed."""
        delivery = self.definitions().workspace.delivery
        return transport_for(delivery, self.folder, self.settings).open()

    def connections(self) -> int:
        """How many connections to send over; one while nothing is applied, or into a Maildir."""
        try:
            smtp = self.definitions().workspace.delivery.smtp
        except NotFound:
            return 1
        return smtp.connections if smtp else 1


def transport_for(delivery: Delivery, folder: Path, settings: Settings) -> Transport:
    """The transport a workspace names."""
    if delivery.smtp is not None:
        return SmtpTransport(smtp_settings(delivery.smtp, settings))
    return MaildirTransport(folder / delivery.maildir)


def smtp_settings(smtp: Smtp, settings: Settings, *, timeout: float = 60.0) -> SmtpSettings:
    """The server of nurture.yaml with the user and password of the environment."""
    return SmtpSettings(
        smtp.host,
        smtp.port,
        tls=TLS[smtp.encryption],
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        timeout=timeout,
    )
