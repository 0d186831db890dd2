"""Splits and their arms: how many mails went, how many did it, and whether one has won."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program, Split
from nurture.language.files.winner import Winner
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import Asking
from nurture.sequences.winners import counted

USUAL = Winner("click_rate", 0, 0.95)
"""What the arms of a split without a `winner` are counted by."""


@dataclass(frozen=True)
class ArmLine:
    """Leads of an arm a mail went to, and how many of them did it."""

    arm: str
    share: float
    sends: int
    hits: int
    rate: float


@dataclass(frozen=True)
class LookLine:
    """What the last look found: `p` against 1 - confidence, the difference of two rates bounded."""

    look: int
    at: datetime
    best: str
    against: str
    p: float
    low: float
    high: float
    winner: str


@dataclass(frozen=True)
class SplitLine:
    """A split of an applied sequence; `after` is 0 where no winner is looked for.

    `next_at` is how many sends of each arm the next look takes, 0 when there is none.
    """

    sequence: str
    split: str
    path: str
    by: str
    after: int
    confidence: float
    hold_out: float
    arms: tuple[ArmLine, ...]
    last: LookLine | None = None
    next_at: int = 0


def splits(session: Session, definitions: Definitions, *, now: datetime) -> list[SplitLine]:
    """Every split of the applied sequences; a query a split, and one for its last look."""
    return [
        _line(Asking(session, 0, now), definitions, program, step)
        for program in definitions.active.values()
        for step in program.steps
        if isinstance(step, Split)
    ]


def _line(asking: Asking, definitions: Definitions, program: Program, split: Split) -> SplitLine:
    rule = split.winner or USUAL
    arms = counted(asking, definitions, program, split, rule.by)
    last = _last(asking.session, program.sequence, split.name)
    over = not rule.after or (last is not None and last.winner)
    return SplitLine(
        sequence=program.sequence,
        split=split.name,
        path=split.path,
        by=rule.by,
        after=rule.after,
        confidence=rule.confidence,
        hold_out=split.hold_out,
        arms=tuple(
            ArmLine(name, share, arms[name].sends, arms[name].hits, arms[name].rate)
            for name, share, _ in split.arms
        ),
        last=last,
        next_at=0 if over else rule.after * 2 ** (last.look if last else 0),
    )


def _last(session: Session, sequence: str, split: str) -> LookLine | None:
    look = t.SplitLook
    mine = (col(look.sequence) == sequence, col(look.split) == split)
    found = session.execute(select(look).where(*mine).order_by(col(look.look).desc()).limit(1))
    row = found.scalar()
    if row is None:
        return None
    return LookLine(
        row.look, row.at, row.best, row.against, row.p, row.low, row.high, row.winner
    )
