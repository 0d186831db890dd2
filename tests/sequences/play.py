"""A small workspace played on a virtual clock: leads, engagements, whole ticks, mail in a Maildir.

Instants are written as wall time in Berlin, `"2026-03-02 09:00"` or, in that year, `"03-02 09:00"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.changes.applying import apply_workspace
from app.telling.notice_forms import NoticePresses
from flows.runtime import Runtime
from flows.tick import Outcome, run_tick
from handoff.answering import answers, outcomes
from handoff.telling.notifier import AcceptingNotifier
from nurture.delivery.carriers.maildir import MaildirTransport
from nurture.delivery.mails.press import Press
from nurture.delivery.waiting import link_keeper
from nurture.language.applied.loading import load_definitions
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.intake import leads
from nurture.ledger.intake.arrivals import take, withdraw_engagement
from nurture.ledger.intake.incoming import EngagementIn
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import touch
from nurture.sequences import advance, leave
from nurture.webhooks.rehearsal import AnsweringCaller
from tests.sequences.texts import MAIL, MAILS, SCORING, WORKSPACE

BERLIN = ZoneInfo("Europe/Berlin")
KEYS = (b"k" * 32,)
E, M, L, D = (table_of(model).c for model in (t.Enrolment, t.Message, t.Lead, t.Decision))

def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """The instant of a wall time."""
    whole = text if text[4] == "-" else f"2026-{text}"
    return datetime.fromisoformat(whole).replace(tzinfo=zone).astimezone(UTC)


@contextmanager
def batches_of(size: int, definitions: Definitions) -> Iterator[None]:
    """Passes take so few leads a call; statements know the size, so none outlives it."""
    with pytest.MonkeyPatch.context() as patch:
        for room in (advance, leave):
            patch.setattr(room, "SIZE", size)
        definitions.statements.clear()
        yield
        definitions.statements.clear()


@dataclass
class Play:
    """A workspace of one's own and what happens in it."""

    ledger: Ledger
    folder: Path
    now: datetime = field(default_factory=lambda: at("03-02 08:00"))
    owner: str = "test"
    caller: AnsweringCaller = field(default_factory=AnsweringCaller)
    wrap: Callable[[Runtime], Runtime] = lambda runtime: runtime
    plain: bool = True
    """The small workspace of this file; else the folder holds one already."""
    _ids: dict[str, int] = field(default_factory=dict)
    _events: int = 0
    _session: Session | None = None
    _told: list[EngagementIn] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.plain:
            return
        (self.folder / "sequences").mkdir(parents=True, exist_ok=True)
        (self.folder / "templates").mkdir(exist_ok=True)
        self.write("nurture.yaml", WORKSPACE)
        self.write("scoring.yaml", SCORING)
        for name in MAILS:
            self.write(f"templates/{name}.html", MAIL.format(name=name))

    # -- the workspace

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text, encoding="utf-8")

    def apply(self, *sequences: str, **files: str) -> Definitions:
        """Apply sequences, and files by name (`scoring`, `handoff`, `nurture`)."""
        for text in sequences:
            name = text.strip().splitlines()[0].removeprefix("sequence: ")
            self.write(f"sequences/{name}.yaml", text)
        for name, text in files.items():
            self.write(f"{name}.yaml", text)
        applied = apply_workspace(self.ledger, self.folder, now=self.now)
        assert not applied.errors, [str(problem) for problem in applied.errors]
        return self.definitions()

    def definitions(self) -> Definitions:
        with self.ledger.begin() as session:
            return load_definitions(session)

    def runtime(self) -> Runtime:
        keeper = link_keeper(self.ledger)
        return Runtime(
            ledger=self.ledger,
            definitions=self.definitions,
            transport=MaildirTransport(self.folder / "maildir"),
            connections=1,
            keys=KEYS,
            clock=lambda: self.now,
            owner=self.owner,
            press=lambda definitions: Press(definitions, KEYS, keeper),
            notices=NoticePresses(KEYS),
            caller=self.caller,
            notifier=AcceptingNotifier(),
        )

    # -- what happens

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """New leads and what they do now come in together: a quarter of a second less for ten."""
        with self.ledger.begin() as session:
            self._session, self._told = session, []
            try:
                yield
            finally:
                self._session = None
            take(session, self._told, now=self.now, create_leads=False)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        if self._session is not None:
            yield self._session
        else:
            with self.ledger.begin() as session:
                yield session

    def lead(self, name: str = "ann", *, zone: str | None = "Europe/Berlin", **values: Any) -> int:
        fields: dict[str, Any] = {
            "email": f"{name}@example.test", "email_key": f"{name}@example.test",
            "first_name": name.capitalize(), "timezone": zone, "created_at": self.now,
            "updated_at": self.now,
        }  # fmt: skip
        with self._writing() as session:
            row = t.Lead(**(fields | values))
            session.add(row)
            session.flush()
            touch(session, select(L.id).where(L.id == row.id))
            self._ids[name] = row.id or 0
        return self._ids[name]

    def event(
        self, name: str, kind: str, when: str | datetime | None = None, **properties: Any
    ) -> str:
        """Something a lead did, told to us now; returns its key."""
        self._events += 1
        return self.retell(name, kind, when, f"e{self._events}", **properties)

    def retell(
        self, name: str, kind: str, when: str | datetime | None, key: str, **properties: Any
    ) -> str:
        """The same with a key of one's own: told twice it counts once."""
        occurred = at(when) if isinstance(when, str) else when or self.now
        said = EngagementIn(
            source="test", key=key, kind=kind, lead=f"{name}@example.test",
            occurred_at=occurred, properties=properties,
        )  # fmt: skip
        if self._session is not None:
            self._told.append(said)
            return key
        with self.ledger.begin() as session:
            take(session, [said], now=max(self.now, occurred), create_leads=False)
        return key

    def withdraw(self, key: str) -> None:
        engagement = table_of(t.Engagement).c
        with self.ledger.begin() as session:
            number = session.execute(
                select(engagement.id).where(engagement.key == key)
            ).scalar_one()
            withdraw_engagement(session, number, reason="a robot", now=self.now)

    def change(self, name: str, field_: str, value: str) -> None:
        with self.ledger.begin() as session:
            lead = session.get_one(t.Lead, self._ids[name])
            setattr(lead, field_, value)
            touch(session, select(L.id).where(L.id == lead.id))

    def opt_out(self, name: str, topic: str | None = None) -> None:
        with self.ledger.begin() as session:
            leads.opt_out(session, self._ids[name], topic, now=self.now, reason="said stop")

    def sales(self, name: str, answer: str, **values: Any) -> None:
        """The answer of sales to the lead's newest handoff: accept, touch, reject, outcome …"""
        handoff = self.handoff(name)
        with self.ledger.begin() as session:
            verb = outcomes.outcome if answer == "outcome" else getattr(answers, answer)
            verb(session, load_definitions(session), handoff.id, now=self.now, **values)

    def tick(self, when: str | datetime | None = None) -> Outcome:
        """Everything due at an instant; every pass must succeed."""
        if when is not None:
            self.now = at(when) if isinstance(when, str) else when
        outcome = run_tick(self.wrap(self.runtime()), now=self.now)
        assert not outcome.failures, outcome.failures
        return outcome

    def until(self, when: str | datetime, *, step: timedelta = timedelta(days=7)) -> None:
        """Tick whenever something is due, and at least every `step`, up to an instant: what nobody
        is told of comes a week late."""
        end = at(when) if isinstance(when, str) else when
        outcome = self.tick()
        while self.now < end:
            following = min(end, self.now + step)
            if outcome.next_due is not None:
                assert outcome.next_due > self.now, f"due for ever at {self.now}"
                following = min(following, outcome.next_due)
            outcome = self.tick(following)

    # -- what became of it

    def rows(self, query: Any) -> list[Any]:
        with self.ledger.begin() as session:
            return list(session.execute(query).all())

    def sent(self, name: str = "ann") -> list[tuple[str, str]]:
        """The lead's mails: which, and when in the lead's own wall time."""
        zone = self._row(name).timezone
        found = self.rows(
            select(M.template, M.handed_at)
            .where(M.lead_id == self._ids[name], M.kind == "nurture", M.state == "sent")
            .order_by(M.handed_at, M.id)
        )
        place = ZoneInfo(zone) if zone else BERLIN
        return [(mail, f"{when.astimezone(place):%m-%d %H:%M}") for mail, when in found]

    def mails(self, name: str = "ann") -> list[tuple[str, str, str]]:
        """Every mail planned: which, its state, and why."""
        return [
            tuple(row)
            for row in self.rows(
                select(M.template, M.state, M.reason)
                .where(M.lead_id == self._ids[name], M.kind == "nurture")
                .order_by(M.id)
            )
        ]

    def decisions(self, name: str = "ann", *kinds: str) -> list[str]:
        """What was decided about the lead, `kind: reason`, in order."""
        query = select(D.kind, D.reason).where(D.lead_id == self._ids[name]).order_by(D.id)
        found = self.rows(query)
        return [f"{kind}: {why}" for kind, why in found if not kinds or kind in kinds]

    def enrolments(self, name: str = "ann", sequence_: str = "flow") -> list[t.Enrolment]:
        query = select(t.Enrolment).where(E.lead_id == self._ids[name], E.sequence == sequence_)
        with self.ledger.begin() as session:
            return list(session.execute(query.order_by(E.id)).scalars())

    def state(self, name: str = "ann", sequence_: str = "flow") -> str:
        """The state of the lead's last enrolment, '' when it never entered."""
        found = self.enrolments(name, sequence_)
        return found[-1].state if found else ""

    def handoff(self, name: str) -> t.Handoff:
        handoff = table_of(t.Handoff).c
        query = select(t.Handoff).where(handoff.lead_id == self._ids[name])
        with self.ledger.begin() as session:
            found = session.execute(query.order_by(handoff.id.desc()).limit(1)).scalar()
        assert found is not None, f"{name} was never offered to sales"
        return found

    def _row(self, name: str) -> t.Lead:
        with self.ledger.begin() as session:
            return session.get_one(t.Lead, self._ids[name])

    def lead_row(self, name: str = "ann") -> t.Lead:
        return self._row(name)

    def do(self, verb: Callable[[Session], Any]) -> Any:
        with self.ledger.begin() as session:
            return verb(session)
