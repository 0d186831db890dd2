"""Mail addresses: one strict reading, one spelling, one key.

The only way a text becomes an address we write to.  Nothing is guessed or repaired: display
names, comments, quoted local parts, address literals and domains without a dot are refused, each
with its reason.  No DNS is asked.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from nurture.ledger.errors import AddressRefused

LONGEST = 254
"""RFC 5321 §4.5.3.1: 256 octets of path, the angle brackets taken off."""


@dataclass(frozen=True, slots=True)
class NormalAddress:
    """An address as it is stored and written to.

    `local` keeps its letters' case and its plus-tag; `domain` is lower case and ASCII (IDNA 2008).
    """

    local: str
    domain: str

    @property
    def text(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """What is unique: two addresses with one key are one lead. Plus-tags stay distinct."""
        return self.text.casefold()

    def __str__(self) -> str:
        return self.text


def normal_address(text: str) -> NormalAddress:
    """Read one bare address.  Raises `AddressRefused` with the reason in words.

    Spaces and a byte order mark around the whole are taken off, as exports leave them there;
    anything else that is not part of the address, line breaks too, refuses it.
    """
    bare = text.strip(" \t\ufeff")
    _refuse_obvious(bare)
    try:
        # `test_environment` admits the reserved top-level domain .test (RFC 6761), which
        # rehearsals and examples write to; it is never delivered anywhere.
        found = validate_email(
            bare,
            check_deliverability=False,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError as refusal:
        raise AddressRefused(f"“{_shown(bare)}” is not a mail address: {refusal}") from refusal
    if found.ascii_domain is None:  # the library leaves it out for address literals alone
        raise AddressRefused(f"“{_shown(bare)}” is not a mail address: its domain has no name.")
    return NormalAddress(local=found.local_part, domain=found.ascii_domain.lower())


def _refuse_obvious(bare: str) -> None:
    """What deserves a plainer reason than a grammar gives, or what the grammar lets through."""
    reason = ""
    if not bare:
        raise AddressRefused("The address is empty.")
    if len(bare) > LONGEST:
        reason = f"it is {len(bare)} characters long, {LONGEST} is the most"
    elif hidden := next((c for c in bare if unicodedata.category(c)[0] == "C"), ""):
        reason = f"it holds the invisible character U+{ord(hidden):04X}"
    elif any(c.isspace() for c in bare):
        reason = "it holds a space"
    elif "@" not in bare:
        reason = "it has no @"
    elif bare.count("@") > 1:
        reason = f"it has {bare.count('@')} @, one is allowed"
    elif bare.startswith("-"):
        # A mail program started with this as an argument would read an option.
        reason = "it begins with -"
    if reason:
        raise AddressRefused(f"“{_shown(bare)}” is not a mail address: {reason}.")


def _shown(text: str) -> str:
    """A refused text made safe to print: no control characters, no endless lines."""
    clean = "".join(c if c.isprintable() else "·" for c in text[:80])
    return clean + ("…" if len(text) > 80 else "")
