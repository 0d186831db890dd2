"""One lead as somebody tells it: cleaned, checked, ready to be put into the ledger."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from nurture.ledger.errors import InputRefused
from nurture.ledger.intake.many_addresses import address_of_many

FIELDS = (
    "email",
    "external_id",
    "first_name",
    "last_name",
    "company",
    "job_title",
    "phone",
    "country",
    "language",
    "timezone",
    "lifecycle",
    "tags",
)
"""The fields every lead can have; anything else is an attribute of the workspace's own."""
TEXTS = ("first_name", "last_name", "company", "job_title", "phone", "country", "language")
LIFECYCLES = (
    "subscriber",
    "lead",
    "mql",
    "sal",
    "sql",
    "opportunity",
    "customer",
    "recycled",
    "disqualified",
)
LONGEST = 200
LONGEST_ATTRIBUTE = 10_000
JOINERS = "\u200c\u200d"
"""Invisible, yet letters do not join rightly without them in Persian, Hindi and others."""


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead's fields, those not said left out; `email` is already the address we write to."""

    email: str | None
    external_id: str | None
    fields: Mapping[str, str]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def email_key(self) -> str | None:
        return self.email.casefold() if self.email else None


def read_lead(values: Mapping[str, str], attributes: Mapping[str, Any]) -> LeadRow:
    """Read texts by field name (see FIELDS); empty ones count as not said.

    Raises InputRefused naming the field and the reason.  `tags` are separated by `,` `;` or `|`.
    """
    said: dict[str, str] = {}
    for name in TEXTS:
        if text := clean(values.get(name, ""), name):
            said[name] = text
    external = clean(values.get("external_id", ""), "external_id") or None
    written = values.get("email", "").strip()
    email = address_of_many(written).text if written else None
    if email is None and external is None:
        raise InputRefused(
            "neither an address nor an external id: the lead could not be told apart"
        )
    if zone := clean(values.get("timezone", ""), "timezone"):
        said["timezone"] = known_zone(zone)
    if lifecycle := clean(values.get("lifecycle", ""), "lifecycle").lower():
        said["lifecycle"] = _one_of("lifecycle", lifecycle, LIFECYCLES)
    tags = clean(values.get("tags", ""), "tags", LONGEST_ATTRIBUTE)
    return LeadRow(email, external, said, attributes, split_tags(tags))


def clean(text: str, name: str, longest: int = LONGEST) -> str:
    """A text as it is kept: NFC, without the spaces around it and without invisible marks.

    Control characters, line breaks and what is longer than `longest` are refused.
    """
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text.strip()
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > longest:
        raise InputRefused(f"{name} is {len(text)} characters long, {longest} is the most")
    kept = []
    for letter in text:
        category = unicodedata.category(letter)
        if letter in "\n\r\v\f\x85\u2028\u2029":
            raise InputRefused(f"{name} holds a line break")
        if category in ("Cc", "Cs"):
            raise InputRefused(f"{name} holds the control character U+{ord(letter):04X}")
        if category == "Cf" and letter not in JOINERS:
            continue  # marks that turn the writing direction, zero-width spaces, soft hyphens
        kept.append(letter)
    return "".join(kept).strip()


def clean_attribute(text: str, name: str) -> str:
    """An own attribute's text: line breaks may stand in it, NUL and half characters may not."""
    if len(text) > LONGEST_ATTRIBUTE:
        raise InputRefused(
            f"{name} is {len(text)} characters long, {LONGEST_ATTRIBUTE} is the most"
        )
    if "\0" in text:
        raise InputRefused(f"{name} holds a NUL character")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputRefused(f"{name} holds half a character")
    return text.strip()


@lru_cache(maxsize=2_000)
def split_tags(text: str) -> tuple[str, ...]:
    """The tags of a text, each once, in order."""
    parts = text.replace(";", ",").replace("|", ",").split(",")
    return tuple(dict.fromkeys(tag for part in parts if (tag := part.strip())))


@lru_cache(maxsize=2_000)
def known_zone(name: str) -> str:
    """The zone's name, if the time zone database has it; else InputRefused with the nearest."""
    return _one_of("timezone", name, _zones())


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _one_of(name: str, found: str, allowed: tuple[str, ...]) -> str:
    if found in allowed:
        return found
    near = difflib.get_close_matches(found, allowed, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = f": one of {', '.join(allowed)}" if len(allowed) < 20 else " of the IANA database"
    raise InputRefused(f"{name} “{found}” is not known{hint or listed}")
