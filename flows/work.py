"""What each flow does, pass by pass, without Prefect: a lazy list of named pieces of work.

The same pieces run as Prefect tasks (`flows.running`) or plainly when Prefect is out of reach.
A piece is looked up only after the one before it is done, so a later one sees its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from flows.runtime import Runtime
from handoff.assignment import assign
from handoff.clocks import run_clocks
from handoff.ladder import climb
from handoff.notices import write_notices
from handoff.opening import open_handoffs
from handoff.touches import met_by_engagements
from nurture.delivery.claim import sweep
from nurture.delivery.deliver import Round, deliver
from nurture.ledger.tally import Tally
from nurture.scoring.rescore import rescore
from nurture.sequences.advance import advance
from nurture.sequences.enrol import enrol
from nurture.sequences.leave import leave
from nurture.sequences.standing import due_stages

Verb = Callable[[Session], Tally]


@dataclass(frozen=True)
class Piece:
    """One pass or one stage: a task in the Prefect UI.  `run` does one batch."""

    name: str
    run: Callable[[], Tally]
    tags: tuple[str, ...] = ()


def _piece(runtime: Runtime, name: str, verb: Verb, *tags: str) -> Piece:
    def run() -> Tally:
        with runtime.ledger.begin() as session:
            return verb(session)

    return Piece(name, run, tags)


def score(runtime: Runtime, *, tick: int, now: datetime) -> Iterator[Piece]:
    """Engagements → scores → episodes → handoffs → notices, sent at once."""
    definitions = runtime.definitions()
    yield _piece(runtime, "rescore", lambda s: rescore(s, definitions, tick=tick, now=now))
    if definitions.handoff is None:
        return
    yield _piece(runtime, "open handoffs", lambda s: open_handoffs(s, definitions, now=now))
    yield _piece(runtime, "assign", lambda s: assign(s, definitions, now=now))
    yield _piece(runtime, "meet clocks", lambda s: met_by_engagements(s, tick, now=now))
    yield from notices(runtime, now=now)


def notices(runtime: Runtime, *, now: datetime) -> Iterator[Piece]:
    """Write the notices owed to sales and hand them over."""
    definitions = runtime.definitions()
    writer = runtime.notices(definitions, now)
    yield _piece(
        runtime, "write notices", lambda s: write_notices(s, definitions, now=now, writer=writer)
    )
    yield Piece("send notices", partial(send, runtime, "notice"))


def nurture(runtime: Runtime, *, tick: int, now: datetime) -> Iterator[Piece]:
    """Who leaves, who enters, and every stage with leads to move, in program order."""
    definitions = runtime.definitions()
    yield _piece(runtime, "leave", lambda s: leave(s, definitions, tick=tick, now=now))
    yield _piece(runtime, "enrol", lambda s: enrol(s, definitions, tick=tick, now=now))
    done: set[tuple[int, str]] = set()
    while True:
        with runtime.ledger.begin() as session:
            due = due_stages(session, definitions, tick=tick, now=now)
        stage = next((each for each in due if (each.definition_id, each.stage) not in done), None)
        if stage is None:
            return
        done.add((stage.definition_id, stage.stage))
        move = partial(advance, definitions=definitions, stage=stage, tick=tick, now=now)
        tags = (f"seq:{stage.sequence}", f"stage:{stage.stage}")
        yield _piece(runtime, f"{stage.sequence} / {stage.stage}", move, *tags)


def mail(runtime: Runtime, *, now: datetime) -> Iterator[Piece]:
    """Take back what dead senders held, then send what is due."""
    yield _piece(runtime, "sweep", lambda s: sweep(s, now=now))
    yield Piece("send mail", partial(send, runtime, "nurture"))
    yield Piece("send notices", partial(send, runtime, "notice"))


def escalate(runtime: Runtime, *, now: datetime) -> Iterator[Piece]:
    """Clocks that lapsed, rungs that are due, leads nobody had time for; and their notices."""
    definitions = runtime.definitions()
    yield _piece(runtime, "run clocks", lambda s: run_clocks(s, definitions, now=now))
    yield _piece(runtime, "climb ladders", lambda s: climb(s, definitions, now=now))
    yield _piece(runtime, "assign", lambda s: assign(s, definitions, now=now))
    yield from notices(runtime, now=now)


def send(runtime: Runtime, kind: str) -> Tally:
    """Everything of a kind that is due, through the workspace's transport."""
    definitions = runtime.definitions()
    round_ = Round(
        ledger=runtime.ledger,
        definitions=definitions,
        press=runtime.press(definitions),
        owner=runtime.owner,
        clock=runtime.clock,
        stop=runtime.stop.is_set,
    )
    connections = runtime.connections if kind == "nurture" else 1
    return deliver(round_, runtime.transport, kind=kind, connections=connections)
