"""One tick: everything due at one `now`, as jobs in order; run plainly here, visibly in `running`.

Jobs are found one after another, so a later one sees what an earlier one wrote.  The rounds end
when nothing is due at `now` any more, or nothing moves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import exists, select
from sqlmodel import Session

from flows import work
from flows.runtime import Runtime
from flows.work import Piece
from handoff.board import next_due as next_handoff_due
from nurture.delivery import waiting
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.errors import NurtureError
from nurture.ledger.tally import Tally
from nurture.ledger.upsert import table_of
from nurture.scoring.rescore import next_due as next_score_due
from nurture.sequences import standing
from nurture.sequences.openings import keep_openings

log = logging.getLogger(__name__)
ROUNDS = 50
"""A tick that is not done by then ends; the next one goes on where it stands."""
TOUCH = table_of(t.Touch).c


@dataclass(frozen=True)
class Job:
    """A flow with work to do: its name in the UI and its pieces, found as they are asked for."""

    name: str
    now: datetime
    pieces: Iterator[Piece]


@dataclass
class Outcome:
    """What a tick did.  `busy`: another process had the turn, nothing was done.  `unseen`: Prefect
    did not answer, (part of) the tick is missing in its pictures.

    `next_due` is the next instant something has to be looked at, None when nothing waits.
    """

    now: datetime
    tally: Tally = field(default_factory=Tally)
    failures: list[str] = field(default_factory=list)
    next_due: datetime | None = None
    busy: bool = False
    unseen: bool = False

    def failed(self, piece: Piece, error: Exception) -> None:
        """Note a pass that failed; the others go on."""
        self.failures.append(f"{piece.name}: {reason(error)}")


def reason(error: Exception) -> str:
    """Why something failed, for people; what is not ours goes to the log with its traceback."""
    if isinstance(error, NurtureError):
        return str(error)
    log.error("a pass failed", exc_info=error)
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def run_tick(runtime: Runtime, *, now: datetime) -> Outcome:
    """Do everything due at `now` in this thread, without Prefect."""
    outcome = Outcome(now)
    for job in jobs(runtime, outcome):
        for piece in job.pieces:
            run_piece(piece, outcome)
    return outcome


def run_piece(piece: Piece, outcome: Outcome) -> None:
    """Run a pass batch by batch to its end, and note what it did or why it failed."""
    try:
        more = True
        while more:
            tally = piece.run()
            outcome.tally += Tally(tally.counts)
            more = tally.more
    except Exception as error:  # one bad pass, template or channel stops itself and nothing else
        outcome.failed(piece, error)


def jobs(runtime: Runtime, outcome: Outcome) -> Iterator[Job]:
    """The flows that have work at `outcome.now`, each looked for when the last one is done.

    Takes the turn (another process's tick is left to it) and gives it back at the end; a crash
    leaves touches and leases from which the next tick goes on.
    """
    if not _take_turn(runtime):
        outcome.busy = True
        return
    try:
        for _ in range(ROUNDS):
            before = (dict(outcome.tally.counts), len(outcome.failures))
            worked = False
            for job in _round(runtime, outcome):
                worked = True
                yield job
            stuck = before == (dict(outcome.tally.counts), len(outcome.failures))
            if not worked or stuck or outcome.failures or runtime.stop.is_set():
                break
            _take_turn(runtime)
        with runtime.ledger.begin() as session:
            outcome.next_due = next_due(session, runtime)
    finally:
        ticks.release(runtime.ledger, owner=runtime.owner)


def _take_turn(runtime: Runtime) -> bool:
    return ticks.take_turn(
        runtime.ledger, owner=runtime.owner, clock=runtime.clock, alive=runtime.alive
    )


def _round(runtime: Runtime, outcome: Outcome) -> Iterator[Job]:
    """Once through the flows, for the leads of one claim.

    When a pass failed the claim is not ended: its touches are looked at again by the next tick.
    """
    now = outcome.now
    with runtime.ledger.begin() as session:
        keep_openings(session, runtime.definitions(), now=now)
        tick = _claim(session, runtime, now=now)
    failures = len(outcome.failures)
    for name, pieces in (
        ("score", work.score(runtime, tick=tick, now=now)),
        ("nurture", work.nurture(runtime, tick=tick, now=now)),
        ("deliver", work.mail(runtime, now=now)),
        ("escalate", work.escalate(runtime, now=now)),
    ):
        with runtime.ledger.begin() as session:
            due = DUE[name](session, runtime, tick, now)
        if due:
            yield Job(name, now, pieces)
    if tick and len(outcome.failures) == failures:
        with runtime.ledger.begin() as session:
            ticks.end_tick(session, tick, now=now)


def _claim(session: Session, runtime: Runtime, *, now: datetime) -> int:
    """The number of a tick that holds the waiting touches, 0 when nothing new is known."""
    if not touches_waiting(session):
        return 0
    return ticks.begin_tick(session, now=now, owner=runtime.owner).tick_id


def touches_waiting(session: Session) -> bool:
    """Something new is known of some lead (claimed by nobody, or by a tick that never ended)."""
    return bool(session.execute(select(exists().where(TOUCH.lead_id.is_not(None)))).scalar())


def _score_due(session: Session, runtime: Runtime, tick: int, now: datetime) -> bool:
    due = next_score_due(session)
    return bool(tick) or (due is not None and due <= now)


def _nurture_due(session: Session, runtime: Runtime, tick: int, now: datetime) -> bool:
    due = standing.next_due(session, runtime.definitions())
    return bool(tick) or (due is not None and due <= now)


def _deliver_due(session: Session, runtime: Runtime, tick: int, now: datetime) -> bool:
    due = [waiting.next_due(session, kind) for kind in ("nurture", "notice")]
    return any(each is not None and each <= now for each in due)


def _escalate_due(session: Session, runtime: Runtime, tick: int, now: datetime) -> bool:
    due = next_handoff_due(session, now=now)
    return due is not None and due <= now


Due = Callable[[Session, Runtime, int, datetime], bool]
DUE: dict[str, Due] = {
    "score": _score_due,
    "nurture": _nurture_due,
    "deliver": _deliver_due,
    "escalate": _escalate_due,
}


def next_due(session: Session, runtime: Runtime) -> datetime | None:
    """The next instant any flow has work, as far as rows say; touches are due at once."""
    definitions = runtime.definitions()
    now = runtime.clock()
    if touches_waiting(session):
        return now
    instants = [
        next_score_due(session),
        standing.next_due(session, definitions),
        waiting.next_due(session, "nurture"),
        waiting.next_due(session, "notice"),
        next_handoff_due(session, now=now),
    ]
    return min((instant for instant in instants if instant is not None), default=None)
