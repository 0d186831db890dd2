"""The demo's month on a virtual clock: what happened outside, then a tick, then what follows."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from app.demo.people import Deed, reader, rep
from app.dice import Dice
from app.virtual_clock import VirtualClock
from flows.runtime import Runtime
from flows.tick import Outcome
from handoff.answering import answers, outcomes
from handoff.desk import board
from insight.listing import sent_at
from nurture.ledger import tables as t
from nurture.ledger.errors import Conflict
from nurture.ledger.intake import leads
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import EngagementIn, OwnEngagement

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 30
STEP = timedelta(hours=4)
MOST_OFFERS = 10_000
KINDS = {"open": "email_opened", "click": "email_clicked"}


@dataclass
class Story:
    """Plays a month: `tick` is called every four hours and at each SLA instant.

    Leads are heard of at the steps of four hours; what sales does counts at every instant.
    """

    runtime: Runtime
    clock: VirtualClock
    engagements: list[EngagementIn]
    tick: Callable[[Runtime, datetime], Awaitable[Outcome]]
    days: int = DAYS
    dice: Dice = field(default_factory=lambda: Dice("trial month"))
    ticks: int = 0
    unseen: int = 0
    failures: list[str] = field(default_factory=list)
    _readers_deeds: list[Deed] = field(default_factory=list)
    _sales_deeds: list[Deed] = field(default_factory=list)
    _seen_mail: set[int] = field(default_factory=set)
    _seen_offers: set[tuple[int, int]] = field(default_factory=set)

    async def play(self, progress: Callable[[datetime], None]) -> None:
        """From the first to the last instant; `progress` is told each one."""
        end = BEGIN + timedelta(days=self.days)
        at = BEGIN
        while at <= end:
            self._until(at)
            self.clock.now = at
            outcome = await self.tick(self.runtime, at)
            self.ticks += 1
            self.unseen += outcome.unseen
            self.failures += outcome.failures
            self._look_ahead()
            progress(at)
            at = self._next(at)

    def _next(self, at: datetime) -> datetime:
        """The next step of four hours, or the SLA instant before it."""
        step = BEGIN + STEP * ((at - BEGIN) // STEP + 1)
        with self.runtime.ledger.begin() as session:
            due = board.next_due(session, now=at)
        return step if due is None or not at < due < step else due

    def _until(self, at: datetime) -> None:
        """Let everything happen that happens up to `at`, each at its own instant."""
        with self.runtime.ledger.begin() as session:
            self._done_until(session, self._sales_deeds, at)
            if (at - BEGIN) % STEP:
                return
            self._done_until(session, self._readers_deeds, at)
            happened = [e for e in self.engagements if e.occurred_at <= at]
            del self.engagements[: len(happened)]
            if happened:
                take(session, happened, now=at, create_leads=True)

    def _done_until(self, session: Session, deeds: list[Deed], at: datetime) -> None:
        while deeds and deeds[0].at <= at:
            self._do(session, heapq.heappop(deeds))

    def _do(self, session: Session, deed: Deed) -> None:
        definitions, now = self.runtime.definitions(), deed.at
        try:
            match deed.kind:
                case "open" | "click":
                    take(session, [_engagement(session, deed)], now=now, create_leads=False)
                case "unsubscribe":
                    leads.opt_out(
                        session, deed.lead_id, None, now=now, reason="clicked unsubscribe"
                    )
                case "accept":
                    answers.accept(session, definitions, deed.subject, now=now)
                case "touch":
                    answers.touch(session, definitions, deed.subject, how=deed.detail, now=now)
                case "reject":
                    answers.reject(session, definitions, deed.subject, reason=deed.detail, now=now)
                case "won":
                    outcomes.outcome(session, definitions, deed.subject, result="won", now=now)
                case "lost":
                    outcomes.outcome(
                        session, definitions, deed.subject, result="lost", reason=deed.detail,
                        now=now,
                    )  # fmt: skip
        except Conflict:
            pass  # somebody was faster: the ladder gave the lead on, or it came back

    def _look_ahead(self) -> None:
        """Plan what people will do about the mails and offers that just reached them."""
        with self.runtime.ledger.begin() as session:
            for deed in self._readers(session):
                heapq.heappush(self._readers_deeds, deed)
            for deed in self._reps(session):
                heapq.heappush(self._sales_deeds, deed)

    def _readers(self, session: Session) -> Iterator[Deed]:
        for mail in sent_at(session, self.clock.now):
            if mail.id not in self._seen_mail:
                self._seen_mail.add(mail.id)
                yield from reader(self.dice, mail)

    def _reps(self, session: Session) -> Iterator[Deed]:
        now = self.clock.now
        for offer in board.handoffs(session, now=now, states=("offered",), limit=MOST_OFFERS):
            if not offer.rep or offer.offered_at != now:
                continue
            if (offer.id, offer.generation) in self._seen_offers:
                continue
            self._seen_offers.add((offer.id, offer.generation))
            due = {clock.kind: clock.due_at for clock in offer.clocks}
            if {"accept", "first_touch"} <= due.keys():
                yield from rep(self.dice, offer, due["accept"], due["first_touch"])


def _engagement(session: Session, deed: Deed) -> OwnEngagement:
    message = session.get_one(t.Message, deed.subject)
    properties: dict[str, Any] = {"email": message.template}
    return OwnEngagement(
        source="nurture",
        key=f"demo-{deed.kind}-{deed.subject}",
        kind=KINDS[deed.kind],
        lead_id=deed.lead_id,
        message_id=deed.subject,
        occurred_at=deed.at,
        properties=properties,
    )
