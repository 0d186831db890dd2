"""Signatures as Standard Webhooks wants them (version 1.0.0 of its specification, `v1`).

`webhook-signature` holds one signature a secret: while one is replaced both are in force.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from nurture.ledger.types import to_micros

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The keys of `whsec_…` secrets, separated by spaces or commas; ValueError says what is wrong,
    without the secret."""
    given = text.replace(",", " ").split()
    return tuple(_key(number, each) for number, each in enumerate(given, start=1))


def _key(number: int, text: str) -> bytes:
    form = f"{PREFIX} and {SHORTEST} to {LONGEST} bytes in base64"
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"secret {number} is not {form}")
    return key


def headers(keys: Sequence[bytes], *, number: str, body: str, at: datetime) -> dict[str, str]:
    """The three headers of a call made at `at`; its number is the same at every try."""
    stamp = str(to_micros(at) // 1_000_000)
    signed = f"{number}.{stamp}.{body}".encode()
    signatures = [base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys]
    return {
        "webhook-id": number,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def number_of(enrolment: int, step: str, planned_at: datetime) -> str:
    """The call's number for its receiver, who tells repeats by it: of what never changes."""
    text = f"{enrolment}/{step}/{to_micros(planned_at)}"
    return f"call_{sha256(text.encode()).hexdigest()[:32]}"
