"""Signed links: a purpose, a few numbers, and a mark that nobody else can make.

A token says which row it is about and nothing about a person.  Every purpose has a salt of its
own, so that a link to open a picture never unsubscribes anybody.  Tokens do not age: an
unsubscribe link works for as long as its key is kept; what may be used once, or not for ever, is a
matter of the row it names.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Final

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

from nurture.ledger.errors import LinkInvalid

_MARK: Final = 18
"""Octets of the mark: 144 bits, and a multiple of three, so that base64 has no idle bits in which
two spellings of one token could differ."""
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{2,128}\.[A-Za-z0-9_-]{24}")
_SHORTEST_KEY: Final = 16


class _Marks(SigningAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return _mark(key, value)


def _mark(key: bytes, value: bytes) -> bytes:
    return hmac.digest(key, value, "sha256")[:_MARK]


def sign(keys: tuple[bytes, ...], purpose: str, *ids: int) -> str:
    """A token for `ids` (0 or more each) under the newest, the last, of `keys`."""
    said = _packed(ids)
    mark = urlsafe_b64encode(_mark(_derived(keys, purpose)[-1], said))
    return (said + b"." + mark).decode()


def read(keys: tuple[bytes, ...], purpose: str, token: str) -> tuple[int, ...]:
    """The ids of a token made for this purpose under any of `keys`.

    Raises `LinkInvalid`, which says nothing of why. The comparison takes the same time for every
    wrong mark.
    """
    if not _SHAPE.fullmatch(token):
        raise LinkInvalid("This link is not valid.")
    try:
        return _unpacked(_signer(keys, purpose).unsign(token))
    except (BadSignature, ValueError):
        raise LinkInvalid("This link is not valid.") from None


def _signer(keys: tuple[bytes, ...], purpose: str) -> Signer:
    derived = _derived(keys, purpose)
    return Signer(derived, salt=purpose, key_derivation="none", algorithm=_Marks())


@lru_cache(maxsize=256)
def _derived(keys: tuple[bytes, ...], purpose: str) -> list[bytes]:
    """A key per purpose, derived once instead of by the signer on every call."""
    if not keys or min(map(len, keys)) < _SHORTEST_KEY:
        raise ValueError(f"links are signed with keys of at least {_SHORTEST_KEY} octets")
    return [hmac.digest(key, f"nurture link:{purpose}".encode(), "sha256") for key in keys]


def _packed(ids: tuple[int, ...]) -> bytes:
    """Numbers in seven-bit groups, the lowest first, as base64 without padding."""
    out = bytearray()
    if any(number < 0 for number in ids):
        raise ValueError("links carry numbers from 0 up")
    for rest in ids:
        while rest > 0x7F:
            out.append(0x80 | rest & 0x7F)
            rest >>= 7  # noqa: PLW2901 - the number is taken apart
        out.append(rest)
    return urlsafe_b64encode(out).rstrip(b"=")


def _unpacked(packed: bytes) -> tuple[int, ...]:
    ids: list[int] = []
    number = shift = 0
    for byte in urlsafe_b64decode(packed + b"=" * (-len(packed) % 4)):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            ids.append(number)
            number = shift = 0
    if shift:
        raise ValueError("a number is cut off")
    return tuple(ids)
