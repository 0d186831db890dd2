"""A cell's text as the value of an attribute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from nurture.ledger.errors import InputRefused
from nurture.ledger.intake.lead_rows import clean_attribute

Value = str | int | float | bool
TYPES = ("text", "number", "yes_no", "date")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}", re.ASCII)
YES_NO = {
    "yes": True, "y": True, "true": True, "1": True, "on": True,
    "no": False, "n": False, "false": False, "0": False, "off": False,
}  # fmt: skip
SHORT = 40


def attribute(name: str, text: str, types: Mapping[str, str]) -> Value | None:
    """The value of an attribute's cell, None for an empty one; raises InputRefused.

    What is not declared becomes a number or yes/no only when it can be nothing else: a postal code
    with its leading zero stays text.
    """
    kind = types.get(name)
    if kind is None:
        return _guess(text) if len(text) <= SHORT and text.isprintable() else _text(name, text)
    bare = text.strip()
    if not bare:
        return None
    if kind == "number":
        return _number(name, bare)
    if kind == "yes_no":
        if bare.casefold() not in YES_NO:
            raise InputRefused(f"{name}: {_shown(bare)} is neither yes nor no")
        return YES_NO[bare.casefold()]
    if kind == "date":
        return _date(name, bare)
    return _text(name, text)


def _text(name: str, text: str) -> str | None:
    return clean_attribute(text, name) or None


@lru_cache(maxsize=50_000)
def _guess(text: str) -> Value | None:
    bare = text.strip()
    if _INTEGER.fullmatch(bare):
        return int(bare)
    if _DECIMAL.fullmatch(bare):
        return float(bare)
    if bare.casefold() in ("true", "false"):
        return bare.casefold() == "true"
    return bare or None


def _number(name: str, text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        found = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e15:
        raise InputRefused(f"{name}: {_shown(text)} is not a number such as 1234.5")
    return found


def _date(name: str, text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise InputRefused(f"{name}: {_shown(text)} is not a date such as 2026-03-02") from None


def _shown(text: str) -> str:
    return f"“{text[:60]}{'…' if len(text) > 60 else ''}”"
