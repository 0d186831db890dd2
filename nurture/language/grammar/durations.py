"""Lengths of time as people write them: `90 minutes`, `2 days`, `4 business hours`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
LONGEST = timedelta(days=3660)
MOST = LONGEST.total_seconds()
"""A larger number is too large in any unit (and one much larger no time at all)."""
_FORM = re.compile(r"(\d+(?:\.\d+)?) (business )?([a-z]+?)s?", re.ASCII)


class DurationUnreadable(ValueError):
    """A text that is no duration; `found` is the unit in it, `allowed` the units there are."""

    def __init__(self, text: object) -> None:
        form = 'write a number and a unit, as in "90 minutes", "2 days" or "4 business hours"'
        super().__init__(f"{_shown(text)} is no duration: {form}")
        word = re.search(r"[A-Za-z]+$", str(text).strip())
        units = tuple(f"{unit}s" for unit in UNITS)
        named = word is not None and f"{word[0].removesuffix('s')}s" in units
        self.found = str(text) if word is None or named else word[0]
        self.allowed = () if named else units


@dataclass(frozen=True)
class Span:
    """A length of elapsed time, or of business time (`business`) in some calendar."""

    amount: timedelta
    business: bool = False

    def __str__(self) -> str:
        return say(self.amount, business=self.business)


def _shown(text: object) -> str:
    shown = f'"{text}"' if isinstance(text, str | int | float) else "this"
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def parse_span(text: object) -> Span:
    """Read a duration; ValueError says what is wrong and what is allowed."""
    match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or match[3] not in UNITS:
        raise DurationUnreadable(text)
    business = match[2] is not None
    if business and match[3] not in ("minute", "hour"):
        raise ValueError(f'"{text}": business time is counted in minutes or hours')
    amount = float(match[1]) * UNITS[match[3]] if float(match[1]) <= MOST else LONGEST * 2
    if not timedelta(seconds=1) <= amount <= LONGEST:
        raise ValueError(f"{_shown(text)} is not between one second and ten years")
    return Span(amount, business)


def parse_elapsed(text: object) -> timedelta:
    """Read a duration of elapsed time (no business hours)."""
    span = parse_span(text)
    if span.business:
        raise ValueError(f'"{text}": elapsed time is meant here, not business time')
    return span.amount


def say(amount: timedelta, *, business: bool = False) -> str:
    """A duration in the words of the language, in the largest unit that fits evenly."""
    word = "business " if business else ""
    for unit in ("week", "day", "hour", "minute"):
        if business and unit in ("week", "day"):
            continue
        if amount and amount % UNITS[unit] == timedelta(0):
            count = amount // UNITS[unit]
            return f"{count} {word}{unit}{'s' if count != 1 else ''}"
    return f"{amount.total_seconds():g} {word}seconds"
