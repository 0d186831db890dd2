"""A sales desk with a CRM beside it: one that notes what it is told and says what tests want."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from handoff.answering import answers, outcomes
from handoff.crm import claim, pulling
from handoff.crm.cards import deal_key
from handoff.crm.hearing import hear
from handoff.crm.keeping import keep_crm
from handoff.crm.port import Card, Change, Pulled, Pushed
from handoff.crm.pulling import pull_in
from handoff.crm.pushing import Syncing, push_out
from handoff.routing.assignment import assign
from handoff.routing.opening import open_handoffs
from handoff.tables import CHANGE, CRM, CRM_RECORD, HANDOFF
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.asking import soonest, together
from nurture.ledger.tally import Tally
from nurture.webhooks.port import Answer
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.handoff.telling.office import workspace

DONE = Answer("done", 200, "answered 200")
BUSY = Answer("again", 503, "answered 503")
REFUSED = Answer("failed", 422, "refused: answered 422")
TOKEN = Answer("failed", 401, "refused: answered 401")
PULLING: Mapping[str, Any] = {
    "system": "hubspot",
    "fields": {"first_name": "firstname", "lifecycle": "stage_of_life", "score": "points"},
    "owners": {"bo": "11", "cy@example.test": "12"},
    "stages": {"offered": "new", "accepted": "open", "working": "busy", "won": "closedwon",
               "lost": "closedlost"},
    "outcomes": {"open": "accepted", "called": "contacted", "meeting_set": "meeting",
                 "quote": "opportunity", "closedwon": "won", "closedlost": "lost",
                 "no": "rejected"},
}  # fmt: skip
WEBHOOK: Mapping[str, Any] = {"system": "webhook", "url": "https://crm.example.test/nurture"}

_NEXT = together((*claim.QUESTIONS, *pulling.QUESTIONS))


@dataclass
class Told:
    """A CRM that takes what it is told, unless `answers` says otherwise (None: it hangs)."""

    answers: list[Answer | None] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    hanging: list[Future[Pushed]] = field(default_factory=list)
    looks: list[Pulled | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    slow: list[Future[Pulled]] = field(default_factory=list)
    trouble: str = ""
    always: Answer | None = DONE
    owner: dict[str, str] = field(default_factory=dict)
    stage: dict[str, str] = field(default_factory=dict)

    def push(self, card: Card) -> Future[Pushed]:
        self.cards.append(card)
        future: Future[Pushed] = Future()
        answer = self.answers.pop(0) if self.answers else self.always
        if answer is None:
            self.hanging.append(future)
            return future
        if answer.verdict == "done" and card.deal is not None:  # as one that keeps what it is told
            for kept, said in ((self.owner, card.deal.owner), (self.stage, card.deal.stage)):
                if said:
                    kept[card.deal.key] = said
        refs = {"contact": f"c{card.key}"} if answer.verdict == "done" else {}
        if refs and card.deal is not None:
            refs["deal"] = f"d{card.deal.key}"
        future.set_result(Pushed(answer, refs))
        return future

    def pull(self, cursor: str, *, now: datetime) -> Future[Pulled]:
        self.asked.append(cursor)
        future: Future[Pulled] = Future()
        look = self.looks.pop(0) if self.looks else Pulled(DONE, (), cursor)
        if look is None:
            self.slow.append(future)
        else:
            future.set_result(look)
        return future

    def check(self) -> Future[Answer]:
        future: Future[Answer] = Future()
        future.set_result(DONE)
        return future

    @property
    def last(self) -> Card:
        return self.cards[-1]


class Killed(BaseException):
    """As kill -9 at a commit point."""


@dataclass
class Beside:
    """A desk whose leads a CRM hears of."""

    ledger: Ledger
    known: Definitions
    crm: Told = field(default_factory=Told)
    now: datetime = NOW
    crash: Callable[[str], None] = lambda point: None

    def syncing(self, owner: str = "one") -> Syncing:
        return Syncing(
            self.ledger, self.known, self.crm, owner, lambda: self.now, lambda: False, self.crash
        )

    def offer(self, count: int = 1, *, first: int = 1) -> None:
        """So many leads cross the line and are offered."""
        desk.episodes(self.ledger, count, first=first)
        with self.ledger.begin() as session:
            open_handoffs(session, self.known, now=self.now)
            assign(session, self.known, now=self.now)

    def push(self, after: timedelta = timedelta()) -> Tally:
        """Push until there is no more to do at the instant."""
        self.now += after
        tally = Tally()
        while (found := push_out(self.syncing())) or self._looked():
            tally += found
        return tally

    def _looked(self) -> bool:
        """Look at the CRM, if what waits to be told has to wait for that; whether it did."""
        waits = [row for row in self.rows(CRM_RECORD, state="due") if row.due_at <= self.now]
        before = self.health().generation if waits else 0
        if waits:
            pull_in(self.syncing())
        return bool(waits) and self.health().generation > before

    def pull(self, after: timedelta = timedelta()) -> Tally:
        self.now += after
        return pull_in(self.syncing())

    def says(self, identity: str, handoff: int = 1, **said: Any) -> str:
        """The CRM says something of a handoff."""
        change = Change(identity, deal_key(handoff), said.pop("at", self.now), **said)
        with self.ledger.begin() as session:
            return hear(session, self.known, change, now=self.now)

    def sales(self, verb: str, handoff: int = 1, **said: Any) -> None:
        """An answer of sales here."""
        act = outcomes.outcome if verb == "outcome" else getattr(answers, verb)
        with self.ledger.begin() as session:
            act(session, self.known, handoff, now=self.now, **said)

    def apply(self, crm: Mapping[str, Any] | None, **rules: Any) -> None:
        """Apply a handoff.yaml with this CRM."""
        said = desk.rules(**rules, **({} if crm is None else {"crm": dict(crm)}))
        self.known = replace(self.known, handoff=said)
        with self.ledger.begin() as session:
            keep_crm(session, self.known, now=self.now)

    def rows(self, table: Any, *columns: str, **where: object) -> list[Any]:
        with self.ledger.begin() as session:
            return desk.rows(session, table, *columns, **where)

    def record(self, lead: int = 1) -> Any:
        (row,) = self.rows(CRM_RECORD, lead_id=lead)
        return row

    def handoff(self, number: int = 1) -> Any:
        (row,) = self.rows(HANDOFF, id=number)
        return row

    def next_due(self) -> datetime | None:
        """When the next tick has something to do with the CRM."""
        with self.ledger.begin() as session:
            return soonest(session, _NEXT, now=self.now)

    def health(self) -> Any:
        (row,) = self.rows(CRM)
        return row

    def lines(self, handoff: int = 1) -> list[str]:
        """What the timeline says of a handoff."""
        said = self.rows(CHANGE, "reason", field=f"handoff {handoff}")
        return [row.reason for row in said]

    def kill_at(self, point: str, work: Callable[[], Any]) -> None:
        """Do something, and die at a commit point."""

        def crash(here: str) -> None:
            if here == point:
                raise Killed

        self.crash = crash
        with suppress(Killed):
            work()
            raise AssertionError(f"never came to {point}")
        self.crash = lambda point: None


def webhook_to(url: str) -> dict[str, Any]:
    """The `crm:` of a system at this address."""
    return {"system": "webhook", "url": url}


def beside(ledger: Ledger, crm: Mapping[str, Any] = PULLING) -> Beside:
    """A desk with this CRM."""
    known = desk.set_up(ledger, desk.rules())
    made = Beside(ledger, workspace(known, admin="ops@example.test"))
    made.apply(crm)
    return made
