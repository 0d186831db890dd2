"""Moving leads through a send step, against bare SQL writing the same rows to the same database.

Baseline and engine write the same columns under the same indexes and durability, in transactions
of the same size; sums are compared before anything is printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from benchmarks import ledgers
from benchmarks.ledgers import NOW
from nurture.ledger.batches import SIZE
from nurture.ledger.engine import Ledger
from nurture.sequences.advance import advance
from nurture.sequences.openings import keep_openings
from nurture.sequences.standing import DueStage

LEADS = 100_000
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


def bare(ledger: Ledger) -> None:
    """The same rows by hand-written SQL."""
    for low in range(0, LEADS, SIZE):
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


def timed(url: str, work: Callable[[Ledger], None], *, leads: int = LEADS) -> tuple[float, object]:
    """Seconds on a fresh ledger, and the sums by which two runs are compared."""
    ledger = ledgers.fresh(url)
    try:
        empty(ledger)
        ledgers.fill(ledger, leads)
        with ledger.begin() as session:
            keep_openings(session, ledgers.definitions(window=True), now=NOW)
        began = time.perf_counter()
        work(ledger)
        seconds = time.perf_counter() - began
        return seconds, sums(ledger)
    finally:
        ledger.close()


def empty(ledger: Ledger) -> None:
    """Take out what `fill` and a run put in."""
    with ledger.begin() as session:
        for table in ("message", "decision", "enrolment", "definition", "opening", "lead"):
            session.execute(text(f"DELETE FROM {table}"))


def sums(ledger: Ledger) -> tuple[int, ...]:
    """What two runs are compared by: messages, whose, their instants, leads that moved."""
    with ledger.begin() as session:
        return tuple(
            session.execute(
                text(
                    "SELECT count(*), sum(enrolment_id), sum(due_at - planned_at), "
                    "sum(expires_at - allowed_at), (SELECT count(*) FROM enrolment "
                    "WHERE position = 2 AND due_at IS NULL) FROM message"
                )
            ).one()
        )


def main() -> None:
    """Print the ratio of rows a second, engine over bare SQL (the design asks for 0.5)."""
    with ledgers.ledgers() as found:
        for name, url in found:
            pairs = [(timed(url, bare), timed(url, engine)) for _ in range(3)]
            for (_, by_hand), (_, by_engine) in pairs:
                assert by_hand == by_engine, f"{name}: {by_hand} is not {by_engine}"
            ratios = sorted(hand / ours for (hand, _), (ours, _) in pairs)
            windowed, _ = timed(url, lambda ledger: engine(ledger, window=True))
            bare_rate = LEADS / min(hand for (hand, _), _ in pairs)
            print(
                f"advance {name}: {ratios[1]:.2f} of bare SQL ({ratios[0]:.2f} to {ratios[2]:.2f};"
                f" bare {bare_rate:,.0f} leads/s; with windows in four zones "
                f"{LEADS / windowed:,.0f} leads/s)"
            )


if __name__ == "__main__":
    main()
