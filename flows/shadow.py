"""Versions in shadow: their ledger hears what is new of leads, then has a tick of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from flows.runtime import Runtime
from flows.work import Piece
from handoff.answering.following import repeat_answers
from nurture.language.applied.shadows import follow_versions
from nurture.ledger.copies import following
from nurture.ledger.tally import Tally
from nurture.sequences.following import repeat_asked


def pieces(
    live: Runtime, beside: Runtime, tick: Callable[[], Tally], *, now: datetime
) -> Iterator[Piece]:
    """What is new goes over, batch by batch; then everything due at `now` is done there."""
    yield Piece("hear", lambda: hear(live, beside, now=now), ("shadow",))
    yield Piece("play", tick, ("shadow",))


def hear(live: Runtime, beside: Runtime, *, now: datetime) -> Tally:
    """One batch of news.  They are forgotten only when the copy has them: a crash in between makes
    it hear them again, which changes nothing."""
    with live.ledger.looking() as source:
        news = following.listen(source)
        with beside.ledger.begin() as target:
            follow_versions(source, target)
        if news is None:
            return Tally()
        definitions = beside.definitions()
        with beside.ledger.begin() as target:
            done = following.hear(
                source, target, news, sequences=definitions.active.keys(), now=now
            )
            done += repeat_asked(source, target, definitions, news.leads, now=now)
            done += repeat_answers(source, target, definitions, news.leads, now=now)
    with live.ledger.begin() as session:
        following.forget(session, news)
    return done + Tally(more=True)
