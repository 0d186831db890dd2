"""Opening an SMTP channel: connect, EHLO, STARTTLS, AUTH. After it, mails may be offered."""

from __future__ import annotations

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from nurture.delivery.carriers.transport import ChannelFailed, Phase
from nurture.delivery.carriers.wire import Broken, Wire, shown

Tls = Literal["required", "opportunistic", "implicit", "off"]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One server. `tls`: STARTTLS `required` (certificate checked), `opportunistic` (taken if
    offered, certificate not checked: it hinders listeners only), `implicit` TLS from the first
    byte, or `off`. A password is never sent in the clear but to this machine."""

    host: str
    port: int = 587
    tls: Tls = "required"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 60.0
    local_name: str = "localhost"
    context: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """An open channel and what its server offers."""

    wire: Wire
    offers: Mapping[str, str]

    @property
    def pipelining(self) -> bool:
        return "pipelining" in self.offers

    @property
    def smtputf8(self) -> bool:
        return "smtputf8" in self.offers

    @property
    def largest(self) -> int:
        """The most octets of one mail (RFC 1870), 0 where the server names no limit."""
        size = self.offers.get("size", "").strip()
        return int(size) if size.isdecimal() and len(size) < 16 else 0


class _Bounded(smtplib.SMTP):
    """smtplib's commands over bounded replies: its own reading may go on for ever."""

    reader: Wire | None = None

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        if self.reader is None or not self.reader.reads(self.sock):
            self.reader = Wire(self.sock, self.timeout)
        try:
            code, lines = self.reader.read_lines()
        except Broken as failure:
            raise smtplib.SMTPServerDisconnected(str(failure)) from failure
        self.sock.settimeout(self.timeout)
        return code, "\n".join(lines).encode()


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    """The same, in TLS from the first byte."""


def greet(settings: SmtpSettings) -> Session:
    """An open, secured and signed-in session. Raises `ChannelFailed` with phase and reason."""
    phase: Phase = "connect"
    client: _Bounded | None = None
    try:
        client = _connected(settings)
        phase = "ehlo"
        client.ehlo_or_helo_if_needed()
        phase = "starttls"
        secure = settings.tls == "implicit" or _secured(client, settings)
        phase = "auth"
        if settings.user:
            _sign_in(client, settings, secure=secure)
        if client.reader is None or client.sock is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Session(client.reader, dict(client.esmtp_features))
    except (OSError, smtplib.SMTPException, ValueError) as failure:
        if client is not None:
            client.close()
        _refused(failure, phase, settings)


def _connected(settings: SmtpSettings) -> _Bounded:
    at = (settings.host, settings.port, settings.local_name)
    if settings.tls == "implicit":
        context = settings.context or ssl.create_default_context()
        return _BoundedTls(*at, timeout=settings.timeout, context=context)
    return _Bounded(*at, timeout=settings.timeout)


def _secured(client: _Bounded, settings: SmtpSettings) -> bool:
    """Turns to TLS as the settings ask; whether the channel is now closed to listeners."""
    if settings.tls == "off" or not client.has_extn("starttls"):
        if settings.tls == "required":
            raise smtplib.SMTPNotSupportedError("The server offers no STARTTLS, which is required.")
        return False
    context = settings.context or ssl.create_default_context()
    if settings.tls == "opportunistic" and settings.context is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    plain = client.reader
    client.starttls(context=context)
    if plain is not None and plain.held:
        # Words sent in the clear and read as if they had come through TLS (CVE-2024-34083's kind).
        raise smtplib.SMTPServerDisconnected("The server spoke in the clear after STARTTLS.")
    client.ehlo_or_helo_if_needed()
    return True


def _sign_in(client: _Bounded, settings: SmtpSettings, *, secure: bool) -> None:
    if not secure and settings.host not in _LOOPBACK:
        raise smtplib.SMTPNotSupportedError(
            "The connection is not encrypted: the password was not sent. Set tls: required."
        )
    client.login(settings.user, settings.password)


def _refused(failure: Exception, phase: Phase, settings: SmtpSettings) -> NoReturn:
    code, text = 0, str(failure)
    if isinstance(failure, smtplib.SMTPResponseException):
        code = max(failure.smtp_code, 0)
        said = failure.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        phase = "greeting" if isinstance(failure, smtplib.SMTPConnectError) else phase
    elif isinstance(failure, ssl.SSLError):
        phase = "starttls"
        reason = getattr(failure, "verify_message", "") or failure.reason or "no reason given"
        text = f"TLS failed: {reason}"
    elif isinstance(failure, OSError) and failure.strerror:
        text = failure.strerror
    where = f"The mail server {settings.host}:{settings.port}"
    raise ChannelFailed(
        f"{where} cannot be used ({phase}): {_without_secrets(text, settings)}",
        phase=phase,
        code=code,
    ) from None


def _without_secrets(text: str, settings: SmtpSettings) -> str:
    """A server may repeat what it was told; its words without the password in any spelling."""
    user, password = settings.user, settings.password
    if password:
        both = f"\0{user}\0{password}"
        for secret in (password, *(b64encode(s.encode()).decode() for s in (password, both))):
            text = text.replace(secret, "…")
    return shown(text)
