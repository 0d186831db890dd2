"""One tick: everything due at one `now`, as jobs in order; run plainly here, visibly in `running`.

Jobs are found one after another, so a later one sees what an earlier one wrote.  The rounds end
when nothing is due at `now` any more, or nothing moves.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain

from sqlmodel import Session

from flows import shadow, work
from flows.due import CRM, OUT, Instants, due_at, next_due, next_due_beside, waiting_flows
from flows.runtime import Runtime
from flows.turn import Turn
from flows.work import Piece
from nurture.ledger import ticks
from nurture.ledger.errors import NurtureError
from nurture.ledger.statements.asking import earliest_of
from nurture.ledger.tally import Tally
from nurture.scoring.rescore import next_due as next_score_due
from nurture.sequences.arrivals import next_room
from nurture.sequences.looks import look_again
from nurture.sequences.openings import keep_openings
from nurture.sequences.standing import DueStage, due_stages

log = logging.getLogger(__name__)
ROUNDS = 50
"""A tick that is not done by then ends; the next one goes on where it stands."""
LOOKS = 5
"""Looks at leads on end.  More than a chain of effects takes come of others who write meanwhile (an
import, answers of sales): mail and notices go before the next ones."""


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
    `broken` names the passes that failed: this tick does not try them again.  `over` is what had
    its while in this tick: the CRM is told and asked once.  `holding` is the number its latest look
    at leads holds touches under.
    """

    now: datetime
    tally: Tally = field(default_factory=Tally)
    failures: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    holding: int = 0
    over: set[str] = field(default_factory=set)
    next_due: datetime | None = None
    busy: bool = False
    unseen: bool = False

    def failed(self, piece: Piece, error: Exception) -> None:
        """Note a pass that failed; the others go on."""
        self.failures.append(f"{piece.name}: {reason(error)}")
        self.broken.add(piece.name)

    @property
    def judged(self) -> int:
        """The tick whose leads may go on and be mailed: 0 when a look at them failed, for it is
        not repeated."""
        return 0 if self.broken & set(work.JUDGING) else self.holding

    def sound(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces that did not fail in this tick."""
        return (piece for piece in pieces if piece.name not in self.broken)


def reason(error: Exception) -> str:
    """Why something failed, for people; what is not ours goes to the log with its traceback."""
    if isinstance(error, NurtureError):
        return str(error)
    if isinstance(error, ExceptionGroup):
        return "; ".join(reason(each) for each in error.exceptions)
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


def jobs(runtime: Runtime, outcome: Outcome) -> Generator[Job]:
    """The flows that have work at `outcome.now`, each looked for when the last one is done.

    Takes the turn (another process's tick is left to it), keeps it while at work and gives it back
    at the end; a crash leaves touches and leases from which the next tick goes on.
    """
    turn = Turn(runtime)
    if not turn.take():
        outcome.busy = True
        return
    try:
        for job in _rounds(_of_one_tick(runtime), outcome, turn):
            yield replace(job, pieces=turn.keeping(job.pieces))
    finally:
        turn.release()


def _rounds(runtime: Runtime, outcome: Outcome, turn: Turn) -> Iterator[Job]:
    """Round after round until nothing is due, nothing moves, or another has taken the turn over;
    then the versions in shadow."""
    for _ in range(ROUNDS):
        before = dict(outcome.tally.counts)
        others = yield from _round(runtime, outcome)
        with runtime.ledger.looking() as session:
            outcome.next_due = next_due(session, runtime, now=outcome.now, others=others)
        done = outcome.next_due is None or outcome.next_due > outcome.now
        stuck = before == dict(outcome.tally.counts)
        if done or stuck or outcome.failures or runtime.stop.is_set() or turn.long(outcome.now):
            break
        if not turn.take():
            return
    yield from _shadow(runtime, outcome)


def _shadow(runtime: Runtime, outcome: Outcome) -> Iterator[Job]:
    """The versions in shadow, last: the world waits for nothing of theirs."""
    beside, now = runtime.shadow(), outcome.now
    if beside is None or runtime.stop.is_set():
        return
    due = next_due_beside(runtime, beside, now=now)
    if due is not None and due <= now:
        play = partial(_play, beside, now=now)
        yield Job("shadow", now, shadow.pieces(runtime, beside, play, now=now))
        due = next_due_beside(runtime, beside, now=now)
    outcome.next_due = earliest_of((outcome.next_due, due))


def _play(beside: Runtime, *, now: datetime) -> Tally:
    """A tick of the copy; what it did is counted apart."""
    played = run_tick(beside, now=now)
    if played.failures:
        raise NurtureError("; ".join(played.failures))
    counts = played.tally.counts.items()
    return Tally({(f"in shadow: {what}", path): count for (what, path), count in counts})


def _of_one_tick(runtime: Runtime) -> Runtime:
    """The runtime with the definitions in force now: a tick works with one set of them."""
    definitions = runtime.definitions()
    return replace(runtime, definitions=lambda: definitions)


def _round(runtime: Runtime, outcome: Outcome) -> Generator[Job, None, Instants | None]:
    """Once through the flows.  What follows at once from a run (leads it touched, steps they
    reached) is done in the same run, so that a run tells a whole story and runs stay few.

    Returns what the flows behind the leads' wait for, None when the last of them did something.
    """
    now = outcome.now
    with runtime.ledger.begin() as session:
        keep_openings(session, runtime.definitions(), now=now)
        look_again(session, now=now)
    yield from _leads(runtime, outcome)
    waiting: Instants | None = None
    for name, parts in (("deliver", OUT), ("escalate", ("escalate",)), ("upkeep", ("upkeep",))):
        if waiting is None:
            with runtime.ledger.looking() as session:
                waiting = waiting_flows(session, runtime.definitions(), now=now)
        due = due_at(waiting, now).intersection(parts) - outcome.over
        if due:
            outcome.over |= due & CRM.keys()
            yield Job(name, now, _pieces(runtime, outcome, name, due))
            waiting = None  # what it did may be work for the next
    return waiting


def _pieces(runtime: Runtime, outcome: Outcome, name: str, due: set[str]) -> Iterator[Piece]:
    """What a flow behind the leads' does."""
    now = outcome.now
    if name == "upkeep":
        return work.keep(runtime, now=now)
    if name == "escalate":
        return _with_effects(runtime, outcome, work.escalate(runtime, now=now))
    mail = work.mail(runtime, due, judged=outcome.judged, now=now)
    return _with_effects(runtime, outcome, mail)


def _leads(runtime: Runtime, outcome: Outcome) -> Iterator[Job]:
    """What is new about leads and whose step is due: one run, called `nurture` when it moves
    leads through stages, `score` when it only looks at what engagements mean."""
    now = outcome.now
    claim = Claim(runtime, outcome)
    rescoring = bool(claim.tick) or _in_time(runtime, now=now)
    score = work.score(runtime, tick=claim.tick, now=now) if rescoring else iter(())
    if rescoring or claim.due:
        pieces = chain(score, _nurture(runtime, outcome, claim, rescored=rescoring))
        yield Job("nurture" if claim.due else "score", now, pieces)


def _in_time(runtime: Runtime, *, now: datetime) -> bool:
    """Points have faded by now, or there is room for who waits to enter."""
    with runtime.ledger.looking() as session:
        instants = (next_score_due(session), next_room(session, runtime.definitions(), now=now))
    return any(each is not None and each <= now for each in instants)


class Claim:
    """The touches one look at leads holds; `tick` is 0 when nothing new is known of anybody.
    `due` are the stages with leads to look at, none when all were `walked` a moment ago.

    Ended only when no pass failed since: else its touches are looked at again by the next tick.
    """

    def __init__(self, runtime: Runtime, outcome: Outcome, *, walked: bool = False) -> None:
        self._runtime, self._outcome = runtime, outcome
        self._failures = len(outcome.failures)
        self.tick = outcome.holding = 0
        with runtime.ledger.looking() as session:
            waiting = ticks.waiting(session, now=outcome.now)
            self.due = [] if waiting or walked else self._due(session)
        if waiting:
            with runtime.ledger.begin() as session:
                claim = ticks.begin_tick(session, now=outcome.now, owner=runtime.owner)
                self.tick = outcome.holding = claim.tick_id
                self.due = self._due(session)

    def _due(self, session: Session) -> list[DueStage]:
        definitions, now = self._runtime.definitions(), self._outcome.now
        return due_stages(session, definitions, tick=self.tick, now=now)

    def end(self) -> None:
        """The touches were looked at."""
        if self.tick and len(self._outcome.failures) == self._failures:
            with self._runtime.ledger.begin() as session:
                ticks.end_tick(session, self.tick, now=self._outcome.now)


def _nurture(
    runtime: Runtime, outcome: Outcome, claim: Claim, *, rescored: bool
) -> Iterator[Piece]:
    found = None if rescored else claim.due
    yield from work.stages(runtime, tick=outcome.judged, now=outcome.now, found=found)
    claim.end()
    yield from _effects(runtime, outcome, walked=True)


def _with_effects(runtime: Runtime, outcome: Outcome, pieces: Iterator[Piece]) -> Iterator[Piece]:
    yield from pieces
    yield from _effects(runtime, outcome)


def _effects(runtime: Runtime, outcome: Outcome, *, walked: bool = False) -> Iterator[Piece]:
    """What follows at once: touched leads are rescored and may enter or leave, steps are walked.

    After a failure once only, without what failed, and the touches stay for the next tick.
    """
    now = outcome.now
    for _ in range(LOOKS):
        claim = Claim(runtime, outcome, walked=walked)
        if not (claim.tick or claim.due):
            return
        if claim.tick:
            yield from outcome.sound(work.score(runtime, tick=claim.tick, now=now))
        found = None if claim.tick else claim.due
        moves = work.stages(runtime, tick=outcome.judged, now=now, found=found)
        yield from outcome.sound(moves)
        if outcome.failures:
            return
        claim.end()
        walked = True
