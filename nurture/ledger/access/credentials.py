"""Secrets that machines and browsers hold: `<prefix>_<secret>`, of which rows keep the SHA-256.

The prefix finds the row; the secret is compared in constant time, also where there is no row.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_SHAPE = re.compile(r"([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODY = hashlib.sha256(b"no credential has this hash's secret").hexdigest()


@dataclass(frozen=True)
class Credential:
    """One that was just made: `text` is for its holder, prefix and hash for the row."""

    prefix: str
    secret_hash: str
    text: str


def fresh() -> Credential:
    """A new one, of 256 bits."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    return Credential(prefix, hashed(secret), f"{prefix}_{secret}")


def parts(given: str) -> tuple[str, str]:
    """(prefix, secret) of what somebody gave; the prefix is '' where it has another shape."""
    shape = _SHAPE.fullmatch(given)
    prefix, secret = shape.groups() if shape else ("", given[:43])
    return prefix, secret


def fits(secret: str, kept: str | None) -> bool:
    """Whether a secret has the hash that was kept; as slow where there is none."""
    return hmac.compare_digest(hashed(secret), kept or _NOBODY)


def hashed(secret: str) -> str:
    """What a row keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
