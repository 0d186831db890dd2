"""What is left to chance for a lead, the same whenever it is asked.

A draw is a number computed in SQL from the lead's id, by a cubic over a prime field whose
coefficients are made of a name: for any four leads, and for the same lead under another name, as
good as independent; nothing is stored.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, literal

PRIME = 2**31 - 1
"""Draws are below it; products of two stay within 64 bits."""


def draw(lead_id: Any, name: str) -> ColumnElement[int]:
    """The lead's number for what is called `name`: evenly spread from 0 to `PRIME - 1`."""
    digest = sha256(name.encode()).digest()
    first, *others = (int.from_bytes(digest[n : n + 8]) % PRIME for n in range(0, 32, 8))
    lead = cast(lead_id, BigInteger) % literal(PRIME, BigInteger)
    value: ColumnElement[Any] = literal(first, BigInteger)
    for coefficient in others:
        value = (value * lead + literal(coefficient, BigInteger)) % literal(PRIME, BigInteger)
    return value
