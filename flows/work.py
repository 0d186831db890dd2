"""What each flow does, pass by pass, without Prefect: a lazy list of named pieces of work.

The same pieces run as Prefect tasks (`flows.running`) or plainly when Prefect is out of reach.
A piece is looked up only after the one before it is done, so a later one sees its rows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlmodel import Session

from flows.runtime import Runtime
from handoff import waiting
from handoff.answering.follow_ups import start_due
from handoff.answering.touches import met_by_engagements
from handoff.crm.pulling import pull_in
from handoff.crm.pushing import Syncing, push_out
from handoff.escalation.ladder import climb
from handoff.routing.assignment import assign
from handoff.routing.opening import open_handoffs
from handoff.sla.clocks import run_clocks
from handoff.sla.pauses import end_waits, heard_from_leads
from handoff.telling.digest import write_digests
from handoff.telling.notices import write_notices
from handoff.telling.posting import Posting, post_out
from nurture.delivery.deliver import Round, deliver
from nurture.delivery.sweep import sweep
from nurture.ledger.tally import Tally
from nurture.ledger.upkeep import upkeep
from nurture.scoring.rescore import rescore
from nurture.sequences.advance import advance
from nurture.sequences.enrol import enrol
from nurture.sequences.leave import leave
from nurture.sequences.standing import DueStage, Place, due_stages
from nurture.webhooks.passes import Calling, call_out

Verb = Callable[[Session], Tally]
Answer = TypeVar("Answer")
A_WHILE = 3.0
"""Seconds of a tick that a CRM may take."""
JUDGING = ("rescore", "leave and enter")
"""The pieces that say who may go on: leads they failed for stay where they are."""


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


def _together(name: str, *pieces: Piece) -> Piece:
    """Pieces that always follow each other as one task: one that fails stops none after it.

    `run` goes on until a piece has another batch to do, or all are done; then it raises what
    failed as one ExceptionGroup.
    """
    waiting = deque(pieces)
    failed: list[Exception] = []

    def run() -> Tally:
        tally = Tally()
        while waiting:
            try:
                done = waiting[0].run()
            except Exception as error:
                failed.append(error)
                done = Tally()
            tally += Tally(done.counts)
            if done.more:
                return tally + Tally(more=True)
            waiting.popleft()
        if failed:
            raise ExceptionGroup(name, failed)
        return tally

    return Piece(name, run)


def _for_a_while(name: str, run: Callable[[], Tally]) -> Piece:
    """A piece whose batches wait for somebody else: what is left after a few seconds is left to the
    next tick."""
    end = 0.0

    def bounded() -> Tally:
        nonlocal end
        end = end or time.monotonic() + A_WHILE
        tally = run()
        return Tally(tally.counts, more=tally.more and time.monotonic() < end)

    return Piece(name, bounded)


def _asked(runtime: Runtime, question: Callable[[Session], Answer]) -> Answer:
    with runtime.ledger.looking() as session:
        return question(session)


def score(runtime: Runtime, *, tick: int, now: datetime) -> Iterator[Piece]:
    """What is new about leads: scores, crossings, handoffs with their notices sent at once, and
    who leaves or enters a sequence."""
    definitions = runtime.definitions()
    yield _piece(runtime, "rescore", lambda s: rescore(s, definitions, tick=tick, now=now))
    yield from offers(runtime, tick=tick, now=now)
    yield _together(
        "leave and enter",
        _piece(runtime, "leave", lambda s: leave(s, definitions, tick=tick, now=now)),
        _piece(runtime, "enter", lambda s: enrol(s, definitions, tick=tick, now=now)),
    )


def offers(runtime: Runtime, *, tick: int = 0, now: datetime) -> Iterator[Piece]:
    """Crossings become handoffs, handoffs get a rep, reps get their notice: as far as any wait.

    Before that clocks run on, or are met, by what the tick says leads and sales did.
    """
    definitions = runtime.definitions()
    found = _asked(runtime, lambda s: waiting.offers(s, tick=tick, now=now))
    if found.returns:
        yield _piece(runtime, "leads that are back", lambda s: heard_from_leads(s, tick, now=now))
    if found.touches:
        meet = partial(met_by_engagements, definitions=definitions, tick=tick, now=now)
        yield _piece(runtime, "meet clocks", meet)
    if found.returns or found.touches:
        found = _asked(runtime, lambda s: waiting.offers(s, now=now))
    if definitions.handoff is None:
        return
    if found.episodes:
        yield _piece(runtime, "open handoffs", lambda s: open_handoffs(s, definitions, now=now))
    if found.episodes or found.queue:
        yield _piece(runtime, "assign", lambda s: assign(s, definitions, now=now))
        found = _asked(runtime, lambda s: waiting.offers(s, now=now))
    if found.drafts:
        writer = runtime.notices(definitions, now)
        verb = partial(write_notices, definitions=definitions, now=now, writer=writer)
        yield _together(
            "notify sales",
            _piece(runtime, "write notices", verb),
            Piece("send notices", partial(send, runtime, "notice")),
            Piece("tell channels", partial(post, runtime)),
        )


def stages(
    runtime: Runtime, *, tick: int, now: datetime, found: list[DueStage] | None = None
) -> Iterator[Piece]:
    """Every stage with leads to move, in program order, and again where leads came to a step nobody
    was due at before; `found` are those of a moment ago, when nothing was done since."""
    definitions = runtime.definitions()
    walked: set[Place] = set()
    due = found
    while True:
        if due is None:
            due = _asked(runtime, lambda s: due_stages(s, definitions, tick=tick, now=now))
        fresh = [stage for stage in due if not stage.places <= walked]
        if not fresh:
            return
        for stage in fresh:
            walked |= stage.places
            move = partial(advance, definitions=definitions, stage=stage, tick=tick, now=now)
            name = stage.stage or "end"
            tags = (f"seq:{stage.sequence}", f"stage:{name}")
            yield _piece(runtime, f"{stage.sequence} / {name}", move, *tags)
        due = None


def mail(
    runtime: Runtime, due: Collection[str], *, judged: int, now: datetime
) -> Iterator[Piece]:
    """Take back what dead senders held, then send what is due, make the calls that are, and tell
    and ask the CRM.

    `judged` is the tick whose look at goals and exits succeeded, 0 for none.
    """
    back = _piece(runtime, "take back", lambda s: sweep(s, now=now))
    for kind, name in (("notice", "send notices"), ("nurture", "send mail")):
        if kind in due:
            yield _together(name, back, Piece(name, partial(send, runtime, kind, judged=judged)))
    if "call" in due:
        yield Piece("call webhooks", partial(call, runtime, judged=judged))
    if "post" in due:
        yield Piece("tell channels", partial(post, runtime))
    if "push" in due:
        yield _for_a_while("tell the CRM", lambda: push_out(syncing(runtime)))
    if "pull" in due:
        yield _for_a_while("ask the CRM", lambda: pull_in(syncing(runtime)))


def escalate(runtime: Runtime, *, now: datetime) -> Iterator[Piece]:
    """Clocks that lapsed, rungs that are due, leads nobody had time for; and their notices, the
    digests of managers, and sequences that start some time after an outcome."""
    definitions = runtime.definitions()

    def digests(session: Session) -> Tally:
        press = partial(runtime.notices, definitions, now)
        return write_digests(session, definitions, press, now=now)

    yield _together(
        "climb ladders",
        _piece(runtime, "end waits", lambda s: end_waits(s, now=now)),
        _piece(runtime, "run clocks", lambda s: run_clocks(s, definitions, now=now)),
        _piece(runtime, "climb", lambda s: climb(s, definitions, now=now)),
        _piece(runtime, "write digests", digests),
        _piece(runtime, "start follow-ups", lambda s: start_due(s, definitions, now=now)),
    )
    yield from offers(runtime, now=now)


def keep(runtime: Runtime, *, now: datetime) -> Iterator[Piece]:
    """Once a day: what nobody asks about any more is dropped."""
    yield _piece(runtime, "tidy", lambda s: upkeep(s, now=now))


def send(runtime: Runtime, kind: str, *, judged: int = 0) -> Tally:
    """Everything of a kind that is due, through the workspace's transport."""
    definitions = runtime.definitions()
    round_ = Round(
        ledger=runtime.ledger,
        definitions=definitions,
        press=runtime.press(definitions),
        owner=runtime.owner,
        clock=runtime.clock,
        stop=runtime.stop.is_set,
        judged=judged,
    )
    connections = runtime.connections if kind == "nurture" else 1
    return deliver(round_, runtime.transport, kind=kind, connections=connections)


def call(runtime: Runtime, *, judged: int = 0) -> Tally:
    """A window of the calls to other systems that are due."""
    return call_out(
        Calling(
            ledger=runtime.ledger,
            definitions=runtime.definitions(),
            caller=runtime.caller,
            owner=runtime.owner,
            clock=runtime.clock,
            stop=runtime.stop.is_set,
            judged=judged,
        )
    )


def syncing(runtime: Runtime) -> Syncing:
    """What the passes with the CRM work with."""
    definitions = runtime.definitions()
    return Syncing(
        ledger=runtime.ledger,
        definitions=definitions,
        crm=runtime.crm(definitions),
        owner=runtime.owner,
        clock=runtime.clock,
        stop=runtime.stop.is_set,
    )


def post(runtime: Runtime) -> Tally:
    """A window of the notices to channels that are due."""
    return post_out(
        Posting(
            ledger=runtime.ledger,
            definitions=runtime.definitions(),
            notifier=runtime.notifier,
            owner=runtime.owner,
            clock=runtime.clock,
            stop=runtime.stop.is_set,
        )
    )
