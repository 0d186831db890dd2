"""The step that leaves to chance where a lead goes."""

from __future__ import annotations

from itertools import accumulate

from sqlalchemy import Insert, Update, and_, true

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program, Split
from nurture.language.grammar import words
from nurture.ledger.draws import PRIME, draw
from nurture.ledger.tally import Tally
from nurture.sequences.visit import E, Visit, Way, fork
from nurture.sequences.winners import consider, was_drawn, won


def split(visit: Visit, step: Split) -> Tally:
    """Send every lead down the arm it draws, or the one that won; those held out go on."""
    consider(visit, visit.definitions, visit.program, step)
    ways, why = _split(visit.definitions, visit.program, step)
    moved = sum(map(visit.run, ways))
    visit.run(why)
    return Tally.of("split", moved, path=step.path)


@once
def _split(_: Definitions, program: Program, step: Split) -> tuple[list[Update], Insert]:
    """Those held out; those who come now that an arm won; and each arm, who draw ever higher."""
    drawn = draw(E.lead_id, f"{program.sequence}/{step.name}")
    aside = (words.held_out(step.name, step.hold_out), step.hold_out, step.next)
    ways = [aside] if step.hold_out else []
    ways += [(words.drawn(step.name, *arm[:2]), *arm[1:]) for arm in step.arms]
    *tops, _last = accumulate(share for _, share, _ in ways)
    tests = [drawn < round(PRIME * top / 100) for top in tops]
    tested = zip([*tests, true()], ways, strict=True)
    drawing = [(test, reason, way) for test, (reason, _, way) in tested]
    at = 1 if step.hold_out else 0
    drawing[at:at] = _following(program, step)
    return fork(program, step, "split", drawing)


def _following(program: Program, step: Split) -> list[Way]:
    """Down the arm that won, but for those who drew one before it did."""
    if step.winner is None:
        return []
    winner = won(program.sequence, step.name).scalar_subquery()
    new = ~was_drawn(program.sequence, step.name, E.lead_id)
    return [
        (and_(winner == arm, new), words.followed(step.name, arm), target)
        for arm, _, target in step.arms
    ]
