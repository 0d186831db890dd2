"""What an answer says: flat values that conditions can ask for, and when to come again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

MOST_BYTES = 65_536
"""Of an answer's body; the rest is not read."""
MOST_VALUES = 20
LONGEST = 200
LONGEST_REST = timedelta(hours=6)
INTEGER = 2**63


def values_of(content: bytes) -> dict[str, Any]:
    """The plain values of a JSON object, `{"tier": "gold"}` as `answer.tier`; {} for anything else.

    At most 20 of them, texts of at most 200 letters; what the ledger cannot keep is left out.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    kept = [(name, value) for name, value in found.items() if _storable(name) and _plain(value)]
    return {f"answer.{name}": value for name, value in kept[:MOST_VALUES]}


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return -INTEGER <= value < INTEGER
    return isinstance(value, float) and math.isfinite(value) and abs(value) < INTEGER


def _storable(text: str) -> bool:
    half = any("\ud800" <= letter <= "\udfff" for letter in text)
    return 0 < len(text) <= LONGEST and "\0" not in text and not half


def rest_of(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """How long `Retry-After` asks to wait, in seconds or until a date; at most six hours."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), LONGEST_REST)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return min(max(at - now, timedelta()), LONGEST_REST)
