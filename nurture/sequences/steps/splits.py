"""The step that leaves to chance where a lead goes."""

from __future__ import annotations

from itertools import accumulate

from sqlalchemy import Insert, Update, true

from nurture.language import words
from nurture.language.definitions import Definitions
from nurture.language.once import once
from nurture.language.program import Program, Split
from nurture.ledger.draws import PRIME, draw
from nurture.ledger.tally import Tally
from nurture.sequences.visit import E, Visit, fork


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
