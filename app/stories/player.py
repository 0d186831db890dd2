"""Playing one story: what is due happens at its instant, deeds at theirs, expectations in between.

Every step is the live engine's: leads come in by the import, engagements by the intake, sales
answers as by its command, and all the rest is `run_tick`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.stories.rehearsal import Rehearsal
from flows.tick import Outcome, run_tick
from handoff.answering import answers, outcomes
from handoff.desk.board import handoffs
from handoff.desk.seats import speaker
from insight.stories import Difference, Witness
from nurture.calendar.zones import local_instant
from nurture.language.files.expecting import instant
from nurture.language.files.story import Deed, Story
from nurture.language.files.update import UpdateModel
from nurture.ledger.errors import InputRefused, NotFound, NurtureError
from nurture.ledger.intake import leads
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import read_engagements
from nurture.ledger.timeline import TimelineLine, timeline
from nurture.sequences.asked import ask_in

REASON = "the story"
NAMELESS = "lead@example.test"
"""The address of a story's lead that has none: nobody."""
MOST_TICKS = 10_000


@dataclass(frozen=True)
class Failed:
    """An `expect` (the story's entry `number`, from 0) that was not met."""

    number: int
    at: datetime
    differences: tuple[Difference, ...]


@dataclass
class Played:
    """What became of a story: expectations not met, or the deed that could not be done.

    `lines` is the lead's timeline as it was at the first thing that went wrong.
    """

    zone: str
    failed: list[Failed] = field(default_factory=list)
    trouble: str = ""
    trouble_at: int = 0
    lines: list[TimelineLine] = field(default_factory=list)
    ticks: int = 0

    @property
    def passed(self) -> bool:
        """Everything came as expected."""
        return not self.failed and not self.trouble


class _Stopped(NurtureError):
    """The story cannot go on."""


def play(rehearsal: Rehearsal, sequence: str, story: Story) -> Played:
    """Play a story of a sequence from the beginning; what others left behind is forgotten."""
    return _Player(rehearsal, sequence, story).play()


class _Player:
    def __init__(self, rehearsal: Rehearsal, sequence: str, story: Story) -> None:
        self.rehearsal, self.runtime = rehearsal, rehearsal.runtime
        self.definitions = self.runtime.definitions()
        self.story = story
        zone = story.lead.timezone or self.definitions.workspace.zone
        self.place = ZoneInfo(zone)
        self.played = Played(zone)
        self.address = story.lead.email or (
            f"id:{story.lead.external_id}" if story.lead.external_id else NAMELESS
        )
        self.events = 0
        self.news = True  # nothing was looked at yet
        self.next_due: datetime | None = None
        self.sequence = sequence
        self.lead = 0

    @property
    def now(self) -> datetime:
        return self.rehearsal.clock.now

    def instant(self, wall: datetime) -> datetime:
        return local_instant(wall.date(), wall.hour * 60 + wall.minute, self.place)

    def play(self) -> Played:
        number, doing = 0, "lead"
        try:
            self.rehearsal.caller.told = {
                name: (told.status, told.answer) for name, told in self.story.webhooks.items()
            }
            self.rehearsal.begin(self.instant(self.story.entries[0][0]))
            self.lead = self.make_lead()
            self.witness = Witness(
                self.lead, self.sequence, self.place, self.definitions.scoring
            )
            for number, (wall, deed) in enumerate(self.story.entries):
                doing = f"{instant(wall)} {deed.verb}"
                self.pass_to(self.instant(wall))
                self.do(number, deed)
        except NurtureError as error:
            self.played.trouble, self.played.trouble_at = f"{doing}: {error}", number
            self.note_timeline()
        return self.played

    # -- time

    def pass_to(self, at: datetime) -> None:
        """Everything due before `at` happens at its own instant; then it is `at`."""
        if at > self.now and self.news:
            self.tick()
        while self.next_due is not None and self.next_due < at:
            self.rehearsal.clock.now = max(self.next_due, self.now)
            self.tick()
        self.rehearsal.clock.now = max(at, self.now)

    def tick(self) -> None:
        outcome: Outcome = run_tick(self.runtime, now=self.now)
        self.played.ticks += 1
        if outcome.failures:
            raise _Stopped(f"a pass failed: {'; '.join(outcome.failures)}")
        again = outcome.next_due is not None and outcome.next_due <= self.now
        if again or self.played.ticks > MOST_TICKS:
            raise _Stopped(f"something is due again and again at {self.now:%Y-%m-%d %H:%M} UTC")
        self.news, self.next_due = False, outcome.next_due

    def look(self) -> None:
        """A tick, if there is anything new or due."""
        if self.news or (self.next_due is not None and self.next_due <= self.now):
            self.tick()

    # -- deeds

    def do(self, number: int, deed: Deed) -> None:
        if deed.expect is not None:
            self.look()
            with self.runtime.ledger.looking() as session:
                found = self.witness.differences(session, deed.expect, now=self.now)
            if found:
                self.note_timeline()
                self.played.failed.append(Failed(number, self.now, tuple(found)))
            return
        with self.runtime.ledger.begin() as session:
            if deed.event is not None:
                self.engage(session, deed.event, deed.with_, deed.times)
            elif deed.update is not None:
                self.update(session, deed.update)
            elif deed.enter:
                self.enter(session, deed.key)
            else:
                self.answer(session, deed)
        self.news = True

    def engage(
        self, session: Session, kind: str, properties: Mapping[str, Any], times: int
    ) -> None:
        first = self.events
        self.events += times
        told = [
            {
                "source": "story", "key": str(number), "kind": kind, "lead": self.address,
                "occurred_at": self.now, "properties": properties,
            }
            for number in range(first, self.events)
        ]  # fmt: skip
        read, refused = read_engagements(told)
        if refused:
            raise InputRefused(f"{refused[0].field} {refused[0].problem}")
        take(session, [engagement for _, engagement in read], now=self.now, create_leads=False)

    def update(self, session: Session, update: UpdateModel) -> None:
        said: dict[str, Any] = {"now": self.now, "reason": REASON}
        for name, value in update.fields.items():
            leads.change_field(session, self.lead, name.removeprefix("attr."), value, **said)
        if update.lifecycle is not None:
            leads.change_field(session, self.lead, "lifecycle", update.lifecycle, **said)
        leads.change_tags(
            session, self.lead, add=update.add_tags, remove=update.remove_tags, **said
        )
        for topic in update.subscribe:
            leads.opt_in(session, self.lead, topic, **said)
        for topic in update.unsubscribe:
            leads.opt_out(session, self.lead, topic, **said)

    def enter(self, session: Session, key: str) -> None:
        asked: dict[str, Any] = {"key": key, "reason": "asked in", "now": self.now}
        (said,) = ask_in(session, self.definitions, self.sequence, [self.lead], **asked)
        if said.state == "refused":
            raise InputRefused(said.reason)

    def answer(self, session: Session, deed: Deed) -> None:
        found = handoffs(session, now=self.now, lead=self.lead)
        newest = max(found, key=lambda row: row.id, default=None)
        if newest is None:
            raise NotFound("the lead was not offered to sales yet")
        who: dict[str, Any] = {"by": speaker(self.definitions, deed.by), "now": self.now}
        of = (session, self.definitions, newest.id)
        match deed.sales:
            case "accept":
                answers.accept(*of, **who)
            case "touch":
                answers.touch(*of, how=deed.how, **who)
            case "reject":
                answers.reject(*of, reason=deed.reason, **who)
            case "recycle":
                answers.recycle(*of, reason=deed.reason, **who)
            case "give":
                answers.give(*of, to=deed.to, **who)
            case "pause":
                assert deed.until is not None  # the checks ask for it
                answers.pause(*of, until=self.instant(deed.until), reason=deed.reason, **who)
            case "snooze":
                assert deed.for_ is not None
                answers.snooze(*of, length=deed.for_, **who)
            case "resume":
                answers.resume(*of, **who)
            case "meeting" | "opportunity" | "won" | "lost" as result:
                said = {"amount": deed.amount, "reason": deed.reason}
                outcomes.outcome(*of, result=result, **who | said)

    # -- the lead

    def make_lead(self) -> int:
        given = self.story.lead
        plain = given.model_dump(exclude={"tags", "topics", *(given.__pydantic_extra__ or ())})
        said = {name: str(value) for name, value in plain.items() if value}
        if not given.external_id:
            said.setdefault("email", NAMELESS)
        row = leads.read_lead(said, given.own)
        row = replace(row, tags=tuple(dict.fromkeys(given.tags)))
        with self.runtime.ledger.begin() as session:
            leads.put_leads(session, [row], now=self.now, reason=REASON)
            number = leads.find_lead(session, self.address).id
            assert number is not None
            for topic, word in given.topics.items():
                change = leads.opt_in if word == "subscribed" else leads.opt_out
                change(session, number, topic, now=self.now, reason=REASON)
        return number

    def note_timeline(self) -> None:
        if not self.played.lines:
            with self.runtime.ledger.looking() as session:
                self.played.lines = timeline(session, self.lead)
