"""The bytes of a mail, from a skeleton per step and a letter per lead.

Everything that is the same for all leads of a step is spelt once, in the skeleton; a letter then
costs an encoding of its two parts and a few joins.  The result is 7-bit (but for addresses that
need SMTPUTF8), ends every line in CRLF, and is checked against what was meant before anybody can
send it: a value that slipped past every check before still cannot add a header or a part.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from binascii import b2a_base64, b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from nurture.delivery.carriers import lines
from nurture.delivery.mails.headers import (
    HeaderRefused,
    mailbox,
    safe_header,
    unstructured,
    url_header,
)
from nurture.language.files.workspace import THIS_MACHINE
from nurture.ledger.address import NormalAddress
from nurture.ledger.errors import RenderFailed

_ONE_CLICK = "List-Unsubscribe=One-Click"
_NAMES = re.compile(rb"(?:\A|\r\n)([^ \t][^:\r\n]*)")  # of headers, past folded lines
_BASE64_CHUNK = 57  # octets that make a line of 76
_LONGEST_KEPT = 4096  # characters of a line whose encoding is remembered


class ComposedWrong(RenderFailed):
    """The bytes are not what was meant; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What differs from lead to lead. `to` comes from `headers.lead_mailbox`, folded and safe.

    `date` is aware; `unsubscribe` are the addresses of List-Unsubscribe, one https link among
    them (RFC 8058), or empty for a mail nobody can unsubscribe from, such as a notice to a rep.
    """

    to: str
    subject: str
    date: datetime
    message_id: str
    text: str
    html: str
    unsubscribe: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What all mails of one step share, made by `skeleton`."""

    first: str
    rest: str
    boundary: str
    names: tuple[bytes, ...]
    one_click: bool


def skeleton(
    *,
    step: str,
    sender: NormalAddress,
    sender_name: str = "",
    reply_to: NormalAddress | None = None,
    list_id: str = "",
    one_click: bool,
) -> Skeleton:
    """The skeleton of the mails of `step`, a name that only has to differ from other steps'.

    `list_id` is a domain-like identifier (RFC 2919), `one_click` says that its mails carry
    List-Unsubscribe. Raises `HeaderRefused`.
    """
    first = f"From: {mailbox(sender, sender_name)}\r\n"
    # "=_" occurs neither in quoted-printable nor in base64 (RFC 2045 §6.7), so no body can
    # hold the boundary, whatever it says.
    boundary = f"=_{hashlib.sha256(step.encode()).hexdigest()[:24]}_="
    rest = [f"Reply-To: {mailbox(reply_to)}"] if reply_to else []
    if list_id:
        rest.append(f"List-Id: <{_identifier(list_id)}>")
    rest += ["Auto-Submitted: auto-generated", "MIME-Version: 1.0"]
    rest.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    names = ["From", "To", "Subject", "Date", "Message-ID"]
    names += ["List-Unsubscribe", "List-Unsubscribe-Post"] if one_click else []
    names += [line.partition(":")[0] for line in rest]
    return Skeleton(
        first=first,
        rest="\r\n".join(rest),
        boundary=boundary,
        names=tuple(name.encode() for name in names),
        one_click=one_click,
    )


def _identifier(list_id: str) -> str:
    clean = safe_header(list_id, what="The list's identifier", longest=200)
    if not clean.isascii() or not {" ", "<", ">"}.isdisjoint(clean):
        raise HeaderRefused("The list's identifier is not like a domain: news.example.test")
    return clean


def compose(skeleton: Skeleton, letter: Letter) -> bytes:
    """The mail ready for the wire, its structure checked (`assert_as_meant`).

    Raises `HeaderRefused` for values no header may hold, `ComposedWrong` if the bytes are not
    as meant.
    """
    head = [
        f"{skeleton.first}To: {letter.to}",
        f"Subject: {unstructured('Subject', letter.subject)}",
        f"Date: {_date(letter.date.replace(microsecond=0))}",
        f"Message-ID: {letter.message_id}",
    ]
    if skeleton.one_click != bool(letter.unsubscribe):
        raise HeaderRefused("A mail of this step needs an unsubscribe link, and only then has one.")
    if skeleton.one_click:
        if not any(url.startswith("https://") for url in letter.unsubscribe):
            _loopback_only(letter.unsubscribe)
        head.append(f"List-Unsubscribe: {url_header(letter.unsubscribe)}")
        head.append(f"List-Unsubscribe-Post: {_ONE_CLICK}")
    head.append(skeleton.rest)
    mark = f"--{skeleton.boundary}".encode()
    data = b"".join((
        "\r\n".join(head).encode(),
        b"\r\n\r\n", mark, b"\r\n", _part("plain", letter.text),
        b"\r\n", mark, b"\r\n", _part("html", letter.html),
        b"\r\n", mark, b"--\r\n",
    ))  # fmt: skip
    assert_as_meant(data, skeleton)
    return data


def _loopback_only(urls: Sequence[str]) -> None:
    """RFC 8058 wants https."""
    if not any(urlsplit(url).hostname in THIS_MACHINE for url in urls):
        raise HeaderRefused("One-click unsubscribe needs a link that begins with https://.")


@lru_cache(maxsize=64)
def _date(when: datetime) -> str:
    return format_datetime(when.astimezone(UTC))


def _part(subtype: str, text: str) -> bytes:
    """One part with its headers: quoted-printable, or base64 where that is shorter."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    encoding, octets = b"quoted-printable", len(text)
    body = b"\r\n".join(map(_line, text.split("\n")))
    if not text.isascii():
        octets = len(text.encode("utf-8", "replace"))
    if len(body) > octets * 1.4:
        encoding, body = b"base64", _base64(text.encode("utf-8", "replace").replace(b"\n", b"\r\n"))
    return b"".join((
        b"Content-Type: text/", subtype.encode(), b"; charset=utf-8\r\n",
        b"Content-Transfer-Encoding: ", encoding, b"\r\n\r\n", body,
    ))  # fmt: skip


def _line(line: str) -> bytes:
    """A line in quoted-printable.  Most lines of a mail are the same for every lead of its step."""
    return _kept_line(line) if len(line) <= _LONGEST_KEPT else _encoded_line(line)


def _encoded_line(line: str) -> bytes:
    return b2a_qp(line.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


_kept_line = lru_cache(maxsize=2048)(_encoded_line)


def _base64(raw: bytes) -> bytes:
    rows = (
        b2a_base64(raw[at : at + _BASE64_CHUNK], newline=False)
        for at in range(0, len(raw), _BASE64_CHUNK)
    )
    return b"\r\n".join(rows)


def assert_as_meant(data: bytes, skeleton: Skeleton) -> None:
    """The cheap check of every mail: `ComposedWrong` unless its structure is the skeleton's.

    It looks at what any reader must agree on: the header block ends at the first empty line; its
    names are the intended ones in order; no CR or LF stands alone; the boundary stands exactly
    four times.
    """
    if tuple(_NAMES.findall(data, 0, data.find(b"\r\n\r\n"))) != skeleton.names:
        raise ComposedWrong("The mail's headers are not the intended ones: it was not sent.")
    if not lines.whole(data) or b"\0" in data:
        raise ComposedWrong("The mail holds a bare line break: it was not sent.")
    if data.count(skeleton.boundary.encode()) != 4:
        raise ComposedWrong("The mail's parts are not the intended ones: it was not sent.")


def message_id(key: bytes, *, enrolment: int, step: str, occurrence: int, domain: str) -> str:
    """The mail's Message-ID: the same for every attempt, unguessable, and naming nobody.

    160 bits of an HMAC-SHA-256 over the send's own key, in base32, at the sending domain.
    """
    said = f"{enrolment}|{step}|{occurrence}".encode()
    mark = b32encode(hmac.digest(key, said, "sha256")[:20]).decode().lower()
    return f"<{mark}@{domain}>"
