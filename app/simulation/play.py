"""The days of a simulation: leads come, people do what was drawn for them, a tick, and again.

Every step is the live engine's: leads come in as by the import, engagements by the intake, sales
answers as by its command, and all the rest is `run_tick`.  Time goes in steps: whatever happens
within one is seen by the tick at its end, as of its own instant.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.simulation.agenda import Act, Agenda
from app.simulation.cohort import MadeUp, Newcomer
from app.simulation.model import Deed, Habit
from app.simulation.people import KINDS, People
from app.simulation.taking import Taking
from app.virtual_clock import VirtualClock
from flows.runtime import Runtime
from flows.tick import run_tick
from handoff.answering import answers, outcomes
from insight import received
from insight.outlook import Diary
from insight.sales_days import standing
from nurture.ledger.errors import Conflict
from nurture.ledger.intake import leads
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import EngagementIn, OwnEngagement

SOURCE = "simulation"
BATCH = 5_000
HELD = "held: "
"""How a pass counts mails it put off."""


class Player:
    """Plays all steps of an agenda, and keeps a diary."""

    def __init__(
        self, *, runtime: Runtime, clock: VirtualClock, taking: Taking, agenda: Agenda,
        people: People, zone: ZoneInfo, recorded: Sequence[EngagementIn] = (),
    ) -> None:  # fmt: skip
        self.runtime, self.clock, self.taking = runtime, clock, taking
        self.agenda, self.people, self.zone = agenda, people, zone
        self.recorded = deque(recorded)
        self.made_up: MadeUp | None = None
        self.arrivals: deque[tuple[datetime, int]] = deque()
        self.diary = Diary()
        self.failures: Counter[str] = Counter()
        self.ticks = 0
        self._next_due: datetime | None = None
        self._news = True

    # -- who is there

    def expect(self, made_up: MadeUp, count: int) -> None:
        """So many made-up leads are going to come."""
        self.made_up = made_up
        self.arrivals = deque(made_up.arrivals(count, self.agenda.begin))

    def settle(self, habits: Sequence[Habit]) -> None:
        """Everybody in the ledger has these habits from the beginning on."""
        with self.runtime.ledger.looking() as session:
            numbers = received.everybody(session)
        for lead in numbers:
            self._plan(self.people.arrived(lead, self.agenda.begin, habits))

    # -- time

    def play(self, progress: Callable[[int, int], None]) -> None:
        """From the first to the last step; `progress` is told how many of how many are done."""
        for number in range(self.agenda.steps + 1):
            at = self.clock.now = self.agenda.instant(number)
            self._arrive(at)
            self._replay(at)
            self._happen(self.agenda.take(number), at)
            if self._news or (self._next_due is not None and self._next_due <= at):
                self._tick(at)
            self._write_diary(number)
            progress(number, self.agenda.steps)

    def _tick(self, at: datetime) -> None:
        outcome = run_tick(self.runtime, now=at)
        self.ticks += 1
        self.failures.update(outcome.failures)
        self._next_due, self._news = outcome.next_due, False
        for (what, _), count in outcome.tally.counts.items():
            if what.startswith(HELD):
                self.diary.put_off[what.removeprefix(HELD)] += count
        taken = self.taking.take()
        if not taken:
            return
        with self.runtime.ledger.looking() as session:
            mails = received.mails(session, taken)
            offers = received.offers(session, taken)
        for mail in mails:
            self._plan(self.people.read(mail))
        for offer in offers:
            self._plan(self.people.answer(offer))

    def _plan(self, acts: Iterable[Act]) -> None:
        for act in acts:
            self.agenda.put(act)

    def _write_diary(self, number: int) -> None:
        """In the evening: how many handoffs each team has."""
        day = self.agenda.instant(number).astimezone(self.zone).date()
        if number == self.agenda.steps:
            return
        if self.agenda.instant(number + 1).astimezone(self.zone).date() > day:
            with self.runtime.ledger.looking() as session:
                self.diary.evenings[day] = standing(session)

    # -- what leads do

    def _arrive(self, at: datetime) -> None:
        while self.made_up and self.arrivals and self.arrivals[0][0] <= at:
            come = [
                self.made_up.newcomer(*self.arrivals.popleft())
                for _ in range(min(BATCH, len(self.arrivals)))
                if self.arrivals[0][0] <= at
            ]
            self._welcome(come, at)

    def _welcome(self, come: Sequence[Newcomer], at: datetime) -> None:
        self._news = True
        with self.runtime.ledger.begin() as session:
            leads.put_leads(session, [each.row for each in come], now=at, reason=SOURCE)
            keys = [each.row.email_key for each in come if each.row.email_key]
            numbers = received.numbers(session, keys)
            told = []
            for each, key in zip(come, keys, strict=True):
                lead = numbers[key]
                told += [
                    _engagement(lead, deed, f"first/{lead}/{place}", each.at)
                    for place, deed in enumerate(each.first)
                ]
                self._plan(self.people.arrived(lead, each.at, each.habits))
            _tell(session, told, now=at)

    def _replay(self, at: datetime) -> None:
        happened = []
        while self.recorded and self.recorded[0].occurred_at <= at:
            happened.append(self.recorded.popleft())
        if happened:
            self._news = True
            with self.runtime.ledger.begin() as session:
                _tell(session, happened, now=at, create_leads=True)

    def _happen(self, acts: Sequence[Act], at: datetime) -> None:
        if not acts:
            return
        self._news = True
        with self.runtime.ledger.begin() as session:
            _tell(session, list(self._told(acts)), now=at)
            for act in acts:
                if act.what not in KINDS and act.what != "habit":
                    self._answer(session, act)

    def _told(self, acts: Sequence[Act]) -> Iterator[OwnEngagement]:
        """What leads did; a habit is planned anew each time."""
        for act in acts:
            if act.what == "habit":
                habit, times, until = act.detail
                key = f"{act.lead}/{act.subject}/{times}"
                yield _engagement(act.lead, habit, key, act.at)
                again = self.people.again(act.lead, act.subject, habit, act.at, times, until=until)
                self._plan(again)
            elif act.what in KINDS:
                yield OwnEngagement(
                    source=SOURCE, key=f"{act.what}/{act.subject}", kind=KINDS[act.what],
                    lead_id=act.lead, message_id=act.subject, occurred_at=act.at,
                    properties={"email": act.detail},
                )  # fmt: skip

    # -- what sales does

    def _answer(self, session: Session, act: Act) -> None:
        offer, reason = act.detail
        of = (session, self.runtime.definitions(), offer.id)
        who: dict[str, Any] = {"by": offer.rep, "generation": offer.generation, "now": act.at}
        try:
            match act.what:
                case "accept":
                    answers.accept(*of, **who)
                case "touch":
                    answers.touch(*of, how="called", **who)
                case "reject":
                    answers.reject(*of, reason=reason, **who)
                case "won" | "lost" as result:
                    outcomes.outcome(*of, result=result, reason=reason, **who)
        except Conflict:
            pass  # it was given on, or went back to nurture, before the rep came to it


def _engagement(lead: int, deed: Deed, key: str, at: datetime) -> OwnEngagement:
    return OwnEngagement(
        source=SOURCE, key=key, kind=deed.event, lead_id=lead, occurred_at=at,
        properties=dict(deed.with_),
    )  # fmt: skip


def _tell(
    session: Session, told: Sequence[EngagementIn], *, now: datetime, create_leads: bool = False
) -> None:
    for first in range(0, len(told), BATCH):
        take(session, told[first : first + BATCH], now=now, create_leads=create_leads)
