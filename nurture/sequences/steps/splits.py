"""The step that leaves to chance where a lead goes.

A draw is a number computed in SQL from the lead's id, by a cubic over a prime field whose
coefficients are made of the sequence's and the split's name: for any four leads, and for the same
lead at another split, as good as independent; nothing is stored, and every visit draws the same.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import accumulate
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Insert, Update, cast, literal, true

from nurture.language import words
from nurture.language.definitions import Definitions
from nurture.language.once import once
from nurture.language.program import Program, Split
from nurture.ledger.tally import Tally
from nurture.sequences.visit import E, Visit, fork

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


def split(visit: Visit, step: Split) -> Tally:
    """Send every lead down the arm it draws; those held out go on."""
    ways, why = _split(visit.definitions, visit.program, step)
    moved = sum(map(visit.run, ways))
    visit.run(why)
    return Tally.of("split", moved, path=step.path)


@once
def _split(_: Definitions, program: Program, step: Split) -> tuple[list[Update], Insert]:
    """Those held out and each arm, who draw ever higher."""
    drawn = draw(E.lead_id, f"{program.sequence}/{step.name}")
    aside = (words.held_out(step.name, step.hold_out), step.hold_out, step.next)
    ways = [aside] if step.hold_out else []
    ways += [(words.drawn(step.name, *arm[:2]), *arm[1:]) for arm in step.arms]
    *tops, _last = accumulate(share for _, share, _ in ways)
    tests = [drawn < round(PRIME * top / 100) for top in tops]
    tested = zip([*tests, true()], ways, strict=True)
    return fork(
        program, step, "split", ((test, reason, way) for test, (reason, _, way) in tested)
    )
