"""Chance that can be played again: numbers drawn from a hash of (seed, question)."""

from __future__ import annotations

import hashlib


class Dice:
    """Draws numbers in [0, 1) that depend on nothing but the seed and the question: one lead more
    changes nothing for the others, and neither does the order of asking."""

    def __init__(self, seed: str) -> None:
        self._seeded = hashlib.sha256(f"{seed}|".encode())

    def draw(self, *question: object) -> float:
        """The answer to a question, the same every time."""
        said = self._seeded.copy()
        said.update("|".join(map(str, question)).encode())
        return int.from_bytes(said.digest()[:8]) / 2**64
