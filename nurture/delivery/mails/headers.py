"""Header values: what may stand in one, and how it is spelt on the wire.

Everything a person or a lead wrote goes through `safe_header` before it comes near a header.
That a value holds no line break is not enough: an encoded-word (RFC 2047) can hide one, and mail
libraries have been known to decode it and write it out.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from collections.abc import Collection
from email.headerregistry import Address
from functools import lru_cache

from nurture.ledger.address import NormalAddress
from nurture.ledger.errors import RenderFailed

LONGEST_VALUE = 500
"""Characters of one header value as people write it."""
LONGEST_WORD = 75
"""RFC 2047 §2: an encoded-word has at most 75 characters, a line holding one at most 76."""

_LINE = 76
# RFC 2047 §5 (3): what may stand bare in a Q-encoded phrase.
_BARE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = ["_" if byte == 32 else chr(byte) if byte in _BARE else f"={byte:02X}" for byte in range(256)]


class HeaderRefused(RenderFailed):
    """A value that must not stand in a header; the text says which and why."""


def safe_header(value: str, *, what: str = "The header", longest: int = LONGEST_VALUE) -> str:
    """The value on one line: NFC, spaces joined, without control, format and surrogate characters.

    Bidirectional controls count as format characters and go; so do the joiners inside some emoji.
    Raises `HeaderRefused` for an encoded-word in the text and for a value beyond `longest`.
    """
    plain = value.isascii() and value.isprintable()
    clean = " ".join(value.split()) if plain else _visible(value)
    if len(clean) > longest:
        raise HeaderRefused(f"{what} is {len(clean)} characters long, {longest} is the most.")
    if "?=" in clean[clean.find("=?") + 2 :] and "=?" in clean:
        raise HeaderRefused(f"{what} holds “=?…?=”, which mail programs decode: write it out.")
    return clean


def _visible(value: str) -> str:
    spaced = "".join(" " if c.isspace() else c for c in value)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return " ".join(unicodedata.normalize("NFC", kept).split())


def display_name(name: str, *, brands: Collection[str] = ()) -> str:
    """A name fit to stand before an address; empty if there is none.

    Raises `HeaderRefused` for names that look like an address or pass for one of `brands`
    (our own names and domains: given for what leads wrote, not for our own senders).
    """
    clean = safe_header(name, what="The name", longest=200)
    if not {"@", "<", ">"}.isdisjoint(clean):
        raise HeaderRefused("The name holds @, < or >, as if it were an address.")
    folded = _skeleton(clean)
    if any(mark and mark in folded for mark in map(_skeleton, brands)):
        raise HeaderRefused("The name passes for our own.")
    return clean


def _skeleton(text: str) -> str:
    """Letters and digits alone, wide and styled forms folded: what a quick reader sees."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def mailbox(address: NormalAddress, name: str = "", *, brands: Collection[str] = ()) -> str:
    """`Name <local@domain>` ready for the wire, lines folded. Raises `HeaderRefused`."""
    clean = display_name(name, brands=brands) if name else ""
    if clean.isascii() and len(clean) <= LONGEST_WORD - 2:
        return str(Address(clean, address.local, address.domain))
    bare = Address("", address.local, address.domain)
    return f"{encoded_words(clean, used=5)}\r\n <{bare}>"


def lead_mailbox(address: NormalAddress, name: str, *, brands: Collection[str]) -> str:
    """As `mailbox`, and the bare address for a name we will not print: the mail still goes."""
    try:
        return mailbox(address, name, brands=brands)
    except HeaderRefused:
        return mailbox(address)


def unstructured(name: str, value: str) -> str:
    """A Subject or the like, encoded and folded for a header called `name`.

    Plain text stays plain when it fits on lines of 76; else the whole becomes encoded-words.
    """
    clean = safe_header(value, what=f"The {name.lower()}")
    used = len(name) + 2
    if clean.isascii():
        if used + len(clean) <= _LINE:
            return clean
        if max(map(len, clean.split(" "))) <= _LINE - used:
            return _folded(clean, used)
    return encoded_words(clean, used=used)


def _folded(text: str, used: int) -> str:
    lines, width = [""], used
    for word in text.split(" "):
        if width + len(word) >= _LINE and lines[-1]:
            lines.append("")
            width = 1
        lines[-1] += f" {word}" if lines[-1] else word
        width += len(word) + 1
    return "\r\n ".join(lines)


@lru_cache(maxsize=4096)
def encoded_words(text: str, *, used: int) -> str:
    """`text` as RFC 2047 encoded-words in UTF-8, the first line `used` characters in already.

    No character is split over two words; the shorter of Q and B is taken for the whole.
    """
    in_q = sum(len(_Q[byte]) for byte in text.encode()) <= 4 * len(text.encode()) / 3
    words: list[str] = []
    room = LONGEST_WORD - used
    piece = ""
    for character in text:
        if piece and len(_word(piece + character, in_q=in_q)) > room:
            words.append(_word(piece, in_q=in_q))
            piece, room = "", LONGEST_WORD
        piece += character
    words.append(_word(piece, in_q=in_q))
    return "\r\n ".join(words)


def _word(piece: str, *, in_q: bool) -> str:
    data = piece.encode()
    if in_q:
        return f"=?utf-8?q?{''.join(_Q[byte] for byte in data)}?="
    return f"=?utf-8?b?{b64encode(data).decode()}?="


def url_header(urls: Collection[str]) -> str:
    """URIs in angle brackets on one line (RFC 2369), whatever their length up to the wire's limit.

    Never folded and never encoded: mail programs read one-click unsubscribe byte by byte.
    """
    for url in urls:
        if not url.isascii() or not url.isprintable() or not {" ", "<", ">", ","}.isdisjoint(url):
            raise HeaderRefused("A link of the header holds characters a link cannot hold.")
    value = ", ".join(f"<{url}>" for url in urls)
    if len(value) > 950:  # RFC 5322 §2.1.1: 998 to a line, with its name
        raise HeaderRefused(f"The links of a header are {len(value)} characters, 950 is the most.")
    return value
