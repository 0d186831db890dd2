"""Words of strangers (a reason, a name), made fit to keep and to show; instants in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nurture.language.files.outcomes import is_about
from nurture.ledger.errors import InputRefused

LONGEST = 300
SHORTEST = 3
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def one_line(text: str) -> str:
    """NFC, on one line, without control, format (bidi) and surrogate characters."""
    spaced = "".join(" " if char.isspace() else char for char in text[: 20 * LONGEST])
    kept = "".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFC", kept).split())


def reason(text: str, allowed: Sequence[str]) -> str:
    """The reason as it is kept: an allowed one in its own spelling, perhaps with a note behind a
    colon, or free text.

    Refused with the allowed ones: fewer than 3 letters or digits, more than 300 characters.
    """
    clean = one_line(text)
    for known in allowed:
        if clean.casefold() == known.casefold():
            return known
        if is_about(clean, known):
            note = clean.split(":", known.count(":") + 1)[-1].strip()
            clean = f"{known}: {note}" if note else known
            break
    named = f"say one of: {', '.join(allowed)}; or write your own" if allowed else "write one"
    if sum(char.isalnum() for char in clean) < SHORTEST:
        raise InputRefused(f"A reason is needed, so that marketing can learn from it: {named}.")
    if len(clean) > LONGEST:
        raise InputRefused(
            f"The reason has {len(clean)} characters, {LONGEST} are the most: {named}."
        )
    return clean


def clock(at: datetime, zone: str, *, now: datetime) -> str:
    """An instant in a zone: `Mon 09:00`, with the date when it is a week off or more."""
    place = ZoneInfo(zone)
    local = at.astimezone(place)
    near = abs((local.date() - now.astimezone(place).date()).days) < 7
    return f"{local:%a %H:%M}" if near else f"{local:%a} {local.day} {local:%b %Y %H:%M}"


_LOOKALIKES = str.maketrans(
    {
        "<": "‹", ">": "›", "@": "＠", "[": "［", "]": "］", "*": "∗", "_": "＿", "`": "ˋ",
        "~": "∼", "#": "＃", "|": "ǀ", "\\": "＼", "{": "｛", "}": "｝",
    }
)  # fmt: skip
_INNER_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_SCHEME = re.compile(r":(?=//)")


def unlinked(value: Any) -> Any:
    """A value, and all in it, in letters no chat program reads as more than text: no mention
    (`<!channel>`, `@here`), link, picture or mark-up, on one line; it looks almost the same."""
    if isinstance(value, str):
        plain = one_line(value).translate(_LOOKALIKES)
        return _INNER_DOT.sub("\u2024", _SCHEME.sub("\uff1a", plain))
    if isinstance(value, dict):
        return {key: unlinked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [unlinked(each) for each in value]
    return value
