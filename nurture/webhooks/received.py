"""Calls from other systems, known by their signature (Standard Webhooks 1.0.0, `v1`).

The bytes that came are verified before anything is read from them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from nurture.ledger.errors import NurtureError

TOLERANCE = timedelta(minutes=5)
"""How far from now a signature may be dated, either way."""
MOST_SIGNATURES = 10
_ID = re.compile(r"[!-~]{1,200}", re.ASCII)


class NotSigned(NurtureError):
    """The call is not signed as it has to be; the text says what is missing, and no more."""


def verify(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: datetime
) -> str:
    """The call's id, if one of the keys signed id, time and body, not long ago; NotSigned else.

    Every key is tried on every signature, so that the time it takes tells nothing.
    """
    number, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    said = headers.get("webhook-signature", "")
    if not (_ID.fullmatch(number) and said and re.fullmatch(r"[0-9]{1,12}", stamp, re.ASCII)):
        raise NotSigned("webhook-id, webhook-timestamp and webhook-signature are needed")
    signed = f"{number}.{stamp}.".encode() + body
    given = [_signature(each) for each in said.split()[:MOST_SIGNATURES]]
    fits = False
    for key in keys:
        wanted = hmac.digest(key, signed, sha256)
        for each in given:
            fits |= hmac.compare_digest(wanted, each)
    if not fits:
        raise NotSigned("webhook-signature does not fit")
    if abs(int(stamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise NotSigned("webhook-timestamp is more than five minutes off: sign it anew")
    return number


def _signature(text: str) -> bytes:
    version, _, signature = text.partition(",")
    try:
        return base64.b64decode(signature, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
