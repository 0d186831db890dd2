"""Moving leads through a send step, against bare SQL writing the same rows to the same database.

Baseline and engine write the same columns under the same indexes and durability, in transactions
of the same size; sums are compared before anything is printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from sqlalchemy import text

from benchmarks import ledgers
from benchmarks.figures import Figure, same
from benchmarks.ledgers import NOW
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.batches import SIZE
from nurture.sequences.advance import advance
from nurture.sequences.openings import keep_openings
from nurture.sequences.standing import DueStage

LEADS, PAIRS = 100_000, 3
STAGE = DueStage(1, "bench", "a", frozenset({1}))
MICROS = int(NOW.timestamp()) * 1_000_000
LATE = 24 * 3600 * 1_000_000
BARE = (
    """INSERT INTO message (kind, enrolment_id, step, lead_id, template, topic, path, state,
       planned_at, due_at, allowed_at, expires_at, hours, zone)
       SELECT 'nurture', id, 'send:hello#1', lead_id, 'hello', 'tips', 'bench/a/1', 'due',
       :now, :now, due_at, due_at + :late, NULL, 'lead'
       FROM enrolment WHERE id > :low AND id <= :high AND position = 1""",
    """UPDATE enrolment SET position = 2, due_at = NULL, since_at = NULL, recheck_at = NULL,
       step_at = :now, path = 'bench/a/1'
       WHERE id > :low AND id <= :high AND position = 1""",
)


def bare(ledger: Ledger, *, leads: int = LEADS) -> None:
    """The same rows by hand-written SQL."""
    for low in range(0, leads, SIZE):
        with ledger.begin() as session:
            values = {"now": MICROS, "late": LATE, "low": low, "high": low + SIZE}
            for statement in BARE:
                session.execute(text(statement), values)


def engine(ledger: Ledger, *, window: bool = False) -> None:
    """The engine's own pass."""
    definitions = ledgers.definitions(window=window)
    more = True
    while more:
        with ledger.begin() as session:
            more = advance(session, definitions, STAGE, tick=0, now=NOW).more


def timed(
    url: str, work: Callable[[Ledger], None], *, leads: int = LEADS
) -> tuple[float, dict[str, object]]:
    """Seconds on a ledger filled anew, and the sums by which two runs are compared."""
    ledger = ledgers.fresh(url)
    try:
        ledgers.fill(ledger, leads)
        with ledger.begin() as session:
            keep_openings(session, ledgers.definitions(window=True), now=NOW)
        began = time.perf_counter()
        work(ledger)
        seconds = time.perf_counter() - began
        with ledger.looking() as session:
            return seconds, ledgers.sums(session, "message", "enrolment", but=("hours",))
    finally:
        ledger.close()


def measure() -> Iterator[Figure]:
    """The ratio of rows a second, engine over bare SQL."""
    with ledgers.ledgers() as found:
        for name, url in found:
            ratios, hand, ours = compared(url, LEADS)
            windowed, _ = timed(url, lambda ledger: engine(ledger, window=True))
            yield Figure(
                f"{name}: leads through a send step, of bare SQL",
                statistics.median(ratios),
                at_least=0.5,
                detail=f"({min(ratios):.2f} to {max(ratios):.2f}; bare {LEADS / hand:,.0f} "
                f"leads/s, engine {LEADS / ours:,.0f}, with windows in four zones "
                f"{LEADS / windowed:,.0f})",
            )


def compared(url: str, leads: int) -> tuple[list[float], float, float]:
    """Ratios of pairs measured in turn, and the best seconds of each side; Unequal if their rows
    differ."""
    pairs = []
    for _ in range(PAIRS):
        hand, by_hand = timed(url, bare, leads=leads)
        ours, by_engine = timed(url, engine, leads=leads)
        same(by_hand, by_engine, where=url.partition(":")[0])
        pairs.append((hand, ours))
    ratios = [hand / ours for hand, ours in pairs]
    return ratios, min(hand for hand, _ in pairs), min(ours for _, ours in pairs)
